"""`/healthz`, `/readyz` and `/metrics` of a process without a web framework: one small server thread.

Called by run.py and, for the same three addresses, by whoever else runs threads. It answers GET only and
reads no body.
"""

from __future__ import annotations

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from prometheus_client import CollectorRegistry
from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest

from processors.host.errors import Fatal
from processors.host.health import Health, Verdict

# A client that says nothing is cut off after this; probes and scrapers are quick.
REQUEST_SECONDS = 5.0


def document(verdict: Verdict) -> dict[str, object]:
    """What `/healthz` and `/readyz` answer, as JSON."""
    errors = [
        {"code": error.code, "thread": name, "what": error.what, "why": error.why, "remedy": error.remedy}
        for name, error in verdict.errors.items()
    ]
    # The errors come early: whoever shows only the beginning of a bad answer shows its cause.
    return {
        "healthy": verdict.healthy,
        "errors": errors,
        "ready": verdict.ready,
        "threads": dict(verdict.threads),
    }


class Pages(ThreadingHTTPServer):
    """The server. `start` binds and serves in a daemon thread; `stop` ends it."""

    daemon_threads = True
    allow_reuse_address = True

    def __init__(self, address: tuple[str, int], health: Health, registry: CollectorRegistry) -> None:
        self.health = health
        self.registry = registry
        try:
            super().__init__(address, _Handler)
        except OSError as taken:
            host, port = address
            raise Fatal(
                "address_taken", f"{host}:{port}", str(taken), "Give another MANDATE_HTTP, or end who has it."
            ) from taken

    def start(self) -> None:
        """Serve in the background."""
        threading.Thread(target=self.serve_forever, name="pages", daemon=True).start()

    def stop(self) -> None:
        """End serving and free the port."""
        self.shutdown()
        self.server_close()


class _Handler(BaseHTTPRequestHandler):
    server: Pages
    timeout = REQUEST_SECONDS

    def do_GET(self) -> None:
        path = self.path.partition("?")[0]
        if path == "/metrics":
            self._answer(200, CONTENT_TYPE_LATEST, generate_latest(self.server.registry))
            return
        if path not in ("/healthz", "/readyz"):
            self._answer(404, "text/plain", b"pages: /healthz /readyz /metrics\n")
            return
        verdict = self.server.health.verdict()
        good = verdict.healthy if path == "/healthz" else verdict.ready
        self._answer(200 if good else 503, "application/json", json.dumps(document(verdict)).encode() + b"\n")

    def log_message(self, format: str, *arguments: object) -> None:
        # Probes every second are not news.
        return

    def _answer(self, status: int, kind: str, body: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
