"""A gateway with nothing behind it but the log and its database: Kafka and Postgres of one's own, one gateway process.

What the door itself can do is not to be had from a whole stack on two cores: there the processors take their share of
every action that it accepts. Two checkouts can be measured by turns on the same broker: `gateway(…, checkout=…)`.
"""

from __future__ import annotations

import hashlib
import os
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from bench.broker import broker
from gateway.local import postgres
from gateway.local.children import Running, Spec
from gateway.local.paths import CHECKOUT, find_home
from gateway.local.ports import HOST, free_port
from gateway.local.probes import http_answers
from processors.host.admin import TopicState
from projections import migrate
from schemas import topology

OPERATOR = "the-operator-of-a-measurement"
_PASSWORD = "only-for-bench"
_TICKS = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True)
class Servers:
    """Where the broker and the database are; `folder` takes logs."""

    kafka: str
    postgres: str
    folder: Path


@contextmanager
def servers() -> Iterator[Servers]:
    """Kafka with the map's topics, and a Postgres with the tables."""
    with tempfile.TemporaryDirectory(prefix="mandate-bench-") as name, broker(topology.load(), _SPARE) as address:
        folder = Path(name)
        port = free_port()
        spec = postgres.spec(find_home(), folder / "data", port, _PASSWORD, durable=False)
        running = Running(spec, folder / "postgres.log")
        running.start()
        try:
            dsn = postgres.dsn(port, _PASSWORD, "postgres")
            migrate.apply(dsn)
            yield Servers(address, dsn, folder)
        finally:
            running.kill()


_SPARE = TopicState("bench.unused", 1, 1)


@contextmanager
def gateway(where: Servers, checkout: Path = CHECKOUT) -> Iterator[Running]:
    """A gateway of this checkout, or of another one with the same tables; ends with the block."""
    address = f"{HOST}:{free_port()}"
    env = {
        "MANDATE_KAFKA": where.kafka,
        "MANDATE_POSTGRES": where.postgres,
        "MANDATE_HTTP": address,
        "MANDATE_OPERATOR_TOKEN_SHA256": hashlib.sha256(OPERATOR.encode()).hexdigest(),
        "MANDATE_ENVIRONMENT": "development",
        "MANDATE_WEBHOOK_NETWORKS": "127.0.0.0/8",
        "PYTHONPATH": str(checkout),
    }
    # -P: not the code of the folder in which the measurement was begun.
    argv = (sys.executable, "-P", "-m", "gateway")
    running = Running(Spec("gateway", argv, address, http_answers(address), env), where.folder / "gateway.log")
    running.start()
    try:
        yield running
    finally:
        running.stop()


def cpu_of(pid: int) -> float:
    """CPU seconds that a process has taken, the kernel's for it included."""
    # The name in brackets may hold blanks; utime and stime are the 14th and 15th field.
    after = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(after[11]) + int(after[12])) / _TICKS


def rss_of(pid: int) -> int:
    """Resident memory in MB."""
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") // 1_000_000
