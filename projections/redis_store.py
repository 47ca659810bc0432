"""A projection's store in Redis: positions by compare-and-set in one script, writes that may be repeated.

It fits the runner as PostgresStore does. Redis is allowed to forget everything: positions and content are in the same
place, so a Redis that was emptied, or set back to an older copy, has none or older positions. The next write (or the
runner's look every few seconds) notices it, and the log is read again from there.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any, Protocol

from processors.host import points
from processors.host.places import Place
from projections.errors import NotReady, PositionLost, Refused
from projections.redis_keys import hold_key, patterns, positions_key, torn_key
from projections.redis_script import COMMIT, HELD, TORN, Move, Operations, Word, arguments
from schemas.record import Record

LOG = logging.getLogger("mandate.projections")

CONNECT_SECONDS = 5.0
# 5,000 lines are 30 ms of script; a Redis that is rewriting its file or swapping gets this long.
ANSWER_SECONDS = 15.0
UNLINK_STEP = 500


@dataclass(frozen=True, slots=True)
class Mark:
    """Where a place stands: the next offset, and log times (ms): of its last record, and since when it can speak.

    `whole`: it was read from offset 0 and nothing has left it, so there is nothing before `since`.
    """

    next_offset: int
    at: int | None = None
    since: int | None = None
    whole: bool = False

    def text(self) -> str:
        """As it is stored."""
        return " ".join("-" if n is None else str(int(n)) for n in (self.next_offset, self.at, self.since, self.whole))

    @classmethod
    def of(cls, text: str) -> Mark:
        """What `text` gave."""
        first, at, since, whole = (None if word == "-" else int(word) for word in text.split(" "))
        return cls(first or 0, at, since, bool(whole))


@dataclass(frozen=True, slots=True)
class Planned:
    """What a batch writes. `since` changes what a place speaks for; `adopt` is called once it is written."""

    operations: Operations
    adopt: Callable[[], None]
    since: Mapping[Place, int]
    rejected: int = 0


class RedisWriter(Protocol):
    """A read model's half of a batch. Made anew whenever positions are read, so what it remembers is of that moment."""

    def plan(self, client: Any, records: Sequence[Record], marks: Mapping[Place, Mark]) -> Planned:
        """What these records write; may read with `client`, must not write. `marks` are the places' before the batch.

        Raises Refused when a record is in a newer schema than this program knows.
        """


@dataclass(frozen=True, slots=True)
class RedisProjection:
    """A read model in Redis. A new shape of its keys is a new version: the old one's keys stay until they are deleted.

    `writer` is given the topics with what is in them, as `kinds` of its project.py says.
    """

    name: str
    version: int
    writer: Callable[[], RedisWriter]


