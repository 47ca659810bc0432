"""One POST, with the standard library alone: a try ends with a whole answer, or with the reason why there is none."""

from __future__ import annotations

import http.client
import ssl
import time
from urllib.parse import urlsplit

from gateway.client.errors import Unusable
from gateway.client.wire import PATH, Answer

# A connection that was idle for longer is not trusted: the other side may close it in the moment of our writing.
IDLE_S = 5.0
# 1,000 receipts of 150 bytes are 150 KB; a problem for each of 1,000 items is below 1 MB.
ANSWER_BYTES_MAX = 4 * 1_048_576
_CHUNK = 65_536


class Http:
    """Keeps one connection to the gateway. `request_s` bounds each try as a whole, in seconds."""

    def __init__(self, url: str, token: str | None, request_s: float) -> None:
        try:
            parts = urlsplit(url)
            host, port = parts.hostname, parts.port
        except ValueError as error:
            raise _malformed(url, str(error)) from error
        if parts.scheme not in ("http", "https") or not host:
            raise _malformed(url, "it is no http:// or https:// address")
        self._secure = parts.scheme == "https"
        self._host, self._port = host, port
        self._path = parts.path.rstrip("/") + PATH
        self._request_s = request_s
        self._headers = {"Content-Type": "application/json", "User-Agent": "mandate-client/1"}
        if token:
            self._headers["Authorization"] = f"Bearer {token}"
        self._context = ssl.create_default_context() if self._secure else None
        self._connection: http.client.HTTPConnection | None = None
        self._used = 0.0

    def post(self, body: bytes) -> Answer:
        """Send once. Never raises for what a network or a server can do."""
        end = time.monotonic() + self._request_s
        try:
            connection = self._connected()
            connection.request("POST", self._path, body, self._headers)
            response = connection.getresponse()
            data = self._read(connection, response, end)
        except (OSError, http.client.HTTPException, ValueError) as error:
            self.close()
            return Answer(None, f"{type(error).__name__}: {error}".encode())
        if response.will_close:
            self.close()
        self._used = time.monotonic()
        return Answer(response.status, data, _seconds(response.headers.get("Retry-After")))

    def close(self) -> None:
        """Close the connection; the next try opens another one."""
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.close()

    def _connected(self) -> http.client.HTTPConnection:
        if self._connection is not None and time.monotonic() - self._used > IDLE_S:
            self.close()
        if self._connection is None:
            if self._context is not None:
                self._connection = http.client.HTTPSConnection(
                    self._host, self._port, timeout=self._request_s, context=self._context
                )
            else:
                self._connection = http.client.HTTPConnection(self._host, self._port, timeout=self._request_s)
            self._connection.connect()
        return self._connection

    def _read(self, connection: http.client.HTTPConnection, response: http.client.HTTPResponse, end: float) -> bytes:
        """The whole body, or an error: in time, in size, and to its announced end."""
        out = bytearray()
        while True:
            left = end - time.monotonic()
            if left <= 0:
                raise TimeoutError(f"the answer was not whole within {self._request_s:g} s")
            if connection.sock is not None:
                connection.sock.settimeout(left)
            chunk = response.read1(_CHUNK)
            if not chunk:
                break
            out += chunk
            if len(out) > ANSWER_BYTES_MAX:
                raise ValueError(f"the answer has more than {ANSWER_BYTES_MAX} bytes")
        if response.length:
            raise http.client.IncompleteRead(bytes(out), response.length)
        response.close()  # the answer, not the connection: read1 leaves it open where a length was announced
        if connection.sock is not None:
            connection.sock.settimeout(self._request_s)
        return bytes(out)


def _malformed(url: str, why: str) -> Unusable:
    return Unusable("url_malformed", f"the address {url!r}", why, "Give the gateway's: http://127.0.0.1:8080")


def _seconds(value: str | None) -> float:
    """Retry-After in seconds; a date (which needs a clock that agrees with theirs) counts as not said."""
    try:
        return max(0.0, float(value)) if value else 0.0
    except ValueError:
        return 0.0
