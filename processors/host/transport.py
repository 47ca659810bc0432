"""What the loop needs of a log. Two implementations: kafka.py and memory.py; one contract suite runs on both.

A **Slot** is one member of a room's group with one transactional producer, both under a name that stays the
same over restarts (`<room>-<ordinal>`). Its rules, which the loop relies on and the contract suite proves:

- `generation` moves with every assignment, revocation and loss, and only inside `poll`. After it moved,
`owned` holds
  the new assignment, nothing is read until `read_from` is called, and what the same `poll` returned is void.
- *Positions* are offsets of the next record to decide. Aborted records and transaction markers take offsets
too, so
  the next record's offset may be greater than the position.
- `committed` raises Transient while a transaction that holds offsets of these partitions is undecided. Only
after it
  answered may `changelog_ends` be asked, and only up to what that answers is the changelog complete. Any
  other order loses what the previous owner committed last, and the record is decided twice.
- `poll` is never called between `begin` and the end of the transaction; so a revocation never meets an open
one.
- `commit` resumes itself while it times out. What it raises decides what happens next: AbortNeeded (`abort`,
then
  restore), OutcomeUnknown (`renew`, then restore), Fatal (the process ends).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from operator import itemgetter
from typing import Protocol

from processors.host.places import Placed
from schemas.record import Output, Record


def group_of(room: str) -> str:
    """The consumer group of a room."""
    return f"mandate-{room}"


@dataclass(frozen=True, slots=True)
class SlotSpec:
    """Which member of which room. `outputs`: every topic the room may write to, its changelog left out."""

    room: str
    input: str
    changelog: str
    ordinal: int
    outputs: tuple[str, ...] = ()

    @property
    def group(self) -> str:
        """The consumer group of the room."""
        return group_of(self.room)

    @property
    def member(self) -> str:
        """group.instance.id and transactional.id: the same for the same slot over all restarts."""
        return f"mandate-{self.room}-{self.ordinal}"


class Slot(Protocol):
    """One member of a room's group and its transactional producer. One thread at a time."""

    @property
    def generation(self) -> int:
        """Moves whenever the assignment does."""

    @property
    def owned(self) -> tuple[int, ...]:
        """Input partitions assigned now, ascending."""

    def poll(self, limit: int, seconds: float, fill: bool = False) -> Sequence[Record]:
        """Up to `limit` committed input records in order per partition.

        Waits at most `seconds` for the first and then takes what is there; with `fill` waits the whole time
        for `limit` records. Raises Fatal.
        """

    def at_end(self, partition: int) -> bool:
        """True when everything committed in this partition has been returned by `poll`."""

    def read_from(self, positions: Mapping[int, int]) -> None:
        """From now on `poll` returns records of exactly these owned partitions, from these positions."""

    def committed(self) -> Mapping[int, int | None]:
        """Stable committed position of every owned partition; None: never committed. Raises Transient,
        Fatal."""

    def undecided(self) -> Sequence[int]:
        """Owned partitions (the first few) whose committed position is not stable now; slow, for a report.

        Raises Transient, OutcomeUnknown when the broker does not answer, which `committed` cannot tell apart.
        """

    def beginning(self, partition: int) -> int:
        """The first offset that the input partition still keeps."""

    def changelog_ends(self) -> Mapping[int, int]:
        """High watermark of every owned changelog partition, undecided transactions included."""

    def read_changelog(self, ends: Mapping[int, int] | None, seconds: float) -> tuple[Sequence[Record], bool]:
        """The next committed changelog records, and True when every partition was read up to its end.

        `ends` begins a new reading from the first kept record; None continues. Returns after at most about
        `seconds`.
        """

    def begin(self) -> None:
        """Begin a transaction. Raises AbortNeeded, Fatal."""

    def produce(self, outputs: Sequence[Output]) -> None:
        """Write into the open transaction. Raises AbortNeeded, Fatal."""

    def send_offsets(self, positions: Mapping[int, int], notes: Mapping[int, str]) -> None:
        """Make these input positions (with a note each) part of the transaction, fenced by the live
        membership.

        Raises AbortNeeded (also when one of them is not owned), OutcomeUnknown, Fatal.
        """

    def commit(self) -> None:
        """Commit. Raises AbortNeeded, OutcomeUnknown, Fatal."""

    def abort(self) -> None:
        """Abort the open transaction, if any. Raises OutcomeUnknown, Fatal."""

    def renew(self) -> None:
        """Put a new producer of the same name in the place of one whose transaction ended nobody knows
        how."""

    def lag(self) -> Mapping[int, int]:
        """Committed records (offsets) not yet polled, by owned partition, as of the last fetch."""

    def close(self) -> None:
        """Leave without giving up the slot: the next process of this name takes over at once."""


class TickHandle(Protocol):
    """A tick on its way."""

    @property
    def placed(self) -> Placed | None:
        """Where it was appended, once acknowledged."""

    @property
    def failed(self) -> bool:
        """True when it was not appended."""


class TickSender(Protocol):
    """A producer of its own, outside every transaction. Shared by all rooms of a process."""

    def send(self, output: Output) -> TickHandle:
        """Hand over one tick. Raises Fatal."""

    def serve(self) -> None:
        """Take reports of earlier ticks. Raises Fatal."""

    def back_at(self) -> float:
        """When the broker was last back (monotonic seconds): -inf if it never was away, +inf while it is away."""

    def close(self) -> None:
        """Forget what is on its way."""


class Transport(Protocol):
    """A log on which rooms run."""

    def open(self, spec: SlotSpec) -> Slot:
        """Become this member; ends what the previous process of this name left open. Raises Fatal."""

    def ticker(self) -> TickSender:
        """The sender of ticks."""

    def stuck(self) -> str | None:
        """A call into the log that should have come back and did not, or None. The process must end."""


# Keys, headers and framing take space in the broker's batch too: 61 bytes of batch header, at most 30 of
# varints per record, at most 10 per header.
FRAMING_BYTES = 128
_value = itemgetter(5)
HEADER_FRAMING_BYTES = 10


def bytes_of(records: Sequence[Record]) -> int:
    """The bytes of the values of records, about what they take in memory."""
    return sum(map(len, filter(None, map(_value, records))))


def size_of(output: Output) -> int:
    """Upper bound of the bytes that one record takes on the broker, uncompressed, alone in its batch."""
    size = FRAMING_BYTES + len(output.key or b"") + len(output.value or b"")
    for name, value in output.headers:
        size += HEADER_FRAMING_BYTES + len(name.encode()) + len(value)
    return size


def too_large(outputs: Sequence[Output], limits: Mapping[str, int]) -> Output | None:
    """The first output above its topic's limit, or None. Independent of compression, so replay sees the
    same."""
    least = min(limits.values(), default=0) - FRAMING_BYTES
    for output in outputs:
        topic, _, key, value, headers = output
        # Hardly any is near its limit, and this is asked of every record: measure those alone that may be above it. A
        # character of a header's name is at most four bytes.
        size = len(key or b"") + len(value or b"")
        if headers:
            size += 4 * sum(map(len, chain.from_iterable(headers))) + HEADER_FRAMING_BYTES * len(headers)
        if size <= least:
            continue
        limit = limits.get(topic)
        if limit is not None and size_of(output) > limit:
            return output
    return None
