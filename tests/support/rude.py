"""A small real HTTP server in the place of the gateway, which misbehaves as it is told: for tests of the client.

    with Rude("503", "reset", "accept") as gateway: …      each request takes the next word, the last one for ever

accept, half (announces more than it sends), cut (JSON that ends in the middle), reset (no answer), hang (no answer
until the end), dribble (a byte now and then, for ever), 503/429/401/…, lost (written, then reset), some (every second
item), goodbye (accepts, and closes the connection without having said so).
"""

from __future__ import annotations

import json
import socket
import struct
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any

from gateway.local.ports import free_port


class Rude:
    """`written`: the actions that it has taken, as a log would hold them; `bodies`: every request's body."""

    def __init__(self, *script: str, port: int | None = None) -> None:
        self.port = port or free_port()
        self.script = list(script) or ["accept"]
        self.bodies: list[bytes] = []
        self.written: list[dict[str, Any]] = []
        self.let_go = threading.Event()
        self._lock = threading.Lock()
        self._server: ThreadingHTTPServer | None = None

    @property
    def url(self) -> str:
        """Its address, whether it runs or not."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def ids(self) -> list[str]:
        """The ids that were written, each once, in the order of their first arrival."""
        with self._lock:
            return list(dict.fromkeys(str(action["id"]) for action in self.written))

    def __enter__(self) -> Rude:
        rude = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                rude.answer(self)

            def log_message(self, format: str, *args: object) -> None:
                """Nothing: the test looks at what was written."""

        class Server(ThreadingHTTPServer):
            daemon_threads = True
            allow_reuse_address = True

            def handle_error(self, request: Any, client_address: Any) -> None:
                """A client that went away is what these tests are about."""

        self._server = Server(("127.0.0.1", self.port), Handler)
        threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True).start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.let_go.set()
        if self._server is not None:
            self._server.shutdown()
            self._server.server_close()

    def answer(self, request: BaseHTTPRequestHandler) -> None:
        """Do what the script says next."""
        raw = request.rfile.read(int(request.headers["Content-Length"]))
        with self._lock:
            self.bodies.append(raw)
            word = self.script.pop(0) if len(self.script) > 1 else self.script[0]
        if word.isdigit():
            _send(request, int(word), json.dumps({"code": f"code_{word}", "detail": "rude"}).encode())
        elif word == "hang":
            self.let_go.wait()
            _reset(request)
        elif word == "reset":
            _reset(request)
        elif word == "dribble":
            self._dribble(request)
        else:
            self._taken(request, word, json.loads(raw)["actions"])

    def _taken(self, request: BaseHTTPRequestHandler, word: str, actions: list[dict[str, Any]]) -> None:
        results = [self._take(a, word == "some" and n % 2 == 1) for n, a in enumerate(actions)]
        data = json.dumps({"results": results}).encode()
        if word == "lost":
            _reset(request)
        elif word == "half":
            _send(request, 202, data[:20], announced=len(data))
        elif word == "cut":
            _send(request, 202, data[: len(data) // 2])
        else:
            _send(request, 202, data)
            request.close_connection = word == "goodbye"

    def _take(self, action: dict[str, Any], refuse: bool) -> dict[str, Any]:
        if refuse:
            return {"status": 503, "problem": {"code": "send_failed"}}
        if action.get("type") == "wrong":
            return {"status": 422, "problem": {"code": "field_required", "detail": "rude", "field": "type"}}
        with self._lock:
            self.written.append(action)
            offset = len(self.written)
        return {"status": 202, "event_id": action["id"], "topic": "actions.raw", "partition": 0, "offset": offset}

    def _dribble(self, request: BaseHTTPRequestHandler) -> None:
        request.wfile.write(b"HTTP/1.1 202 Accepted\r\nContent-Length: 1000000\r\n\r\n")
        try:
            while not self.let_go.wait(0.02):
                request.wfile.write(b" ")
        except OSError:
            return
        request.close_connection = True


def _send(request: BaseHTTPRequestHandler, status: int, data: bytes, announced: int | None = None) -> None:
    request.send_response(status)
    request.send_header("Content-Type", "application/json")
    request.send_header("Content-Length", str(announced or len(data)))
    request.end_headers()
    request.wfile.write(data)
    request.close_connection = announced is not None


def _reset(request: BaseHTTPRequestHandler) -> None:
    """Close so that the other side gets a reset, not an end."""
    request.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    request.connection.close()
    request.close_connection = True
