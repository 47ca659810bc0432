"""A process that waits for a transaction that nobody ends is not restarted by the supervisor: what for?"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner

from gateway.cli.main import mandate
from gateway.cli.stack import start_supervisor
from gateway.local import state as st
from gateway.local.paths import Home, find_home
from gateway.local.ports import free_port
from tests.support.small_stack import Small, write_plan
from tests.support.waiting import until

STANDS = """
import sys
from http.server import BaseHTTPRequestHandler, HTTPServer
said = [200]
class Bad(BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(said.pop() if said else 503)
        self.end_headers()
        self.wfile.write(sys.argv[2].encode())
    def log_message(self, *_):
        pass
HTTPServer(("127.0.0.1", int(sys.argv[1])), Bad).serve_forever()
"""


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Home]:
    monkeypatch.setenv("MANDATE_HOME", str(tmp_path / "home"))
    yield find_home()
    CliRunner().invoke(mandate, ["down"])


def test_who_waits_for_the_log_is_not_killed_as_hanging(home: Home) -> None:
    def small(name: str, says: str) -> Small:
        port = free_port()
        # Each has served once, so that this limit is not for its start: nobody knows how long that takes.
        return Small(name, port=port, argv=(sys.executable, "-c", STANDS, str(port), says), hung_after_s=4.0)

    write_plan(home, [small("stands", '{"errors": [{"code": "positions_unstable"}]}'), small("hangs", "stuck")])
    supervisor = start_supervisor(home, False, module="tests.support.small_stack")

    def found(name: str) -> st.ProcessState:
        state = st.read(home)
        processes = state.processes if state and state.supervisor == supervisor else []
        return next((p for p in processes if p.name == name), st.ProcessState(name, ""))

    until(lambda: "positions_unstable" in found("stands").reason, 60.0, "the complaint")
    pid = found("stands").pid
    before = found("hangs").restarts
    until(lambda: found("hangs").restarts >= before + 2, 60.0, "the other to be killed twice")
    assert (found("stands").pid, found("stands").restarts) == (pid, 0)
