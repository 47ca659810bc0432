"""A load generator that costs little beside what it measures: kept connections, requests made of ready parts.

A request costs it about a tenth of what the gateway pays (`cpu_us` of the figures says how much it was): it shares the
machine with what it measures. It reads no more of an answer than status and length, and never sends again.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import cast
from urllib.parse import urlsplit

LATE_S = 30.0  # an answer that takes longer ends the measurement
# Connections of the fixed rate: 500/s with 256 in hand stand still for half a second before one is refused here.
LINES_MAX = 256
ACCEPTED = b"202"


@dataclass
class Answers:
    """Seconds from the planned moment (or the sending) to the answer, and how many were not accepted."""

    times: list[float] = field(default_factory=list)
    refused: int = 0


class Body:
    """Bodies of `count` actions, each with ids of its own; one object and not a list where `count` is 0."""

    def __init__(self, count: int, name: str) -> None:
        size = max(1, count)
        # A UUID of the generator's own: version 4's form, counted.
        each = '{"id":"%08x-0000-4000-8000-%012x","actor":"agent-{n}","type":"work.do","resource":"shop-{n}"}'
        one = ",".join(each.replace("{n}", str(i % 50)) for i in range(size))
        self._text = one if not count else f"[{one}]"
        self._size = size
        self._run = int.from_bytes(name.encode()[-4:], "big")
        self._next = 0

    def next(self) -> bytes:
        """The next body."""
        first, self._next = self._next, self._next + self._size
        run = self._run
        return (self._text % tuple(x for i in range(first, self._next) for x in (run, i))).encode()


class Line(asyncio.Protocol):
    """One kept connection; one request at a time. `answered(line, accepted)` when the answer was read whole."""

    def __init__(self, answered: Callable[[Line, bool], None]) -> None:
        self._answered = answered
        self._transport: asyncio.Transport | None = None
        self._read = b""
        self.sent = 0.0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Called by the loop."""
        # A protocol of this kind is only ever given one that writes; uvloop's is of no class of asyncio's.
        self._transport = cast(asyncio.Transport, transport)

    def connection_lost(self, exc: Exception | None) -> None:
        """Called by the loop; a request in hand counts as refused."""
        self._transport = None
        if self.sent:
            self._answered(self, False)

    def send(self, request: bytes, at: float) -> None:
        """Send a request whose time counts from `at` (monotonic seconds)."""
        if self._transport is None:
            raise ConnectionError("the gateway has closed a connection")
        self.sent = at
        self._transport.write(request)

    def data_received(self, data: bytes) -> None:
        """Called by the loop."""
        read = self._read = self._read + data if self._read else data
        head = read.find(b"\r\n\r\n")
        if head < 0:
            return
        at = read.lower().find(b"content-length:", 0, head)
        length = int(read[at + 15 : read.find(b"\r\n", at)])
        if len(read) >= head + 4 + length:
            self._read = b""
            self._answered(self, read[9:12] == ACCEPTED)

    def close(self) -> None:
        """End the connection."""
        self.sent = 0.0
        if self._transport is not None:
            self._transport.close()


class Generator:
    """POST /v1/actions of one gateway with one token."""

    def __init__(self, url: str, token: str) -> None:
        where = urlsplit(url)
        self._host, self._port = where.hostname or "", where.port or 80
        self._head = (
            f"POST /v1/actions HTTP/1.1\r\nHost: {where.netloc}\r\nAuthorization: Bearer {token}\r\n"
            "Content-Type: application/json\r\nContent-Length: "
        ).encode()

    def request(self, body: bytes) -> bytes:
        """The whole request."""
        return b"%b%d\r\n\r\n%b" % (self._head, len(body), body)

    async def _line(self, answered: Callable[[Line, bool], None]) -> Line:
        _, line = await asyncio.get_running_loop().create_connection(lambda: Line(answered), self._host, self._port)
        return line

    async def as_fast(self, seconds: float, connections: int, body: Body) -> tuple[Answers, float]:
        """Each connection sends its next request when the last is answered. Gives the seconds it took, too."""
        answers, running = Answers(), connections
        done = asyncio.Event()

        def answered(line: Line, accepted: bool) -> None:
            nonlocal running
            now = time.monotonic()
            _count(answers, line, accepted, now)
            if now < end and accepted:
                line.send(self.request(body.next()), now)
                return
            running -= 1
            if not running:
                done.set()

        lines = [await self._line(answered) for _ in range(connections)]
        begun = time.monotonic()
        end = begun + seconds
        for line in lines:
            line.send(self.request(body.next()), time.monotonic())
        await done.wait()
        took = time.monotonic() - begun
        for line in lines:
            line.close()
        return answers, took

    async def at_rate(self, rate: int, seconds: float, body: Body) -> Answers:
        """`rate` requests a second, also when answers are late; a time counts from the moment that was planned."""
        answers, free = Answers(), list[Line]()
        back = asyncio.Event()

        def answered(line: Line, accepted: bool) -> None:
            _count(answers, line, accepted, time.monotonic())
            free.append(line)
            back.set()

        lines = [await self._line(answered) for _ in range(LINES_MAX)]
        free += lines
        begun = time.monotonic()
        for i in range(round(rate * seconds)):
            at = begun + i / rate
            await asyncio.sleep(max(0.0, at - time.monotonic()))
            if free:
                free.pop().send(self.request(body.next()), at)
            else:
                answers.refused += 1
        async with asyncio.timeout(LATE_S):
            while len(free) < LINES_MAX:
                back.clear()
                await back.wait()
        for line in lines:
            line.close()
        return answers


def _count(answers: Answers, line: Line, accepted: bool, now: float) -> None:
    if accepted:
        answers.times.append(now - line.sent)
    else:
        answers.refused += 1
    line.sent = 0.0
