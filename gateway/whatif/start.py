"""Where a run begins: at the beginning of the log, or with the state that the processors had when the window began.

Called by run.py. It reads a history; a state is the changelog folded up to the last transaction before the window.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from processors.host.places import Place
from processors.host.replay_log import Transaction, load, transactions
from processors.kernel.configuration import CONFIG, in_force
from processors.kernel.engine import PROGRESS_KEY, Engine
from processors.kernel.room import Room
from schemas import codec, ids
from schemas.envelope import rfc3339
from schemas.errors import MandateError
from schemas.messages import kernel
from schemas.messages.kernel import ConfigurationAnnounced, StoredPart
from schemas.record import Record

if TYPE_CHECKING:
    # Its module brings the client of the broker, which this process must not need.
    from processors.host.history import History

# Up to so many records all is run from the beginning, which needs no state: some ten seconds of one core.
WARM_UP_MAX = 100_000
_CHANGELOG = codec.Words(kernel.CHANGELOG)


@dataclass(frozen=True, slots=True)
class State:
    """One partition's state: its changelog rows, where its input goes on, and its log time then (ms)."""

    rows: tuple[Record, ...] = ()
    to: int | None = None
    last_now: int = -1

    def into(self, engine: Engine) -> Engine:
        """The engine, with this state."""
        for row in self.rows:
            load(engine, row)
        engine.ready()
        return engine

    def documents(self) -> list[ConfigurationAnnounced]:
        """The settings in force then."""
        return in_force(_CHANGELOG.decode(row.value) for row in self.rows if (row.key or b"").startswith(CONFIG))


@dataclass(frozen=True, slots=True)
class Start:
    """The states by input place; empty: everything is run from the beginning."""

    states: Mapping[Place, State]

    @property
    def positions(self) -> dict[Place, int]:
        """Where each input goes on."""
        return {place: state.to for place, state in self.states.items() if state.to is not None}

    def engine(self, room: Room, partition: int) -> Engine:
        """A fresh engine that stands where the run begins."""
        state = self.states.get(Place(room.input, partition), State())
        return state.into(Engine(room, partition))

    def last_now(self, place: Place) -> int:
        """Up to which log time an input was decided before the run; -1 for nothing."""
        return self.states.get(place, State()).last_now


def start_of(history: History, rooms: Mapping[str, Room], begin_ms: int, tenant: str | None) -> Start:
    """From the beginning where the log is short and whole, else from the states at `begin_ms`.

    Raises MandateError: of the history, `changelog_incomplete` where compaction took what would be needed.
    """
    bounds = [history.bounds(Place(r.input, p)) for r in rooms.values() for p in range(history.partitions(r.input))]
    whole = all(low == 0 for low, _ in bounds)
    if whole and sum(end - low for low, end in bounds) <= WARM_UP_MAX:
        return Start({})
    try:
        return Start(
            {
                Place(room.input, partition): _state(history, room, partition, begin_ms, tenant)
                for room in rooms.values()
                for partition in range(history.partitions(room.input))
            }
        )
    except MandateError as error:
        if whole and error.code == "changelog_incomplete":
            return Start({})
        raise


def _state(history: History, room: Room, partition: int, begin_ms: int, tenant: str | None) -> State:
    place = Place(room.changelog, partition)
    rows: dict[bytes, Record] = {}
    to, last_now = None, -1
    for transaction in transactions(history, place, history.bounds(place)[1]):
        progress = transaction.progress
        if progress.last_now > begin_ms:
            if to is None:
                _expect_first(history, Place(room.input, partition), place, transaction)
            break
        if not transaction.whole:
            raise MandateError(
                "changelog_incomplete",
                f"{place.topic}[{place.partition}]@{transaction.offset}",
                "compaction took rows of this transaction, so the state then is not known",
                "Use an archive (MANDATE_ARCHIVE) that kept the changelog, or begin the window later.",
            )
        for row in transaction.rows:
            rows[row.key or b""] = row
        to, last_now = progress.to, progress.last_now
        end = Record(place.topic, partition, transaction.offset, 0, PROGRESS_KEY, codec.encode(progress))
        rows[PROGRESS_KEY] = end
    kept = tuple(_without_timers_of_others(row, tenant) for row in rows.values() if row.value is not None)
    return State(kept, to, last_now)


def _expect_first(history: History, place: Place, changelog: Place, kept: Transaction) -> None:
    """The first transaction that is kept came after the window's start: it must be the first that ever was."""
    low, _ = history.bounds(place)
    if low > 0 or next(history.read(place, low, kept.progress.from_), None) is not None:
        raise MandateError(
            "changelog_incomplete",
            f"{changelog.topic}[{changelog.partition}]@{kept.offset}",
            f"the first state that is kept is of {rfc3339(kept.progress.last_now)}, later than the window's start",
            "Use an archive (MANDATE_ARCHIVE) that reaches back, or begin the window later.",
        )


def _without_timers_of_others(row: Record, tenant: str | None) -> Record:
    """Others' records are left out of a tenant's run, so nothing of theirs may fire; their state is not touched."""
    key = row.key or b""
    if tenant is None or key.startswith(b"\x00") or key.split(b"/", 1)[0] == ids.key_of(tenant).encode():
        return row
    part = _CHANGELOG.decode(row.value)
    if not isinstance(part, StoredPart) or not part.timers:
        return row
    bare = codec.encode(replace(part, timers=()))
    return Record(row.topic, row.partition, row.offset, row.append_time, row.key, bare, row.headers)
