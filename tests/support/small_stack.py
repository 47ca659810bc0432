"""A stack of small HTTP servers under the real supervisor: `python -m tests.support.small_stack`.

Its plan is `plan.json` in MANDATE_HOME: a list of objects with the fields of `Small`.
`python -m tests.support.small_stack serve PORT` is such a server.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from gateway.local.children import Spec
from gateway.local.paths import CHECKOUT, Home, find_home
from gateway.local.plan import Plan
from gateway.local.ports import HOST
from gateway.local.probes import http_answers
from gateway.local.supervisor import supervise


@dataclass(frozen=True)
class Small:
    """One process of a small stack; without `argv` it is a server on `port`, with port 0 it is a step."""

    name: str
    port: int = 0
    argv: tuple[str, ...] = ()
    needs: tuple[str, ...] = ()
    external: bool = False
    hung_after_s: float = 30.0

    def spec(self) -> Spec:
        """As the supervisor takes it."""
        serve = (sys.executable, "-m", "tests.support.small_stack", "serve", str(self.port))
        argv = () if self.external else tuple(self.argv) or serve
        env = {"PYTHONPATH": str(CHECKOUT)}
        if not self.port:
            return Spec(self.name, argv, "", env=env, needs=tuple(self.needs), once=True)
        address = f"{HOST}:{self.port}"
        probe = http_answers(address)
        return Spec(self.name, argv, address, probe, env, needs=tuple(self.needs), hung_after_s=self.hung_after_s)


def write_plan(home: Home, plan: Sequence[Small]) -> None:
    """Leave the plan where the supervisor finds it."""
    home.directory.mkdir(parents=True, exist_ok=True)
    (home.directory / "plan.json").write_text(json.dumps([asdict(small) for small in plan]))


class _Handler(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:
        return


def _plan(home: Home) -> Plan:
    entries = json.loads((home.directory / "plan.json").read_text())
    return Plan(tuple(Small(**entry).spec() for entry in entries), separate=False)


if __name__ == "__main__":
    if sys.argv[1:2] == ["serve"]:
        ThreadingHTTPServer((HOST, int(sys.argv[2])), _Handler).serve_forever()
    else:
        here = find_home()
        sys.exit(supervise(here, lambda: _plan(here)))
