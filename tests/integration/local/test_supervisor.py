"""The supervisor on real child processes: order, restarts, giving up, and nothing left when it is killed."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner

from gateway.cli.main import mandate
from gateway.cli.stack import EXIT_NOT_RUNNING, look, start_supervisor
from gateway.local import state as st
from gateway.local.paths import Home, find_home
from gateway.local.ports import free_port
from gateway.local.restarts import RESTARTS_MAX
from tests.support.small_stack import Small, write_plan
from tests.support.waiting import until

DEADLINE_S = 60.0


class Stack:
    """A small stack as a test sees it."""

    def __init__(self, home: Home) -> None:
        self.home = home
        self.supervisor = 0

    def up(self, *plan: Small) -> None:
        if plan:
            write_plan(self.home, plan)
        self.supervisor = start_supervisor(self.home, False, module="tests.support.small_stack")

    def state(self) -> st.StackState:
        state = st.read(self.home)
        return state if state and state.supervisor == self.supervisor else st.StackState()

    def process(self, name: str) -> st.ProcessState:
        everything = [*self.state().processes, *self.state().steps]
        return next((p for p in everything if p.name == name), st.ProcessState(name, ""))

    def ready(self) -> None:
        until(lambda: self.state().ready, DEADLINE_S, "the small stack")

    def await_state(self, name: str, state: str) -> st.ProcessState:
        until(lambda: self.process(name).state == state, DEADLINE_S, f"{name} to be {state}")
        return self.process(name)

    def await_other(self, name: str, pid: int | None) -> None:
        until(lambda: self.process(name).pid not in (None, pid), DEADLINE_S, f"another {name}")

    def kill(self, name: str, number: int = signal.SIGKILL) -> int:
        pid = self.process(name).pid
        assert pid is not None
        os.kill(pid, number)
        return pid

    def kill_supervisor(self) -> None:
        os.kill(self.supervisor, signal.SIGKILL)
        os.waitpid(self.supervisor, 0)

    def log(self) -> str:
        return self.home.log_of("supervisor").read_text()


@pytest.fixture
def stack(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Stack]:
    monkeypatch.setenv("MANDATE_HOME", str(tmp_path / "home"))
    stack = Stack(find_home())
    yield stack
    CliRunner().invoke(mandate, ["down"])


def server(name: str, needs: tuple[str, ...] = (), hung_after_s: float = 30.0) -> Small:
    return Small(name, port=free_port(), needs=needs, hung_after_s=hung_after_s)


def python(code: str) -> tuple[str, ...]:
    return (sys.executable, "-c", code)


def alive_of(stack: Stack) -> Callable[[], list[str]]:
    recorded = [*stack.state().processes]
    assert all(st.alive(process) for process in recorded), recorded
    return lambda: [process.name for process in recorded if st.alive(process)]


def test_a_step_runs_once_after_what_it_needs_and_before_who_needs_it(stack: Stack, tmp_path: Path) -> None:
    trace = tmp_path / "trace"
    note = f"open({str(trace)!r}, 'a').write('step ')"
    stack.up(
        server("app", needs=("store", "tables")), server("store"), Small("tables", argv=python(note), needs=("store",))
    )
    stack.ready()
    assert trace.read_text() == "step "
    said = stack.log()
    assert said.index("store is healthy") < said.index("tables started") < said.index("tables done")
    assert said.index("tables done") < said.index("app started")


def test_who_is_killed_comes_back_and_nobody_else_is_touched(stack: Stack) -> None:
    stack.up(server("one"), server("two"))
    stack.ready()
    other = stack.process("two").pid
    killed = stack.kill("one")
    stack.await_other("one", killed)
    stack.ready()
    assert stack.process("one").restarts == 1
    assert stack.process("two").pid == other
    assert "one killed by SIGKILL; restart in 0.1 s" in stack.log()


def test_who_cannot_start_is_given_up_loudly_and_tried_again_when_asked(stack: Stack) -> None:
    stack.up(server("good"), Small("bad", port=free_port(), argv=python("raise SystemExit(7)")))
    bad = stack.await_state("bad", st.GIVEN_UP)
    assert bad.restarts == RESTARTS_MAX
    assert bad.reason == "ended with 7"
    assert "GIVEN UP: bad ended with 7" in stack.log()
    assert stack.process("good").state == st.HEALTHY

    os.kill(stack.supervisor, signal.SIGHUP)
    until(lambda: stack.process("bad").restarts > RESTARTS_MAX, DEADLINE_S, "another try")


def test_a_death_while_what_it_needs_is_away_is_not_its_fault(stack: Stack) -> None:
    # The app dies whenever the store does, as a client of a broker may: with its connection, however quickly the next
    # store is there.
    store = server("store")
    dies = (
        "import sys, socket\n"
        "from http.server import HTTPServer, BaseHTTPRequestHandler as B\n"
        "import threading\n"
        "class H(B):\n"
        "    def do_GET(self): self.send_response(200); self.end_headers()\n"
        "threading.Thread(target=HTTPServer(('127.0.0.1', int(sys.argv[1])), H).serve_forever, daemon=True).start()\n"
        "assert socket.create_connection(('127.0.0.1', int(sys.argv[2]))).recv(1)\n"
    )
    port = free_port()
    client = Small("app", port=port, argv=(*python(dies), str(port), str(store.port)), needs=("store",))
    stack.up(store, client)
    stack.ready()
    for _ in range(RESTARTS_MAX):
        app = stack.process("app").pid
        stack.kill("store")
        stack.await_other("app", app)
        stack.ready()
    assert "while what it needs was away" in stack.log()
    assert stack.process("app").state == st.HEALTHY


def test_a_process_that_hangs_is_replaced(stack: Stack) -> None:
    stack.up(server("one", hung_after_s=6.0))
    stack.ready()
    stopped = stack.kill("one", signal.SIGSTOP)
    stack.await_other("one", stopped)
    stack.ready()
    assert "gave no good answer" in stack.log()


def test_a_killed_supervisor_leaves_no_child_and_the_next_one_goes_on(stack: Stack) -> None:
    stack.up(server("one"), server("two"))
    stack.ready()
    address = stack.process("one").address
    alive = alive_of(stack)
    stack.kill_supervisor()
    until(lambda: not alive(), 5, "the kernel to end every child")
    assert st.supervisor_pid(stack.home) is None

    stack.up()
    stack.ready()
    assert stack.process("one").address == address


def test_down_leaves_nothing_running(stack: Stack) -> None:
    stack.up(server("one"), server("two", needs=("one",)))
    stack.ready()
    alive = alive_of(stack)
    result = CliRunner().invoke(mandate, ["down"])
    assert (result.exit_code, alive()) == (0, [])
    assert look(stack.home) == []
    assert CliRunner().invoke(mandate, ["status"], standalone_mode=False).return_value == EXIT_NOT_RUNNING
    said = stack.log()
    assert said.rindex("stopping") < said.rindex("stopped")


def test_down_ends_what_a_killed_supervisor_left(stack: Stack, tmp_path: Path) -> None:
    # A process that has switched its parent-death signal off stands for one that the kernel did not end.
    off = tmp_path / "off"
    stays = f"import ctypes, signal; ctypes.CDLL(None).prctl(1, 0, 0, 0, 0); open({str(off)!r}, 'w'); signal.pause()"
    stack.up(Small("stays", port=free_port(), argv=python(stays)))
    until(off.exists, DEADLINE_S, "the process to be on its own")
    recorded = stack.await_state("stays", st.STARTING)
    stack.kill_supervisor()
    assert st.alive(recorded)
    result = CliRunner().invoke(mandate, ["down"])
    assert (result.exit_code, st.alive(recorded)) == (0, False)


def test_somebody_elses_server_is_probed_and_never_started(stack: Stack) -> None:
    outside = server("outside")
    stack.up(outside)
    stack.ready()
    second = Stack(Home(stack.home.root, stack.home.directory / "second", stack.home.cache, stack.home.topology))
    second.up(Small("outside", port=outside.port, external=True), server("app", needs=("outside",)))
    second.ready()
    assert second.process("outside").pid is None
    until(lambda: all(row.healthy for row in look(second.home)), 10, "both seen healthy by a look from outside")
    rows = {row.name: row for row in look(second.home)}
    assert (rows["outside"].pid, rows["outside"].rss_mb) == (None, None)
    assert rows["app"].rss_mb is not None
    os.kill(second.supervisor, signal.SIGTERM)
    until(lambda: st.supervisor_pid(second.home) is None, DEADLINE_S, "the second supervisor to stop")
    assert stack.process("outside").state == st.HEALTHY


def test_a_second_supervisor_of_the_same_stack_refuses(stack: Stack) -> None:
    stack.up(server("one"))
    stack.ready()
    first = stack.supervisor
    start_supervisor(stack.home, False, module="tests.support.small_stack")
    assert st.supervisor_pid(stack.home) == first
    assert "another supervisor runs this stack" in stack.log()