class RedisStore:
    """The real one. One thread. It writes what serves, or with `prefix` the generation whose keys begin so."""

    def __init__(self, url: str, projection: RedisProjection, prefix: str = "") -> None:
        self._url = url
        self._projection = projection
        self._prefix = prefix
        self._key = prefix + positions_key(projection.name, projection.version)
        self._hold = hold_key(projection.name, projection.version)
        self._torn_key = prefix + torn_key(projection.name, projection.version)
        self._torn = b""
        self._client: Any = None
        self._writer = projection.writer()
        self._marks: dict[Place, Mark] = {}

    def open(self) -> None:
        """Connect, and refuse a Redis that throws keys away. Raises NotReady, Refused `redis_evicts`."""
        # Imported where it is used: this module also says how positions look, and the client takes 0.3 s to load.
        import redis
        from redis.backoff import NoBackoff
        from redis.retry import Retry

        self.close()
        client = redis.Redis.from_url(
            self._url,
            socket_connect_timeout=CONNECT_SECONDS,
            socket_timeout=ANSWER_SECONDS,
            # The runner backs off itself; the client's own tries (3.5 s for a closed port) would only hide it.
            retry=Retry(NoBackoff(), 0),
            client_name=f"mandate-projection-{self._projection.name}",
        )
        self._client = client
        with self._said():
            check_policy(client.info("memory"))

    def positions(self) -> Mapping[Place, int]:
        """The stored positions; what was remembered of the content is forgotten."""
        self._writer = self._projection.writer()
        with self._said():
            self._marks = marks_of(self._client.hgetall(self._key))
            # Before any content is read: a script that ends half-way later is one that we do not know of.
            self._torn = self._client.get(self._torn_key) or b""
        return {place: mark.next_offset for place, mark in self._marks.items()}

    def begin(self, lows: Mapping[Place, int]) -> None:
        """Store a first position for places without one. Without any, what is left of the content goes first."""
        with self._said():
            if not self._client.exists(self._key):
                self._forget()
            for place, low in sorted(lows.items()):
                self._client.hsetnx(self._key, name_of(place), Mark(low, whole=low == 0).text())

    def write(self, records: Sequence[Record], before: Mapping[Place, int], after: Mapping[Place, int]) -> int:
        """Content, then positions, in one script. Raises PositionLost, NotReady, Refused."""
        with self._said():
            planned = self._writer.plan(_Prefixed(self._client, self._prefix), records, self._marks)
            marks = self._moved(records, after, planned.since)
            moves = [Move(name_of(place), before[place], marks[place].text()) for place in sorted(after)]
            words = arguments(moves, self._words(planned), self._prefix, self._torn)
            points.reached("projection.planned")
            lost: bytes = self._client.eval(COMMIT, 3, self._key, self._hold, self._torn_key, *words)
        if lost == HELD.encode():
            raise NotReady(
                "rebuild_holds",
                f"projection {self._projection.name}",
                "a rebuild compares it with the new one",
                "It is tried again; the hold ends by itself.",
            )
        if lost == TORN.encode():
            raise PositionLost(
                "position_lost",
                f"projection {self._projection.name}",
                "a script ended half-way since its content was read",
                "Nothing was written; positions and content are read again.",
            )
        if lost:
            raise PositionLost(
                "position_lost",
                f"projection {self._projection.name} at {lost.decode()}",
                "the position in Redis is another one, or is gone",
                "Nothing was written; the positions are read again.",
            )
        points.reached("projection.scripted")
        planned.adopt()
        self._marks |= marks
        self._torn = b""
        return planned.rejected

    def close(self) -> None:
        """Give up the connection; never raises."""
        if self._client is not None:
            self._client.close()
            self._client = None

    def _moved(
        self, records: Sequence[Record], after: Mapping[Place, int], since: Mapping[Place, int]
    ) -> dict[Place, Mark]:
        out = {place: replace(self._marks[place], next_offset=at) for place, at in after.items()}
        times: dict[Place, list[int]] = {}
        for record in records:
            times.setdefault(Place(record.topic, record.partition), []).append(record.append_time)
        for place, found in times.items():
            mark = out[place]
            first = found[0] if mark.since is None else mark.since
            out[place] = replace(mark, at=max(mark.at or 0, *found), since=first)
        return {p: replace(m, since=since[p], whole=False) if p in since else m for p, m in out.items()}

    def _words(self, planned: Planned) -> list[Word]:
        """What is written, then since when places speak, then what they forget: none speaks of what is gone."""
        out = [*planned.operations.words]
        for place, since in planned.since.items():
            out += ("place", name_of(place), replace(self._marks[place], since=since, whole=False).text())
        return out + planned.operations.last

    def _forget(self) -> None:
        for pattern in patterns(self._projection.name, self._projection.version):
            found = list(self._client.scan_iter(match=self._prefix + pattern, count=UNLINK_STEP))
            for start in range(0, len(found), UNLINK_STEP):
                self._client.unlink(*found[start : start + UNLINK_STEP])

    @contextmanager
    def _said(self) -> Iterator[None]:
        """Redis' errors in the runner's words: all of them may pass, and none of them moved a position."""
        import redis

        try:
            yield
        except redis.RedisError as error:
            raise NotReady(
                "redis_unavailable",
                f"projection {self._projection.name}",
                f"Redis: {type(error).__name__}: {error}",
                "It is tried again; check MANDATE_REDIS and that the server runs.",
            ) from error


class _Prefixed:
    """What a writer may ask of a client, in its generation."""

    def __init__(self, client: Any, prefix: str) -> None:
        self._client = client
        self._prefix = prefix

    def hgetall(self, key: str) -> Any:
        """A hash of this generation."""
        return self._client.hgetall(self._prefix + key)

    def hgets(self, asked: Sequence[tuple[str, bytes]]) -> list[bytes | None]:
        """Fields of hashes of this generation, in one round trip; None where there is none."""
        pipe = self._client.pipeline(transaction=False)
        for key, name in asked:
            pipe.hget(self._prefix + key, name)
        return list(pipe.execute())


def name_of(place: Place) -> str:
    """A place as the positions' hash names it."""
    return f"{place.topic}/{place.partition}"


def marks_of(stored: Mapping[bytes, bytes]) -> dict[Place, Mark]:
    """The positions' hash in our words."""
    out = {}
    for name, value in stored.items():
        topic, _, partition = name.decode().rpartition("/")
        out[Place(topic, int(partition))] = Mark.of(value.decode())
    return out


def check_policy(memory: Mapping[str, Any]) -> None:
    """Raises Refused for a Redis that evicts any key it likes: missing answers would look like true ones."""
    if memory.get("maxmemory") and str(memory.get("maxmemory_policy", "")).startswith("allkeys"):
        raise Refused(
            "redis_evicts",
            "the Redis of MANDATE_REDIS",
            f"its maxmemory-policy is {memory['maxmemory_policy']}: it throws away keys that read models need",
            "Set maxmemory-policy noeviction (or volatile-ttl: our keys have no time to live), or use another Redis.",
        )
