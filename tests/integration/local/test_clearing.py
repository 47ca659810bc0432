"""The supervisor looks for hanging transactions when there is cause, and does not restart who waits for one."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner

from gateway.cli.main import mandate
from gateway.cli.stack import start_supervisor
from gateway.local import state as st
from gateway.local.clearing import Clearing
from gateway.local.kafka import note_crash
from gateway.local.paths import Home, find_home
from gateway.local.ports import free_port
from tests.support.small_stack import Small, write_plan
from tests.support.waiting import until

STANDS = """
import sys
from http.server import BaseHTTPRequestHandler, HTTPServer
class Bad(BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(503)
        self.end_headers()
        self.wfile.write(sys.argv[2].encode())
    def log_message(self, *_):
        pass
HTTPServer(("127.0.0.1", int(sys.argv[1])), Bad).serve_forever()
"""


def looks(code: int, note: Path, said: list[str]) -> Clearing:
    return Clearing((sys.executable, "-c", f"raise SystemExit({code})"), note, said.append)


def step_until(clearing: Clearing, complaint: bool, over: Path | list[str]) -> None:
    def done() -> bool:
        clearing.step(True, complaint)
        return len(over) > 1 if isinstance(over, list) else not over.exists()

    until(done, 20.0, "the look to be over")


def test_a_crash_is_looked_at_once_and_its_note_goes(tmp_path: Path) -> None:
    note = tmp_path / "note"
    said: list[str] = []
    clearing = looks(0, note, said)
    clearing.step(True, complaint=False)
    assert said == [], "no cause"
    note.touch()
    clearing.step(False, complaint=False)
    assert said == [], "the broker is not there"
    step_until(clearing, False, note)
    clearing.step(True, complaint=False)
    assert said == ["looking for hanging transactions"]


def test_a_look_that_fails_keeps_the_note_and_is_not_repeated_at_once(tmp_path: Path) -> None:
    note = tmp_path / "note"
    said: list[str] = []
    note.touch()
    clearing = looks(1, note, said)
    step_until(clearing, True, said)
    clearing.step(True, complaint=True)
    assert said == [
        "looking for hanging transactions",
        "looking for hanging transactions ended with 1; again in 60 s",
    ]
    assert note.exists()


def test_a_crash_during_a_look_is_looked_at_again(tmp_path: Path) -> None:
    note = tmp_path / "note"
    said: list[str] = []
    clearing = looks(0, note, said)
    clearing.step(True, complaint=True)
    note.touch()
    step_until(clearing, False, note)
    assert said == ["looking for hanging transactions"] * 2


def test_a_broker_of_somebody_else_is_left_alone(tmp_path: Path) -> None:
    said: list[str] = []
    Clearing((), tmp_path / "note", said.append).step(True, complaint=True)
    assert said == []


def test_kafkas_own_sign_tells_a_crash_from_a_stop_and_from_a_first_start(tmp_path: Path) -> None:
    note = tmp_path / "was-not-stopped-cleanly"
    note_crash(tmp_path)
    assert not note.exists(), "never started"
    log = tmp_path / "logs" / "__cluster_metadata-0"
    log.mkdir(parents=True)
    (log / "00000000000000000000.log").touch()
    (tmp_path / "logs" / ".kafka_cleanshutdown").touch()
    note_crash(tmp_path)
    assert not note.exists(), "stopped"
    (tmp_path / "logs" / ".kafka_cleanshutdown").unlink()
    note_crash(tmp_path)
    assert note.exists()


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Home]:
    monkeypatch.setenv("MANDATE_HOME", str(tmp_path / "home"))
    yield find_home()
    CliRunner().invoke(mandate, ["down"])


def test_who_waits_for_the_log_is_not_killed_as_hanging(home: Home) -> None:
    def small(name: str, says: str) -> Small:
        port = free_port()
        return Small(name, port=port, argv=(sys.executable, "-c", STANDS, str(port), says), hung_after_s=0.5)

    write_plan(home, [small("stands", '{"errors": [{"code": "positions_unstable"}]}'), small("hangs", "stuck")])
    supervisor = start_supervisor(home, False, module="tests.support.small_stack")

    def found(name: str) -> st.ProcessState:
        state = st.read(home)
        processes = state.processes if state and state.supervisor == supervisor else []
        return next((p for p in processes if p.name == name), st.ProcessState(name, ""))

    until(lambda: "positions_unstable" in found("stands").reason, 20.0, "the complaint")
    pid = found("stands").pid
    before = found("hangs").restarts
    until(lambda: found("hangs").restarts >= before + 2, 20.0, "the other to be killed twice")
    assert (found("stands").pid, found("stands").restarts) == (pid, 0)
