"""The command doctor: what is wrong with this machine or this stack, and what to do about it."""

from __future__ import annotations

import json
from collections.abc import Callable

import click

from gateway.cli.stack import look
from gateway.local import state as st
from gateway.local.fetch import redis_server
from gateway.local.paths import Home, find_home
from gateway.local.ports import PREFERRED, is_free
from gateway.local.prerequisites import Check, checks
from gateway.local.supervised import waits_for_log

STANDS = "A transaction hangs; a restart does not help: docs/operating.md, Hanging transactions"


@click.command()
@click.option("--json", "as_json", is_flag=True, help='{"checks": [{"check", "ok", "status", "fix"}]}')
def doctor(as_json: bool) -> int:
    """Check this machine and the local stack; every fault comes with its fix.

    Exit codes: 0 all is well, 1 something has to be fixed.
    """
    home = find_home()
    found = [*checks(str(home.directory)), *_stack_checks(home)]
    if as_json:
        click.echo(json.dumps({"checks": [check._asdict() for check in found]}, indent=1))
    else:
        _table(found)
    return 0 if all(check.ok for check in found) else 1


def _stack_checks(home: Home) -> list[Check]:
    found = [
        _attempt("redis-server", redis_server, "apt-get install redis-server, or give MANDATE_REDIS"),
        _attempt("topology.yaml", lambda: _map(home), "Correct it as the status says, or set MANDATE_TOPOLOGY"),
        _fetched(home),
    ]
    running = st.supervisor_pid(home)
    if running is None:
        return [*found, _ports(), Check("the local stack", True, "not running", "")]
    found.append(Check("the local stack", True, f"running, supervisor {running}", ""))
    for row in look(home):
        status = "healthy" if row.healthy else f"{row.state}: {row.reason}"
        fix = f"mandate logs {row.name}; then mandate up tries again"
        found.append(Check(row.name, row.healthy, status, STANDS if waits_for_log(row.reason) else fix))
    recorded = st.read(home)
    for step in recorded.steps if recorded else []:
        if step.state == st.GIVEN_UP:
            fix = f"mandate logs {step.name}; then mandate up tries again"
            found.append(Check(f"step {step.name}", False, f"given up: {step.reason}", fix))
    return found


def _attempt(name: str, do: Callable[[], str], fix: str) -> Check:
    try:
        return Check(name, True, do(), "")
    except Exception as error:  # a doctor reports whatever it meets
        return Check(name, False, " ".join(str(error).split())[:200], fix)


def _map(home: Home) -> str:
    from schemas import topology

    declared = topology.load(home.topology)
    return f"{len(declared.topics)} topics, {len(declared.rooms)} processors, {len(declared.projections)} read models"


def _fetched(home: Home) -> Check:
    there = (home.cache / "jars" / ".stamp").exists() and (home.cache / "postgres" / ".stamp").exists()
    return Check("Kafka and Postgres", True, "fetched" if there else "not yet fetched; mandate up does it", "")


def _ports() -> Check:
    taken = [f"{name} {port}" for name, port in PREFERRED.items() if not is_free(port)]
    status = f"in use: {', '.join(taken)}; others will be taken" if taken else "free"
    return Check("the usual ports", True, status, "")


def _table(found: list[Check]) -> None:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, pad_edge=False)
    for title in ("check", "", "status", "fix"):
        table.add_column(title)
    for check in found:
        mark = Text("ok", style="green") if check.ok else Text("FIX", style="red bold")
        table.add_row(Text(check.check), mark, Text(check.status), Text("" if check.ok else check.fix))
    Console(soft_wrap=True).print(table)
