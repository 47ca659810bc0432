"""The door: `python -m bench.ingest [--seconds 10] [--beside CHECKOUT] [--running] [--json]`.

One gateway process with a broker and a database of its own, no processors (`--running`: the gateway of the running
local stack, whose processors then work too). Three loads: a fixed rate, sent also when answers are late; as fast as
some connections can, one action a request; the same, a hundred a request. A 202 stands for `acks=all`.

`cpu_us`: CPU of the gateway's process for a request, `cpu_us_an_action` for an action; `generator_cpu_us` is what the
generator took for a request. `--beside`: the gateway of another checkout takes its turns in the same run.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Sequence
from pathlib import Path

import uvloop

from bench.alone import OPERATOR, cpu_of, gateway, rss_of, servers
from bench.figures import Json, rows, show, spread
from bench.generator import Answers, Body, Generator
from gateway.cli.access import access
from gateway.cli.stack import look
from gateway.demo.pager import Pager
from gateway.local.paths import CHECKOUT, find_home
from tests.support.tenants import AGENT, Tenant, configure

WARM_UP_S = 1.0
CONNECTIONS = 64
BATCH = 100
BATCH_CONNECTIONS = 16
RATE = 500


async def measure(tenant: Tenant, pid: int, rate: int, seconds: float) -> list[Json]:
    """A row for each load."""
    generator = Generator(tenant.url, tenant.tokens[AGENT])
    found = []
    await generator.as_fast(WARM_UP_S, CONNECTIONS, Body(0, tenant.name))

    async def fixed() -> tuple[Answers, float]:
        return await generator.at_rate(rate, seconds, Body(0, tenant.name + "r")), seconds

    async def single() -> tuple[Answers, float]:
        return await generator.as_fast(seconds, CONNECTIONS, Body(0, tenant.name + "s"))

    async def batches() -> tuple[Answers, float]:
        return await generator.as_fast(seconds, BATCH_CONNECTIONS, Body(BATCH, tenant.name + "b"))

    for load, run, size in ((f"{rate}/s", fixed, 1), ("single", single, 1), ("batches", batches, BATCH)):
        cpu, own = cpu_of(pid), time.process_time()
        answers, took = await run()
        n = max(1, len(answers.times))
        spent = (cpu_of(pid) - cpu) * 1e6 / n
        found.append(
            {
                "load": load,
                "requests_per_s": round(len(answers.times) / took),
                "actions_per_s": round(len(answers.times) * size / took),
                "refused": answers.refused,
                **spread(answers.times),
                "cpu_us": round(spent, 1),
                "cpu_us_an_action": round(spent / size, 1),
                "generator_cpu_us": round((time.process_time() - own) * 1e6 / n, 1),
                "rss_mb": rss_of(pid),
            }
        )
    return found


async def configured(url: str, token: str) -> tuple[Tenant, Pager]:
    """A tenant of one's own."""
    pager = Pager()
    await pager.start()
    return await configure(url, token, f"bench-{time.time_ns() // 1_000_000}", pager), pager


async def running(rate: int, seconds: float) -> list[Json]:
    """The gateway of the running local stack."""
    operator = access(None, None, "operator")
    tenant, pager = await configured(operator.url, operator.token)
    pid = next(row.pid for row in look(find_home()) if row.name == "gateway")
    if pid is None:
        raise SystemExit("no gateway runs here: mandate up")
    try:
        return await measure(tenant, pid, rate, seconds)
    finally:
        await pager.stop()


async def alone(rate: int, seconds: float, checkouts: Sequence[Path] = (CHECKOUT,), times: int = 1) -> list[Json]:
    """The gateways of these checkouts by turns, each `times` times, on one broker and one database."""
    found = []
    with servers() as where:
        for _ in range(times):
            for checkout in checkouts:
                with gateway(where, checkout) as process:
                    tenant, pager = await configured(f"http://{process.address}", OPERATOR)
                    names = {"checkout": checkout.name, "started_in_s": round(process.started_in_s, 2)}
                    found += [names | row for row in await measure(tenant, process.pid, rate, seconds)]
                    await pager.stop()
    return found


def main() -> None:
    """Entry point."""
    parser = argparse.ArgumentParser(prog="python -m bench.ingest", description=__doc__.split("\n")[0])
    parser.add_argument("--rate", type=int, default=RATE, help=f"requests a second of the fixed rate (default {RATE})")
    parser.add_argument("--seconds", type=float, default=10, help="how long each load takes (default 10)")
    parser.add_argument("--running", action="store_true", help="measure the gateway of the running local stack")
    parser.add_argument("--beside", type=Path, action="append", default=[], help="another checkout, by turns")
    parser.add_argument("--times", type=int, default=1, help="turns of each checkout (default 1)")
    parser.add_argument("--json", action="store_true", help="print one JSON document")
    given = parser.parse_args()
    if given.running:
        table = uvloop.run(running(given.rate, given.seconds))
    else:
        checkouts = [*(path.resolve() for path in given.beside), CHECKOUT]
        table = uvloop.run(alone(given.rate, given.seconds, checkouts, given.times))
    show({"seconds": given.seconds, "connections": CONNECTIONS, "loads": table}, rows(table), given.json)


if __name__ == "__main__":
    main()
