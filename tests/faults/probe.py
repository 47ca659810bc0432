"""Two threads that only look: the log as a read_committed consumer sees it, and how far the stores have come.

They note when something came (so a fault's stall is the largest gap between two arrivals) and what came, for the
checker. Plain clients; nothing of the host is used.
"""

from __future__ import annotations

import contextlib
import itertools
import threading
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Mapping
from typing import Any

import psycopg
import redis
from confluent_kafka import OFFSET_BEGINNING, Consumer, KafkaException, TopicPartition

from tests.faults import wire

ACTIONS = ("actions.raw", "actions.unique", "actions.ordered")
MESSAGES = ("incidents.events", "rml.events", "notifications.events")
COUNTED = ("actions.dropped", "incidents.commands", "dead.letters")
TOPICS = (*ACTIONS, *MESSAGES, *COUNTED)
# Arrivals within this are one; the log is read faster than anybody could tell.
GRAIN_S = 0.01
LOOK_S = 0.05
# A store or broker that is away is asked again.
AGAIN_S = 0.2


class Arrivals:
    """When something came, in order; monotonic seconds."""

    def __init__(self) -> None:
        self._at: list[float] = []

    def note(self) -> None:
        """Something came now."""
        now = time.monotonic()
        if not self._at or now - self._at[-1] >= GRAIN_S:
            self._at.append(now)

    def gap(self, since: float, until: float) -> tuple[float, float]:
        """The largest time without anything that touches [since, until], and when it ended."""
        inside = [at for at in self._at if since <= at <= until]
        before = [at for at in self._at if at < since][-1:]
        times = [*(before or [since]), *inside, until]
        return max(((b - a, b) for a, b in itertools.pairwise(times)), default=(0.0, until))

    def after(self, at: float) -> bool:
        """Has anything come after that time?"""
        return bool(self._at) and self._at[-1] > at


class LogProbe(threading.Thread):
    """Reads every partition of TOPICS from its beginning, committed records only."""

    def __init__(self, bootstrap: str, registry: wire.Registry, tenant: str) -> None:
        super().__init__(name="log-probe", daemon=True)
        self.arrivals: dict[str, Arrivals] = {topic: Arrivals() for topic in TOPICS}
        self.counts: Counter[str] = Counter()
        # (topic, partition, offset) of actions, and how often each id is in a topic.
        self.at: dict[tuple[str, int, int], str] = {}
        self.ids: dict[str, Counter[str]] = {topic: Counter() for topic in ACTIONS}
        # Ids that came after a larger number of their session, and those that say so themselves.
        self.inverted: set[str] = set()
        self.flagged: set[str] = set()
        self.messages: dict[str, list[dict[str, Any]]] = defaultdict(list)
        self.failed: BaseException | None = None
        self._highest: dict[tuple[str, str], int] = {}
        self._registry = registry
        self._tenant = tenant
        self._closing = threading.Event()
        settings = {"isolation.level": "read_committed", "enable.auto.commit": False, "group.id": "faults-probe"}
        # A broker that is away is part of the test; the client would say so 20 times a second.
        quiet = {"log_level": 0}
        tuning = {"fetch.wait.max.ms": 50, "fetch.queue.backoff.ms": 10, "reconnect.backoff.max.ms": 500}
        self._consumer = Consumer({"bootstrap.servers": bootstrap} | settings | tuning | quiet)

    def run(self) -> None:
        """Until closed."""
        try:
            known = self._consumer.list_topics(timeout=30).topics
            places = [TopicPartition(t, p, OFFSET_BEGINNING) for t in TOPICS for p in known[t].partitions]
            self._consumer.assign(places)
            while not self._closing.is_set():
                self._read()
        except BaseException as error:  # the main thread looks at it
            self.failed = error
        finally:
            self._consumer.close()

    def close(self) -> None:
        """End the thread."""
        self._closing.set()
        self.join(60)

    def _read(self) -> None:
        try:
            messages = self._consumer.consume(2_000, 0.1)
        except KafkaException:
            self._closing.wait(AGAIN_S)
            return
        for message in messages:
            value, topic = message.value(), message.topic()
            if message.error() is not None or value is None or topic is None:
                continue
            self._take(topic, message, value)

    def _take(self, topic: str, message: Any, value: bytes) -> None:
        if topic in ACTIONS:
            # Configuration is announced on inputs, and ticks are sent there: records, and no actions.
            self.at[topic, message.partition(), message.offset()] = ""
            if self._registry.name(value) != "Action":
                return
            told = wire.action(value)
            if told.tenant != self._tenant:
                return
            self.ids[topic][told.event_id] += 1
            self.at[topic, message.partition(), message.offset()] = told.event_id
            self._order(topic, told, dict(message.headers() or ()))
        elif topic in MESSAGES:
            name = self._registry.name(value)
            self.messages[topic].append({"message": name, **self._registry.decode(value)})
        self.counts[topic] += 1
        self.arrivals[topic].note()

    def _order(self, topic: str, told: wire.Told, headers: dict[str, bytes]) -> None:
        if topic == "actions.unique":
            who = (told.actor, told.session)
            highest = self._highest.get(who, -1)
            if told.sequence < highest:
                self.inverted.add(told.event_id)
            self._highest[who] = max(highest, told.sequence)
        elif topic == "actions.ordered" and "late" in headers.get("flags", b"").decode().split(","):
            self.flagged.add(told.event_id)


class StoreProbe(threading.Thread):
    """Looks 20 times a second how far each read model, and whatever else is counted by `watched`, has come."""

    def __init__(self, dsn: str, url: str, watched: Mapping[str, Callable[[], int]]) -> None:
        super().__init__(name="store-probe", daemon=True)
        self.arrivals: dict[str, Arrivals] = defaultdict(Arrivals)
        self._dsn = dsn
        self._url = url
        self._watched = watched
        self._stood: dict[str, int] = {}
        self._closing = threading.Event()

    def run(self) -> None:
        """Until closed; a store that is away has not come further."""
        while not self._closing.is_set():
            with contextlib.suppress(psycopg.Error, redis.RedisError, OSError):
                self._session()
            self._closing.wait(AGAIN_S)

    def close(self) -> None:
        """End the thread."""
        self._closing.set()
        self.join(60)

    def _session(self) -> None:
        cache: Any = redis.Redis.from_url(self._url, socket_timeout=2, socket_connect_timeout=2)
        with psycopg.connect(self._dsn, autocommit=True, connect_timeout=2) as connection:
            connection.execute("set statement_timeout = '2s'")
            while not self._closing.wait(LOOK_S):
                for name, count in self._watched.items():
                    self._note(name, count())
                query = "select projection, sum(next_offset)::int8 from projection_offsets group by 1"
                for name, at in connection.execute(query).fetchall():
                    self._note(name, at)
                with contextlib.suppress(redis.RedisError):
                    for key in cache.scan_iter(match="mandate:*:positions", count=1_000):
                        at = sum(int(value.split()[0]) for value in cache.hvals(key))
                        self._note(key.decode().split(":")[1], at)

    def _note(self, name: str, at: int) -> None:
        if at != self._stood.get(name):
            self._stood[name] = at
            self.arrivals[name].note()
