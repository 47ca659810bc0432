"""The commands up, down and status of the local stack."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import click

from gateway.local import state as st
from gateway.local.connections import connections
from gateway.local.errors import LocalStackError, last_run, tail
from gateway.local.leftovers import end_leftovers
from gateway.local.paths import CHECKOUT, Home, find_home
from gateway.local.plan import probe_of
from gateway.local.setup import prepare

EXIT_NOT_RUNNING = 3
LOOK_EVERY_S = 0.1
# A broker that was killed takes up to 90 s to start on a busy machine (children.START_DEADLINE_S), then ours follow.
READY_S = 120.0
# The supervisor gives each of its two layers 10 s; then it is killed and its children with it.
DOWN_DEADLINE_S = 25.0


@dataclass(frozen=True)
class Row:
    """One process as `status` shows it; pid and rss_mb are None when it does not run or is not ours."""

    name: str
    pid: int | None
    healthy: bool
    address: str
    rss_mb: float | None
    started_in_s: float | None
    restarts: int
    state: str
    reason: str


@click.command()
@click.option("--separate", is_flag=True, help="One process per processor and read model, as in Kubernetes.")
@click.option("--timeout", default=READY_S, show_default=True, help="Seconds until all must be healthy.")
@click.option("--json", "as_json", is_flag=True, help="Print what `status --json` prints.")
def up(separate: bool, timeout: float, as_json: bool) -> int:
    """Start the local stack in the background and wait until every process is healthy.

    A real Apache Kafka, Postgres and Redis and Mandate's own processes, supervised; data and logs are below
    .mandate/. MANDATE_KAFKA, MANDATE_POSTGRES and MANDATE_REDIS name servers to be used instead. Running it
    again goes on where it stopped, and tries again what was given up.

    \b
    Examples:
      mandate up
      MANDATE_KAFKA=broker:9092 mandate up --separate

    Exit codes: 0 all healthy, 1 something was given up or is not healthy in time, 130 interrupted (what was
    started stays).
    """
    home = find_home()
    begun = time.monotonic()
    supervisor = st.supervisor_pid(home)
    if supervisor is None:
        prepare(home, lambda text: click.echo(text, err=True))
        supervisor = start_supervisor(home, separate)
    else:
        _join(home, supervisor, separate)
    _wait_until_ready(home, supervisor, begun, timeout)
    click.echo(f"ready in {time.monotonic() - begun:.1f} s", err=True)
    rows = look(home)
    if as_json:
        click.echo(as_document(rows))
        return 0
    _table(rows)
    where = connections(home)
    click.echo(f"\nPage:   {where.url}/\nKafka:  {where.kafka}\nLogs:   {home.logs}")
    click.echo("Next:   mandate demo   |  mandate status  |  mandate logs -f  |  mandate down")
    return 0


@click.command()
@click.option("--purge", is_flag=True, help="Delete the data of Kafka, Postgres and Redis, and the logs.")
@click.option("--yes", is_flag=True, help="Do not ask before --purge.")
def down(purge: bool, yes: bool) -> int:
    """Stop the local stack, also one whose supervisor was killed. Data stay unless --purge is given.

    Exit codes: 0 nothing runs any more, 1 a process could not be ended.
    """
    home = find_home()
    if purge and not yes:
        click.confirm(f"Delete all data below {home.data}?", abort=True, err=True)
    running = st.supervisor_pid(home)
    if running is not None:
        _stop_supervisor(home, running)
    ended = end_leftovers(home)
    recorded = st.read(home)
    left = [p.name for p in recorded.processes if st.alive(p)] if recorded else []
    if left:
        why = f"still there after SIGKILL: {', '.join(left)}"
        raise LocalStackError("still_running", "the local stack", why, "Look at them: mandate status")
    if purge:
        for folder in (home.data, home.logs):
            shutil.rmtree(folder, ignore_errors=True)
        written = (home.state_file, home.ports_file, home.pages_file)
        for file in (*written, home.password_file, home.operator_token_file, home.directory / "profile.json"):
            file.unlink(missing_ok=True)
    said = "stopped" if running is not None or ended else "nothing was running"
    click.echo(said + ("; data deleted" if purge else "; data kept, mandate up goes on with them"), err=True)
    return 0


@click.command()
@click.option("--json", "as_json", is_flag=True, help='{"processes": [{"name", "pid", "healthy", "address", …}]}')
def status(as_json: bool) -> int:
    """Show every process of the local stack; health is asked for now, by a real round trip.

    Exit codes: 0 all healthy, 1 something is not, 3 nothing runs.
    """
    home = find_home()
    rows = look(home)
    if as_json:
        click.echo(as_document(rows))
    elif rows:
        _table(rows)
    if not rows:
        click.echo("Nothing runs here. Start it: mandate up", err=True)
        return EXIT_NOT_RUNNING
    stuck = _steps_given_up(home)
    for step in stuck:
        click.echo(f"given up: {step.name}: {step.reason}. Its log: mandate logs {step.name}", err=True)
    return 0 if all(row.healthy for row in rows) and not stuck else 1


def start_supervisor(home: Home, separate: bool, module: str = "gateway.local.supervisor") -> int:
    """Start the supervisor in the background, in a session of its own, logging to a file; returns its pid."""
    home.logs.mkdir(parents=True, exist_ok=True)
    command = [sys.executable, "-m", module, *(["--separate"] if separate else [])]
    with home.log_of("supervisor").open("ab") as log:
        process = subprocess.Popen(
            command,
            cwd=CHECKOUT,
            env={**os.environ, "MANDATE_HOME": str(home.directory), "MANDATE_TOPOLOGY": str(home.topology)},
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    # Once it holds its lock (or has ended, which the caller will find) its state file can be trusted.
    while st.supervisor_pid(home) != process.pid and process.poll() is None:
        time.sleep(LOOK_EVERY_S)
    # From here on it belongs to nobody: Popen would warn of a child left alone.
    process.returncode = 0
    return process.pid


def look(home: Home) -> list[Row]:
    """Every process of the stack with its health asked for now; empty when nothing runs."""
    recorded = st.read(home)
    if recorded is None:
        return []
    running = st.supervisor_pid(home) is not None
    processes = [p for p in recorded.processes if running or st.alive(p)]
    with ThreadPoolExecutor(max_workers=max(1, len(processes))) as pool:
        return list(pool.map(lambda process: _row(home, process), processes))


def as_document(rows: list[Row]) -> str:
    """The JSON of `status --json`."""
    document: dict[str, Any] = {"processes": [vars(row) for row in rows]}
    return json.dumps(document, indent=1)


def _row(home: Home, process: st.ProcessState) -> Row:
    lives = st.alive(process)
    reason = process.reason
    healthy = lives or process.pid is None
    try:
        probe_of(home, process.name, process.address)()
    except Exception as error:  # whatever a client library raises, it does not serve
        healthy, reason = False, reason or " ".join(str(error).split())[:200]
    pid = process.pid if lives else None
    return Row(
        name=process.name,
        pid=pid,
        healthy=healthy,
        address=process.address,
        rss_mb=st.rss_mb(pid) if pid is not None else None,
        started_in_s=process.started_in_s,
        restarts=process.restarts,
        state=process.state,
        reason="" if healthy else reason,
    )


def _join(home: Home, running: int, separate: bool) -> None:
    """A stack runs already: it must be of the asked kind; what it gave up is tried again."""
    recorded = st.read(home)
    if recorded is None:
        return
    if recorded.processes and recorded.separate != separate:
        why = "it runs with" + ("" if recorded.separate else "out") + " --separate"
        raise LocalStackError("already_running", "the local stack", why, "Stop it first: mandate down")
    if recorded.given_up:
        os.kill(running, signal.SIGHUP)
        # The supervisor answers within one turn of its loop; until then the file still says given up.
        end = time.monotonic() + 2.0
        while (now := st.read(home)) and now.given_up and time.monotonic() < end:
            time.sleep(LOOK_EVERY_S)


def _wait_until_ready(home: Home, supervisor: int, begun: float, timeout: float) -> None:
    said: set[str] = set()
    while True:
        now = st.read(home)
        if now is None or now.supervisor != supervisor:
            now = st.StackState()  # what an earlier run left says nothing of this one
        for process in [*now.steps, *now.processes]:
            if process.state in (st.HEALTHY, st.DONE) and process.name not in said:
                said.add(process.name)
                took = f" in {process.started_in_s} s" if process.started_in_s is not None else ""
                click.echo(f"  {process.name:<24} {process.state}{took}", err=True)
        if now.given_up:
            raise _gave_up(home, now.given_up[0])
        if now.ready:
            return
        if st.supervisor_pid(home) != supervisor:
            end = tail(home.log_of("supervisor"))
            raise LocalStackError("supervisor_died", "the supervisor", "it has ended", f"Its log ends:\n{end}")
        if time.monotonic() - begun > timeout:
            raise _too_late(home, now, timeout)
        time.sleep(LOOK_EVERY_S)


def _gave_up(home: Home, process: st.ProcessState) -> LocalStackError:
    end = last_run(home.log_of(process.name))
    remedy = f"Its log ({home.log_of(process.name)}) ends:\n{end}\nThen: mandate up" if end else "See mandate doctor"
    return LocalStackError("given_up", process.name, process.reason, remedy)


def _too_late(home: Home, now: st.StackState, timeout: float) -> LocalStackError:
    late = [p for p in [*now.steps, *now.processes] if p.state not in (st.HEALTHY, st.DONE)]
    names = ", ".join(f"{p.name} ({p.state}{': ' + p.reason if p.reason else ''})" for p in late) or "the plan"
    return LocalStackError(
        "not_ready",
        "the local stack",
        f"not healthy within {timeout:.0f} s: {names}",
        f"It goes on in the background: mandate status. The logs are in {home.logs}",
    )


def _steps_given_up(home: Home) -> list[st.ProcessState]:
    recorded = st.read(home)
    return [step for step in recorded.steps if step.state == st.GIVEN_UP] if recorded else []


def _stop_supervisor(home: Home, running: int) -> None:
    os.kill(running, signal.SIGTERM)
    end = time.monotonic() + DOWN_DEADLINE_S
    while st.supervisor_pid(home) == running and time.monotonic() < end:
        time.sleep(LOOK_EVERY_S)
    if st.supervisor_pid(home) == running:
        os.kill(running, signal.SIGKILL)
        while st.supervisor_pid(home) == running:
            time.sleep(LOOK_EVERY_S)


def _table(rows: list[Row]) -> None:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, pad_edge=False)
    for title in ("process", "state", "address"):
        table.add_column(title)
    for title in ("pid", "memory", "start", "restarts"):
        table.add_column(title, justify="right")
    for row in rows:
        colour = "green" if row.healthy else "red"
        table.add_row(
            row.name,
            Text("healthy" if row.healthy else row.state, style=colour),
            row.address,
            "" if row.pid is None else str(row.pid),
            "" if row.rss_mb is None else f"{row.rss_mb:.0f} MB",
            "" if row.started_in_s is None else f"{row.started_in_s:.1f} s",
            str(row.restarts),
        )
    Console(soft_wrap=True).print(table)
    for row in rows:
        if row.reason:
            click.echo(f"{row.name}: {row.reason}", err=True)
