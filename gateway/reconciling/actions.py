"""Receipts, the records of `actions.raw`, and what became of each: a row, a drop, a held record, a dead letter."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import ExitStack, closing
from dataclasses import dataclass, field
from hashlib import blake2b
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import psycopg

from gateway.reconciling.spill import BUCKETS, ID_BYTES, Spill
from gateway.reconciling.window import since, stretch
from processors.host.history import History
from processors.host.places import Place
from projections.dedup.project import head_of
from schemas import codec, ids, registry
from schemas.codec import Words
from schemas.errors import MandateError, SchemaError
from schemas.messages.actions import DROPPED, ActionDropped
from schemas.messages.kernel import DEAD_LETTERS, SHARED, DeadLetter
from schemas.topology import DEAD_LETTERS as DEAD_LETTERS_TOPIC
from schemas.topology import Topology

# The processor that admits; its input is what is accounted for.
ADMITS = "dedup"
HELD = "actions.held"
# What the timeline's rows are made of.
ORDERED = "actions.ordered"
# Ids that are named; more is an outage, which a list does not explain.
NAMED_MAX = 10_000
# Topics have one broker's time each: two brokers' clocks stay within this.
CLOCK_SLACK_MS = 60_000
_OWN = frozenset(("kernel", cls.__name__) for cls in SHARED)
_DROPPED = Words(DROPPED)
_DEAD = Words(DEAD_LETTERS)
_ROWS = "copy (select event_id from timeline where append_time >= %s) to stdout (format binary)"

Row = tuple[bytes, str, int, int]


@dataclass(slots=True)
class Account:
    """Ids by what became of them. `missing`: {id, at, why} of those without an outcome, NAMED_MAX at most.

    An id may have more than one outcome (sent again it is a row and a drop), so the parts may sum up to more.
    """

    accepted: int = 0
    records: int = 0
    rows: int = 0
    dropped: int = 0
    held: int = 0
    dead_letters: int = 0
    unaccounted: int = 0
    reasons: Counter[str] = field(default_factory=Counter)
    missing: list[dict[str, Any]] = field(default_factory=list)

    def lost(self, identity: bytes, where: str, why: str) -> None:
        """One more without an outcome."""
        self.unaccounted += 1
        if len(self.missing) < NAMED_MAX:
            self.missing.append({"id": ids.text(identity), "at": where, "why": why})


class Actions:
    """The account of one window. `rows` gives the ids of the timeline's rows since an append time (ms)."""

    def __init__(self, history: History, declared: Topology, rows: Callable[[int], Iterator[bytes]]) -> None:
        self._history = history
        self._topic = declared.rooms[ADMITS].input
        self._drops = declared.rooms[ADMITS].writes["ActionDropped"]
        self._held = HELD if HELD in declared.topics else None
        self._rows = rows

    def window(self, start: int | None, end: int | None) -> dict[Place, tuple[int, int]]:
        """The positions of the input that times (ms) name."""
        return stretch(self._history, self._topic, start, end)

    def account(self, window: Mapping[Place, tuple[int, int]], receipts: Path | None = None) -> Account:
        """Who is missing. With receipts the window is theirs as far as they reach into the given one.

        Raises MandateError of the history, `receipt_unreadable`, `receipts_older_than_log`.
        """
        out = Account()
        with ExitStack() as stack:
            folder = Path(stack.enter_context(TemporaryDirectory(prefix="mandate-reconcile-")))

            def spill(name: str) -> Spill:
                return stack.enter_context(closing(Spill(folder, name)))

            told = None if receipts is None else spill("receipts")
            if told is not None and receipts is not None:
                window = self._told(told, read_receipts(receipts, self._topic), window)
                told.close()
            accepted = spill("accepted")
            first = self._accepted(accepted, window)
            out.records = accepted.entries
            outcomes = {name: spill(name) for name in ("rows", "dropped", "held", "dead_letters")}
            if first is not None:
                self._outcomes(outcomes, out, first)
            for each in outcomes.values():
                each.close()
            for bucket in range(BUCKETS):
                self._compare(bucket, accepted, told, outcomes, out)
        return out

    def _told(
        self, told: Spill, receipts: Iterable[Row], window: Mapping[Place, tuple[int, int]]
    ) -> dict[Place, tuple[int, int]]:
        """Spill the receipts of the window; gives the stretch of the log in which they must be."""
        found: dict[Place, tuple[int, int]] = {}
        for identity, topic, partition, offset in receipts:
            place = Place(topic, partition)
            low, high = self._history.bounds(place) if place not in window else window[place]
            if offset < low:
                kept = self._history.bounds(place)[0]
                if offset < kept:
                    raise MandateError(
                        "receipts_older_than_log",
                        f"{topic}[{partition}]@{offset}",
                        f"what is kept begins at {kept}",
                        "Reconcile while the log has it, from an archive that reaches back, or with --from.",
                    )
                continue
            told.add(identity, partition, offset)
            first, last = found.get(place, (offset, offset))
            # A receipt behind the end is not in the log: it is named, not read.
            found[place] = (min(first, offset), max(last, min(offset + 1, high)))
        return found

    def _accepted(self, spill: Spill, window: Mapping[Place, tuple[int, int]]) -> int | None:
        """Spill the input's records; gives the earliest append time, or None without a record."""
        first: int | None = None
        for place, (start, end) in sorted(window.items()):
            for record in self._history.read(place, start, end):
                at = record.append_time - CLOCK_SLACK_MS
                first = at if first is None else min(first, at)
                head = head_of(record.value)
                if head is None and _is_own(record.value):
                    continue
                spill.add(
                    _coordinates(*place, record.offset) if head is None else head.event_id, place[1], record.offset
                )
        spill.close()
        return first

    def _outcomes(self, outcomes: Mapping[str, Spill], out: Account, first: int) -> None:
        """What came of it is on the log later than it, so reading begins at its time and ends at the end of now."""
        for identity in self._rows(first):
            outcomes["rows"].add(identity)
        for place, (start, end) in since(self._history, self._drops, first).items():
            for record in self._history.read(place, start, end):
                dropped: ActionDropped = _DROPPED.decode(record.value)
                outcomes["dropped"].add(dropped.event_id)
                out.reasons[dropped.reason] += 1
        for place, (start, end) in since(self._history, DEAD_LETTERS_TOPIC, first).items():
            for record in self._history.read(place, start, end):
                letter: DeadLetter = _DEAD.decode(record.value)
                head = head_of(letter.original)
                at = _coordinates(letter.topic, letter.partition, letter.offset)
                outcomes["dead_letters"].add(at if head is None else head.event_id)
                out.reasons[letter.code] += 1
        if self._held is not None:
            for place, (start, end) in since(self._history, self._held, first).items():
                for record in self._history.read(place, start, end):
                    head = head_of(record.value)
                    if head is not None:
                        outcomes["held"].add(head.event_id)

    def _compare(
        self, bucket: int, accepted: Spill, told: Spill | None, outcomes: Mapping[str, Spill], out: Account
    ) -> None:
        sets = {name: spill.ids(bucket) for name, spill in outcomes.items()}
        known = set().union(*sets.values())
        places = {(identity, partition, offset) for identity, partition, offset in accepted.bucket(bucket)}
        present = {entry[0] for entry in places}
        wanted = present
        if told is not None:
            wanted = set()
            for entry in told.bucket(bucket):
                if entry not in places and entry[0] not in wanted:
                    out.lost(entry[0], f"{self._topic}-{entry[1]}@{entry[2]}", "not_in_log")
                wanted.add(entry[0])
        out.accepted += len(wanted)
        out.rows += len(present & sets["rows"])
        out.dropped += len(present & sets["dropped"])
        out.held += len(present & sets["held"])
        out.dead_letters += len(present & sets["dead_letters"])
        lost: set[bytes] = set()
        for identity, partition, offset in sorted(places):
            if identity not in known and identity not in lost:
                lost.add(identity)
                out.lost(identity, f"{self._topic}-{partition}@{offset}", "no_outcome")


