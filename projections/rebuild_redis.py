"""Rebuilds a read model of Redis as a generation beside the one that serves, compares the two, and swaps by one script.

A generation that does not serve has the same keys behind a prefix `g<n>:`. Redis knows no snapshot, so while the two
are compared what serves is held: its process is told to come again (a key that ends by itself; some ms for thousands of
keys, seconds for millions). The swap renames keys: what served goes behind its generation's prefix, the new one loses
its own, in one script. Cost: it holds Redis for about 2 µs a key.

Killed anywhere, what serves is as it was; the next run goes on in the generation that it finds.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import redis

from processors.host.history import History
from processors.host.places import Place
from projections import redis_checksum
from projections.catalog import REDIS
from projections.errors import NotReady, Refused
from projections.filling import Filling, Moment, Said
from projections.rebuild import NOT_COMPARED, Difference, Outcome, told_apart
from projections.redis_keys import generation_prefix, hold_key, patterns, positions_key, rebuild_key
from projections.redis_store import ANSWER_SECONDS, CONNECT_SECONDS, RedisStore, marks_of

# A killed rebuild keeps the next one waiting this long, and the serving process while it was comparing.
LOCK_MS = 30_000
FIRST_GENERATION = 1

# KEYS: lock, generations, hold. ARGV: token, prefix of what comes, prefix of what goes, number of what comes and of
# what goes, the two patterns. All is renamed or nothing: a rename asks for no memory and every key was just seen.
_SWAP = """
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
local function found(prefix)
  local names, cursor = {}, '0'
  for at = 6, 7 do
    repeat
      local answer = redis.call('SCAN', cursor, 'MATCH', prefix .. ARGV[at], 'COUNT', 1000)
      cursor = answer[1]
      for _, key in ipairs(answer[2]) do names[string.sub(key, #prefix + 1)] = true end
    until cursor == '0'
  end
  return names
end
local coming, going = found(ARGV[2]), found('')
for name, _ in pairs(going) do redis.call('RENAME', name, 'swap:' .. name) end
for name, _ in pairs(coming) do redis.call('RENAME', ARGV[2] .. name, name) end
for name, _ in pairs(going) do redis.call('RENAME', 'swap:' .. name, ARGV[3] .. name) end
redis.call('HSET', KEYS[2], 'live', ARGV[4], 'previous', ARGV[5])
redis.call('DEL', KEYS[3])
return 1
"""
_RELEASE = "if redis.call('GET', KEYS[1]) == ARGV[1] then return redis.call('DEL', KEYS[1]) end return 0"


class RedisRebuild:
    """One read model, one run; as projections.rebuild.Rebuild."""

    def __init__(self, url: str, name: str, places: Sequence[Place], history: History, said: Said) -> None:
        self._url = url
        self._projection = REDIS[name]
        self._places = list(places)
        self._history = history
        self._tell = said
        self._token = secrets.token_hex(16)
        name, version = self._projection.name, self._projection.version
        self._lock, self._generations = (rebuild_key(name, version, rest) for rest in ("lock", "generations"))
        self._held = hold_key(name, version)
        self._client = redis.Redis.from_url(
            url,
            socket_connect_timeout=CONNECT_SECONDS,
            socket_timeout=ANSWER_SECONDS,
            client_name="mandate-rebuild",
        )

    def run(self, *, swap: bool = True, accept: bool = False) -> Outcome:
        """Build, compare and swap; raises as Rebuild.run, and redis.RedisError."""
        began = time.monotonic()
        with self._locked():
            live, previous = self._known()
            number = max(live, previous or 0) + 1
            if previous is not None:
                self._forget(previous)
                self._client.hdel(self._generations, "previous")
            filling, store = self._filling(number)
            try:
                with self._hold():
                    found = self._compare(number, filling, accept)
                    differences, removed = told_apart(found, self._history, self._places)
                    swapped = swap and (accept or not differences)
                    if swapped:
                        self._swap(number, live, filling)
                if not swap:
                    self._forget(number)
            finally:
                store.close()
            filling.say("done")
        serves = number if swapped else live
        seconds = time.monotonic() - began
        return Outcome(self._projection.name, filling.rows, differences, swapped, serves, seconds, removed)

    def rollback(self) -> Outcome:
        """Let the generation before the last swap serve again, brought up to the log. Raises Refused."""
        began = time.monotonic()
        with self._locked():
            live, previous = self._known()
            if previous is None or not self._positions(generation_prefix(previous)):
                raise Refused(
                    "rollback_nothing",
                    f"read model {self._projection.name}",
                    "nothing is kept from before: it was never swapped, or a later rebuild has begun",
                    f"Rebuild it: mandate rebuild {self._projection.name}",
                )
            filling, store = self._filling(previous)
            try:
                with self._hold():
                    differences = self._compare(previous, filling)
                    self._swap(previous, live, filling)
            finally:
                store.close()
            filling.say("done")
        return Outcome(self._projection.name, filling.rows, differences, True, previous, time.monotonic() - began)

    def _known(self) -> tuple[int, int | None]:
        found: Any = self._client.hgetall(self._generations)
        previous = found.get(b"previous")
        return int(found.get(b"live", FIRST_GENERATION)), None if previous is None else int(previous)

    def _filling(self, number: int) -> tuple[Filling, RedisStore]:
        prefix = generation_prefix(number)
        stored, serving = self._positions(prefix), self._positions("")
        lost = any(at < self._history.bounds(place)[0] for place, at in stored.items())
        if lost or any(at > serving.get(place, 0) for place, at in stored.items()):
            self._forget(number)
        store = RedisStore(self._url, self._projection, prefix)
        store.open()
        filling = Filling(self._projection.name, store, self._history, self._said)
        filling.begin(self._places)
        filling.say("begun")
        filling.near(self._serving)
        return filling, store

    def _compare(self, number: int, filling: Filling, accept: bool = False) -> tuple[Difference, ...]:
        """Both at the serving one's positions; it is held meanwhile."""
        goal = self._serving()
        if not filling.comparable(goal, accept):
            filling.to_end(self._places)
            return (NOT_COMPARED,)
        filling.to(goal, "holding")
        filling.say("filled")
        serving = redis_checksum.sums(self._client, self._projection, "", self._renew)
        rebuilt = redis_checksum.sums(self._client, self._projection, generation_prefix(number), self._renew)
        if self._serving() != goal:
            raise NotReady(
                "vector_missed",
                f"read model {self._projection.name}",
                "what serves moved while it was compared",
                "Redis was emptied or set back, or the hold ended: run it again.",
            )
        filling.say("compared")
        return tuple(
            Difference("keys", tenant, serving.get(tenant, (0, 0))[0], rebuilt.get(tenant, (0, 0))[0])
            for tenant in sorted({*serving, *rebuilt})
            if serving.get(tenant) != rebuilt.get(tenant)
        )

    def _swap(self, number: int, live: int, filling: Filling) -> None:
        filling.say("swapping")
        words = (self._token, generation_prefix(number), generation_prefix(live), number, live)
        model = patterns(self._projection.name, self._projection.version)
        done = self._client.eval(_SWAP, 3, self._lock, self._generations, self._held, *words, *model)
        if not done:
            raise Refused(
                "rebuild_lock_lost",
                f"read model {self._projection.name}",
                "its lock was taken by another rebuild, or Redis was emptied",
                "Nothing was swapped: run it again.",
            )
        filling.say("swapped")

    def _serving(self) -> dict[Place, int]:
        found = self._positions("")
        if any(place not in found for place in self._places):
            raise Refused(
                "rebuild_nothing",
                f"read model {self._projection.name}",
                "it has no positions: nothing was projected yet, or Redis was emptied",
                "Start its process once: it fills the read model from the log by itself.",
            )
        return {place: found[place] for place in self._places}

    def _positions(self, prefix: str) -> dict[Place, int]:
        stored: Any = self._client.hgetall(prefix + positions_key(self._projection.name, self._projection.version))
        return {place: mark.next_offset for place, mark in marks_of(stored).items()}

    def _forget(self, number: int) -> None:
        for pattern in patterns(self._projection.name, self._projection.version):
            for key in self._client.scan_iter(match=generation_prefix(number) + pattern, count=redis_checksum.STEP):
                self._client.unlink(key)

    @contextmanager
    def _hold(self) -> Iterator[None]:
        """Inside, what serves is not written."""
        self._client.set(self._held, self._token, px=LOCK_MS)
        try:
            yield
        finally:
            self._client.eval(_RELEASE, 1, self._held, self._token)

    @contextmanager
    def _locked(self) -> Iterator[None]:
        if not self._client.set(self._lock, self._token, nx=True, px=LOCK_MS):
            left: Any = self._client.pttl(self._lock)
            raise Refused(
                "rebuild_running",
                f"read model {self._projection.name}",
                f"another rebuild of it holds the lock, which ends in {max(0, left) / 1000:.0f} s if that one is dead",
                "Wait for it; its next run goes on where it stopped.",
            )
        try:
            yield
        finally:
            self._client.eval(_RELEASE, 1, self._lock, self._token)
            self._client.close()

    def _renew(self) -> None:
        """Keep the lock while work is done, and the hold while it is there."""
        if self._client.get(self._lock) == self._token.encode():
            self._client.pexpire(self._lock, LOCK_MS)
        if self._client.get(self._held) == self._token.encode():
            self._client.pexpire(self._held, LOCK_MS)

    def _said(self, moment: Moment) -> None:
        self._renew()
        self._tell(moment)
