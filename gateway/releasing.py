"""Original bytes sent to a processor's input once more: each coordinate once, whatever is killed on the way.

    lock the coordinate → claim it (a row, with where its input ends) → write the record with the header
    `released_from=topic-partition@offset` → say in the row that it was released, and where it lies

A claim without a release is a command that was killed, or one whose broker gave no answer: the writer's start has ended
whatever it had left open, and the input behind the claim is searched for the header before anything is written.
Called by `mandate dead-letters redrive`; the release of what is held, and the review of floods, go the same way.
Writes: `releases` in Postgres, the input topic. It must never change the bytes, the key, or the partition.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import psycopg

from processors.host.history import History
from processors.host.once import OnceWriter
from processors.host.places import Place
from schemas.errors import MandateError
from schemas.messages.kernel import DeadLetter
from schemas.record import Output, header

Connection = psycopg.Connection[Any]

RELEASED_FROM = "released_from"
# First half of the advisory lock of a coordinate; arbitrary, never changed.
LOCK = 722_134_016
# Under this name a writer fences the one before it.
WRITER = "mandate-releases"
# Markers follow in some ms; a broker that restarts takes 4-14 s.
SEEN_SECONDS = 20.0
SEEN_STEP_SECONDS = 0.05


class Refused(MandateError):
    """It cannot be released, now or ever; the code says which."""


@dataclass(frozen=True, slots=True)
class Released:
    """Where the record lies now, and whether an earlier command, which was killed, had written it."""

    place: Place
    offset: int
    by_an_earlier_one: bool


class Releases:
    """Releases records, one at a time. `write` is OnceWriter's, opened anew for each claim that was left."""

    def __init__(self, connection: Connection, history: History, writer: OnceWriter) -> None:
        self._connection = connection
        self._history = history
        self._writer = writer

    def release(self, letter: DeadLetter, why: str) -> Released:
        """Send a dead letter's original to the input it came from. Raises Refused, HostError, psycopg.Error."""
        check(letter)
        place = Place(letter.topic, letter.partition)
        with self._locked(place, letter.offset):
            left = self._claim(place, letter.offset, why)
            if left is not None:
                found = self._find(place, left, coordinate(letter))
                if found is not None:
                    self._done(place, letter.offset, found)
                    return Released(place, found, True)
            start = left if left is not None else self._history.bounds(place)[1]
            self._writer.write(output(letter))
            written = self._written(place, start, coordinate(letter))
            self._done(place, letter.offset, written)
            return Released(place, written, False)

    def _claim(self, place: Place, offset: int, why: str) -> int | None:
        """Claim it; where to search, when it was claimed before. Raises Refused `already_released`."""
        end = self._history.bounds(place)[1]
        with self._connection.transaction():
            fresh = self._connection.execute(
                'insert into releases (topic, partition, "offset", state, why, searched_from)'
                " values (%s, %s, %s, 'claimed', %s, %s) on conflict do nothing",
                (*place, offset, why, end),
            )
            if fresh.rowcount:
                return None
            row = self._connection.execute(
                "select state, searched_from, placed_at, released_at from releases where topic = %s and partition = %s"
                ' and "offset" = %s',
                (*place, offset),
            ).fetchone()
        assert row is not None  # the conflict was with it
        state, searched_from, placed_at, released_at = row
        if state == "released":
            raise Refused(
                "already_released",
                f"{place.topic}-{place.partition}@{offset}",
                f"it was released at {released_at:%Y-%m-%dT%H:%M:%SZ} and lies at"
                f" {place.topic}-{place.partition}@{placed_at}",
                "Each coordinate is admitted once. If it died again, redrive the new dead letter.",
            )
        return int(searched_from)

    def _done(self, place: Place, offset: int, placed_at: int) -> None:
        with self._connection.transaction():
            self._connection.execute(
                "update releases set state = 'released', placed_at = %s, released_at = now()"
                ' where topic = %s and partition = %s and "offset" = %s',
                (placed_at, *place, offset),
            )

    def _written(self, place: Place, start: int, what: str) -> int:
        """Where it lies. A commit is answered before its markers are written; until then nobody reads the record."""
        deadline = time.monotonic() + SEEN_SECONDS
        while (found := self._find(place, start, what)) is None:
            if time.monotonic() > deadline:
                raise Refused(
                    "release_not_found",
                    what,
                    f"it was written, and could not be read back within {SEEN_SECONDS:.0f} s",
                    "Give the command again: it looks for the record before it writes one.",
                )
            time.sleep(SEEN_STEP_SECONDS)
        return found

    def _find(self, place: Place, start: int, what: str) -> int | None:
        low, end = self._history.bounds(place)
        for record in self._history.read(place, max(low, start), end):
            if header(record.headers, RELEASED_FROM) == what.encode():
                return record.offset
        return None

    @contextmanager
    def _locked(self, place: Place, offset: int) -> Iterator[None]:
        words = (LOCK, f"{place.topic}-{place.partition}@{offset}")
        self._connection.execute("select pg_advisory_lock(%s, hashtext(%s))", words)
        try:
            yield
        finally:
            if not self._connection.closed:
                self._connection.execute("select pg_advisory_unlock(%s, hashtext(%s))", words)


def coordinate(letter: DeadLetter) -> str:
    """Where the original lay."""
    return f"{letter.topic}-{letter.partition}@{letter.offset}"


def check(letter: DeadLetter) -> None:
    """Raises Refused for a dead letter that has no record to send."""
    if letter.timer is not None:
        raise Refused(
            "timer_not_released",
            f"timer {letter.timer} of {letter.part} at {coordinate(letter)}",
            "a timer that failed has no record: it was removed with its reason",
            "Correct the processor; give the command that the timer would have given.",
        )
    if letter.original is None:
        raise Refused(
            "nothing_to_release",
            coordinate(letter),
            "the record had no value",
            "There is nothing that could be decided.",
        )


def output(letter: DeadLetter) -> Output:
    """The original as it came, on its own partition, with where it comes from."""
    came = tuple((name, value) for name, value in letter.headers.items() if name != RELEASED_FROM)
    headers = (*came, (RELEASED_FROM, coordinate(letter).encode()))
    return Output(letter.topic, letter.partition, letter.key, letter.original, headers)
