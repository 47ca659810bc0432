"""GET /healthz and GET /metrics of a projection process, on a thread of the standard library's server.

/healthz is 200 while every runner lives (also while it tries again), else 503 naming each dead one and why. An `alarm`
of a living one is said there and does not make it red: a restart would not help.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Sequence
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from projections.metrics import Metrics
from projections.runner import Runner

# A probe that sends nothing must not keep a thread.
SOCKET_SECONDS = 5.0


class Operating:
    """The little server. `address` is where it listens (the port is chosen when 0 was asked for)."""

    def __init__(self, host: str, port: int, runners: Sequence[Runner], metrics: Metrics) -> None:
        self._runners = tuple(runners)
        self._metrics = metrics
        outer = self

        class Handler(BaseHTTPRequestHandler):
            timeout = SOCKET_SECONDS
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                status, kind, body = outer.answer(self.path)
                self.send_response(status)
                self.send_header("Content-Type", kind)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, format: str, *args: object) -> None:
                """Probes come every second; they are not news."""

        self._server = ThreadingHTTPServer((host, port), Handler)
        self._server.daemon_threads = True
        self.address = (host, self._server.server_address[1])
        self._thread = threading.Thread(target=self._server.serve_forever, name="operating", daemon=True)

    def start(self) -> None:
        """Serve."""
        self._thread.start()

    def stop(self) -> None:
        """Stop serving and free the port."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def answer(self, path: str) -> tuple[int, str, bytes]:
        """Status, content type and body for a path."""
        if path == "/healthz":
            healthy = all(runner.alive for runner in self._runners)
            body = {
                "healthy": healthy,
                "projections": {r.name: _told(r) for r in self._runners},
            }
            return 200 if healthy else 503, "application/json", json.dumps(body).encode()
        if path == "/metrics":
            for runner in self._runners:
                self._metrics.up.labels(runner.name).set(1 if runner.alive else 0)
            return 200, CONTENT_TYPE_LATEST, generate_latest(self._metrics.registry)
        return 404, "text/plain; charset=utf-8", b"GET /healthz or /metrics\n"


def _told(runner: Runner) -> dict[str, object]:
    out: dict[str, object] = {"alive": runner.alive, "why": runner.dead}
    alarm = runner.alarm()
    return out if alarm is None else out | {"alarm": alarm}