def timeline_ids(connection: psycopg.Connection[Any], first: int) -> Iterator[bytes]:
    """Event ids of the timeline's rows appended at `first` (ms) or later."""
    with connection.cursor() as cursor, cursor.copy(_ROWS, (first,)) as copy:
        copy.set_types(["uuid"])
        for (value,) in copy.rows():
            yield value.bytes


def cold_ids(history: History, first: int, before: int) -> Iterator[bytes]:
    """Event ids of ordered actions appended from `first` until `before` (ms): their rows have left Postgres."""
    for place, (start, end) in stretch(history, ORDERED, first, before).items():
        for record in history.read(place, start, end):
            head = head_of(record.value)
            if head is not None:
                yield head.event_id


def read_receipts(path: Path, topic: str) -> Iterator[Row]:
    """Receipts of a file, one JSON object a line; those of other topics are not ours. Raises `receipt_unreadable`."""
    with path.open("rb") as file:
        for number, line in enumerate(file, 1):
            if not line.strip():
                continue
            try:
                said = json.loads(line)
                place = (str(said["topic"]), int(said["partition"]), int(said["offset"]))
                # A producer's own receipt of bytes that are no action has no id: its place is its name.
                identity = ids.parse(str(said["event_id"])) if said["event_id"] else _coordinates(*place)
            except (ValueError, KeyError, TypeError) as error:
                raise _unreadable(path, number, f"{type(error).__name__}: {error}") from error
            if identity is None:
                raise _unreadable(path, number, "event_id is no UUID")
            if place[0] == topic:
                yield identity, *place


def _unreadable(path: Path, number: int, why: str) -> MandateError:
    return MandateError(
        "receipt_unreadable",
        f"{path}, line {number}",
        why,
        'A line is {"event_id", "topic", "partition", "offset"}, as `mandate send --receipts` writes it.',
    )


def _is_own(value: bytes | None) -> bool:
    """Ticks and announced configuration: nobody sent them."""
    try:
        written = registry.by_id().get(codec.id_of(value))
    except SchemaError:
        return False
    return written is not None and (written.home, written.name) in _OWN


def _coordinates(topic: str, partition: int, offset: int) -> bytes:
    """The id of what has none: its place."""
    return blake2b(f"{topic}-{partition}@{offset}".encode(), digest_size=ID_BYTES).digest()
