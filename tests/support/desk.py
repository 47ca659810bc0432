"""Some processors on one desk: real engines, one partition each, virtual time. No log, no threads, no I/O.

    desk = Desk(INCIDENTS); told = desk.tell(message); told.events, told.reasons, told.sent
    desk = Desk(INCIDENTS, NOTIFICATIONS)      what one sends the other is delivered, in order, by `settle`

What a processor sends to an input on the desk waits until `settle()` (or `echo()`), so that a test decides when an
echo is read back. `sleep(ms)` appends a tick, so timers fire.
"""

from __future__ import annotations

import json
from collections import Counter, deque
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache, lru_cache
from typing import Any, TypeVar

from processors import incidents, notifications
from processors.kernel.decider import Decider
from processors.kernel.engine import Engine
from processors.kernel.room import room_of
from schemas import codec, ids
from schemas.configuration import canonical
from schemas.envelope import headers_of
from schemas.messages.kernel import Answer, ConfigurationAnnounced, Tick
from schemas.messages.notifications import TakeNextStep
from schemas.messages.tables import STREAMS
from schemas.record import Headers, Output, Record
from schemas.topology import Topology, load

TENANT = "acme"
START = 1_700_000_000_000
# The two that feed each other; no other processor has a react.
FEEDING = (incidents.DECIDER, notifications.DECIDER)
E = TypeVar("E")
_TAKE_NEXT_STEP = codec.schema_id(TakeNextStep)
_NOT_REASONS = ("in", "timer", "tick", "configured")


@lru_cache(maxsize=1)
def topology() -> Topology:
    return load()


@cache
def _words(topic: str) -> codec.Words:
    return codec.Words(STREAMS[topology().topics[topic].stream])


@dataclass(frozen=True)
class Told:
    """What one record led to: events on the room's topic, answers, what was sent to inputs, reasons in order."""

    events: tuple[Any, ...]
    answers: tuple[Answer, ...]
    sent: tuple[tuple[str, Any], ...]
    reasons: tuple[str, ...]

    @property
    def kinds(self) -> tuple[str, ...]:
        return tuple(type(e).__name__ for e in self.events)

    def the(self, kind: type[E]) -> E:
        """The only event of this kind."""
        found = [e for e in self.events if isinstance(e, kind)]
        assert len(found) == 1, f"{len(found)} {kind.__name__} in {self.kinds}"
        return found[0]


class Desk:
    """The engines and what is on its way between them. `history` is every event of every room, in order of decision."""

    def __init__(self, *deciders: Decider) -> None:
        self.now = START
        self.history: list[Any] = []
        self.waiting: deque[tuple[str, bytes | None, bytes, Headers]] = deque()
        self.engines: dict[str, Engine] = {}
        self.changelogs: dict[str, list[Output]] = {}
        self.log: dict[str, list[Record]] = {}
        self._announced: Counter[str] = Counter()
        self._told = 0
        for decider in deciders:
            room = room_of(decider, topology(), {d.name: d for d in FEEDING})
            self.engines[room.input] = Engine(room, 0)
            self.log[room.input] = []
            self.changelogs[room.input] = []

    @property
    def engine(self) -> Engine:
        """The only engine."""
        (engine,) = self.engines.values()
        return engine

    # --- saying ---------------------------------------------------------------------------------------------------

    def configure(self, document: str, plain: Mapping[str, Any], tenant: str = TENANT) -> None:
        """Announce the next version of a document to every room on the desk."""
        self._announced[document] += 1
        body = canonical(json.loads(json.dumps(plain)))
        message = ConfigurationAnnounced(tenant, document, self._announced[document], "", body)
        for topic in self.engines:
            self._append(topic, tenant.encode(), codec.encode(message), ())

    def tell(self, message: Any, topic: str | None = None, cause: bytes | None = None) -> Told:
        """Append one message and decide it. `cause` is its record id; each call has its own by default."""
        self._told += 1
        topic = topic or next(t for t in self.engines if type(message) in STREAMS[topology().topics[t].stream])
        key = ids.key_of(message.tenant)
        headers = headers_of(cause or ids.derive("told", self._told), "test", "test", key, self.now)
        return self._append(topic, key.encode(), codec.encode(message), headers)

    def sleep(self, ms: int, taking: bool = True) -> Told:
        """Time passes; a tick on every input makes the timers fire, and a step whose wait is over is taken."""
        self.now += ms
        parts = [self._append(topic, None, codec.encode(Tick()), ()) for topic in self.engines]
        words = [item for item in self.waiting if codec.id_of(item[2]) == _TAKE_NEXT_STEP] if taking else []
        for item in words:
            self.waiting.remove(item)
            parts.append(self._append(*item))
        return _together(parts)

    def sleep_until(self, at: int) -> Told:
        return self.sleep(at - self.now)

    def echo(self) -> Told:
        """Deliver what is on its way now, once; what that leads to waits."""
        waiting, self.waiting = self.waiting, deque()
        return _together([self._append(*item) for item in waiting])

    def settle(self) -> Told:
        """Deliver until nothing is on its way."""
        parts: list[Told] = []
        for _ in range(200):
            if not self.waiting:
                return _together(parts)
            parts.append(self.echo())
        raise AssertionError("the rooms never come to rest")

    # --- restore --------------------------------------------------------------------------------------------------

    def restored(self, topic: str) -> Engine:
        """A second engine, folded from the changelog that the first one wrote."""
        live = self.engines[topic]
        other = Engine(live.room, 0)
        for offset, row in enumerate(self.changelogs[topic]):
            other.load(Record(row.topic, 0, offset, 0, row.key, row.value, row.headers))
        other.ready()
        return other

    # --- inside ---------------------------------------------------------------------------------------------------

    def _append(self, topic: str, key: bytes | None, value: bytes, headers: Headers) -> Told:
        engine = self.engines[topic]
        records = self.log[topic]
        record = Record(topic, 0, len(records), self.now, key, value, headers)
        records.append(record)
        before = engine.counts.copy()
        advance = engine.advance(record)
        assert advance.consumed
        self.changelogs[topic] += engine.flush(record.offset + 1)
        grown = engine.counts - before
        reasons = [r for r in grown if r not in _NOT_REASONS]
        return self._read(advance.outputs, tuple(reasons))

    def _read(self, outputs: tuple[Output, ...], reasons: tuple[str, ...]) -> Told:
        events, answers, sent = [], [], []
        for output in outputs:
            message = _words(output.topic).decode(output.value)
            if isinstance(message, Answer):
                answers.append(message)
            elif output.topic.endswith(".commands"):
                sent.append((output.topic, message))
                if output.topic in self.engines:
                    assert output.value is not None
                    self.waiting.append((output.topic, output.key, output.value, output.headers))
            else:
                events.append(message)
        self.history += events
        return Told(tuple(events), tuple(answers), tuple(sent), reasons)


def _together(parts: list[Told]) -> Told:
    return Told(
        tuple(e for p in parts for e in p.events),
        tuple(a for p in parts for a in p.answers),
        tuple(s for p in parts for s in p.sent),
        tuple(r for p in parts for r in p.reasons),
    )
