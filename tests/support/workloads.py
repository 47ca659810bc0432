"""Logs of actions as three processors may meet them, drawn by a seed, and everything that an engine writes over one.

Most actions are plain (a session counted upwards); the rest are what makes a processor do more: sent again, numbers out
of order, effects, failures, flags of others, rubbish, ticks, announcements, and steps of time over every window.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from hashlib import sha256
from itertools import pairwise
from random import Random
from typing import Any

from processors.kernel.engine import Engine
from processors.kernel.runnable import Runnable, runnables
from processors.rooms import DECIDERS
from schemas import codec, topology
from schemas.configuration import canonical
from schemas.ids import derive, key_of
from schemas.messages.actions import (
    BACKFILL,
    CHANGE,
    EFFECT,
    ERROR,
    LABEL,
    NO_SEQUENCE,
    RETRYABLE,
    Action,
    Change,
    Effect,
    ErrorInfo,
    Labels,
)
from schemas.messages.kernel import ConfigurationAnnounced, Tick
from schemas.partitioning import partition_of
from schemas.record import Headers, Output, Record
from tests.support.actions import T0, action

WIRED = runnables(topology.load(), DECIDERS)
ROOMS = ("dedup", "ordering", "signals")
BOUNDARY = 25  # records of a transaction where nobody says otherwise
# A day is one step in a thousand; the others lie around the windows of 30 s, 60 s, 300 s and 600 s.
STEPS = (0, 0, 0, 1, 1, 2, 7, 40, 300, 900, 5_000)
JUMPS = (29_999, 30_000, 61_000, 299_000, 300_000, 301_000, 700_000, 3_600_000)
DAY = 86_400_000

Drawn = list[Record]


def _actors(count: int) -> list[str]:
    """Names whose keys belong to partition 0, one of them with what a key must escape."""
    names = [f"agent-{i}" for i in range(200)] + [f"a/gent %{i}" for i in range(50)] + [f"agént-{i}" for i in range(50)]
    found = [n for n in names if partition_of(key_of("t", n).encode(), 4) == 0]
    return found[:: max(1, len(found) // count)][:count]


class _Drawing:
    """One log in the making."""

    def __init__(self, seed: int, plain: int) -> None:
        self.random = Random(seed)
        self.plain = plain  # of a hundred actions, how many are plain
        self.now = T0
        self.numbers: dict[tuple[str, str], int] = {}
        self.sent: list[Action] = []
        self.made = 0
        self.actors = _actors(6)

    def time(self) -> int:
        drawn = self.random.random()
        if drawn < 0.001:
            self.now += DAY
        elif drawn < 0.012:
            self.now += self.random.choice(JUMPS)
        elif drawn < 0.02:
            return self.now - 2_000  # an append time that goes back
        else:
            self.now += self.random.choice(STEPS)
        return self.now

    def next(self, at: int) -> Action:
        """A plain action: the next number of a session."""
        actor, session = self.random.choice(self.actors), self.random.choice(("s1", "s1", "s2", "séance"))
        number = self.numbers.get((actor, session), self.random.choice((-1, 0, 0, 6))) + 1
        self.numbers[actor, session] = number
        self.made += 1
        given: dict[str, Any] = {"actor": actor, "session": session, "sequence": number}
        given |= {"timestamp": at - self.random.choice((0, 3, 900)), "received_at": at}
        given |= {"resource": f"service/{self.random.randrange(5)}", "type": self.random.choice(("work.do", "call"))}
        return action(self.made, **given)

    def any(self, at: int) -> Action:
        """A plain action, or one of the others."""
        chosen = self.next(at)
        if self.random.randrange(100) < self.plain:
            return chosen
        return self.random.choice((self._again, self._number, self._clock, self._content, self._failed))(chosen)

    def _again(self, chosen: Action) -> Action:
        if not self.sent:
            return chosen
        old = self.random.choice(self.sent[-self.random.choice((3, 30, 300)) :])
        other = derive("other", self.made)
        return self.random.choice((old, old, _with(old, event_id=other), _with(chosen, event_id=old.event_id)))

    def _number(self, chosen: Action) -> Action:
        key = (chosen.actor, chosen.session)
        number = chosen.sequence + self.random.choice((1, 2, 9, -1, -2, -9, -1_000))
        if number <= 0 and self.random.randrange(2):
            return _with(chosen, sequence=NO_SEQUENCE, session=self.random.choice(("", chosen.session)))
        if number > chosen.sequence:
            self.numbers[key] = number
        return _with(chosen, sequence=max(0, number))

    def _clock(self, chosen: Action) -> Action:
        off = self.random.choice((400_000, -4_000_000, 300_000, 300_001, -3_600_000, -3_600_001))
        return _with(chosen, timestamp=chosen.received_at + off, traits=self.random.choice((0, BACKFILL)))

    def _content(self, chosen: Action) -> Action:
        kind = self.random.randrange(3)
        if kind == 0:
            effect = Effect("charge", self.random.choice(("100", "250")), "EUR", "cust", None, "irreversible")
            given = {"effect": effect, "content_key": derive("content", self.random.randrange(3))}
            return _with(chosen, traits=EFFECT, **given)
        if kind == 1:
            change = Change("deploy", "1", "2", "a new version")
            return _with(chosen, traits=CHANGE, change=change)
        return _with(chosen, traits=LABEL, labels=Labels(self.random.choice(("RML3", None)), None))

    def _failed(self, chosen: Action) -> Action:
        traits = ERROR | self.random.choice((0, RETRYABLE, RETRYABLE, BACKFILL | RETRYABLE))
        error = ErrorInfo(self.random.choice(("Timeout", "PaymentError")), f"order {self.made} waited")
        return _with(chosen, traits=traits, error=error, attempt=self.random.randrange(1, 4))


def _with(what: Action, **given: Any) -> Action:
    plain = {name: getattr(what, name) for name in what.__slots__}
    return Action(**(plain | given))


def _headers(random: Random) -> Headers:
    flags = random.choice((b"rerouted", b"repeated", b"id_reused:2", b"gap,late", b"future_timestamp", b""))
    return random.choice(((("traceparent", b"00-ab-cd-01"),), (("flags", flags),), (("flags", flags), ("x", b"1"))))


def _rubbish(random: Random, value: bytes) -> bytes | None:
    at = random.randrange(5, 80)
    broken = value[:at] + bytes((random.randrange(256),)) + value[at + 1 :]
    return random.choice((None, b"", b"\x00\x00", b"{}", value[:at], broken, b"\x00\x00\x00\xff\xff" + value[5:]))


def _announced(number: int) -> ConfigurationAnnounced:
    rate = {"expected_per_mille": 10 * (number % 3), "alert_per_mille": 20, "baseline_window_s": 60 * (1 + number % 9)}
    plain = {
        "retry_window_s": 20 + number,
        "intermittent": {"tries": number % 3, "window_s": 24 + 12 * number},
        "grouping": [{"name": "orders", "pattern": "order ([0-9])"}],
        "dependencies": [{"name": "d", "resources": [f"service/{number % 5}"], **rate}] if number % 2 else [],
    }
    body = canonical(plain)
    return ConfigurationAnnounced("t", "signals", number, derive("body", number).hex(), body)


def _floods(number: int, random: Random) -> ConfigurationAnnounced:
    """Limits so low that every rung, window and warm-up is met within a few hundred actions."""
    unusual = {"window_s": random.choice((60, 300)), "factor": 1, "minimum": random.choice((0, 2, 5)), "warm_up": 1}
    plain = {
        "actor_per_second": random.choice((0, 1, 2)),
        "tenant_per_second": random.choice((0, 2, 40)),
        "new_actors_per_minute": random.choice((0, 1, 10)),
        "unusual": unusual,
    }
    body = canonical(plain)
    return ConfigurationAnnounced("t", "floods", number, derive("body", body).hex(), body)


def log(seed: int, count: int, plain: int = 80, again: int = 0) -> Drawn:
    """A log of actions.raw, partition 0; `plain` of a hundred actions are ordinary, and as many as `again` says of a
    hundred records are one of the last 200 once more, headers and all."""
    drawing, repeated = _Drawing(seed, plain), Random(seed)
    random = drawing.random
    out: Drawn = []
    for offset in range(count):
        at = drawing.time()
        if out and repeated.randrange(100) < again:
            out.append(repeated.choice(out[-200:])._replace(offset=offset, append_time=at))
            continue
        what = drawing.any(at)
        if plain < 100 and random.randrange(200) == 0:
            what = _with(what, actor="elsewhere")  # its key belongs to another partition
        drawing.sent.append(what)
        key: bytes | None = key_of(what.tenant, what.actor).encode()
        value: bytes | None = codec.encode(what)
        headers: Headers = ()
        odd = random.randrange(1_000) if plain < 100 else 999
        if odd < 10:
            key, value = None, codec.encode(Tick())
        elif odd < 15:
            key = random.choice((b"t/somebody", b"\xff\xfe", None, key_of(what.tenant, what.resource).encode()))
        elif odd < 25:
            assert value is not None
            value = _rubbish(random, value)
        elif odd < 60:
            headers = _headers(random)
        out.append(Record("actions.raw", 0, offset, at, key, value, headers))
    return out


def onward(outputs: Sequence[Output], source: Sequence[Record], topic: str, seed: int) -> Drawn:
    """What was written to `topic` as the next processor's partition 0 gives it, ticks and announcements among it."""
    random, limits, announced = Random(seed), Random(seed), 0
    out: Drawn = []
    chosen = [o for o in outputs if o.topic == topic]
    for i, output in enumerate(chosen):
        at = source[i * len(source) // len(chosen)].append_time
        if random.randrange(200) == 0:
            out.append(Record(topic, 0, len(out), at, None, codec.encode(Tick())))
        if limits.randrange(60) == 0 and topic == "actions.ordered":
            announced += 1
            out.append(Record(topic, 0, len(out), at, b"t", codec.encode(_announced(announced))))
        if limits.randrange(60) == 0 and topic == "actions.unique":
            announced += 1
            out.append(Record(topic, 0, len(out), at, b"t", codec.encode(_floods(announced, limits))))
        out.append(Record(topic, 0, len(out), at, output.key, output.value, output.headers))
    return out


Run = Callable[[Engine, Sequence[Record]], Iterable[Output]]


def one_by_one(engine: Engine, records: Sequence[Record]) -> Iterable[Output]:
    """Every record decided for itself."""
    for record in records:
        yield from engine.advance(record).outputs


def written(room: Runnable, records: Sequence[Record], run: Run, boundaries: Sequence[int] = ()) -> list[list[Output]]:
    """What each transaction writes, its changelog last. `boundaries` are indexes of the log (default every 25)."""
    engine = room.engine(0)
    engine.ready()
    cuts = sorted({*(boundaries or range(BOUNDARY, len(records), BOUNDARY)), len(records)})
    out, begun = [], 0
    for end in cuts:
        batch = records[begun:end]
        if batch:
            out.append([*run(engine, batch), *engine.flush(batch[-1].offset + 1)])
        begun = end
    return out


def fingerprint(transactions: Sequence[Sequence[Output]]) -> str:
    """One hash of every byte that was written and of where the transactions end."""
    digest = sha256()
    for outputs in transactions:
        digest.update(b"transaction")
        for o in outputs:
            fields = (o.topic, o.partition, o.key, o.value, *o.headers)
            digest.update(repr(fields).encode())
    return digest.hexdigest()


def logs(seed: int, count: int, plain: int = 80, again: int = 0) -> dict[str, Drawn]:
    """One log for each of the three processors: the second and third are what the one before writes over its own."""
    found = {"dedup": log(seed, count, plain, again)}
    for name, following in pairwise(ROOMS):
        outputs = [o for batch in written(WIRED[name], found[name], one_by_one) for o in batch]
        found[following] = onward(outputs, found[name], WIRED[following].input, seed)
    return found
