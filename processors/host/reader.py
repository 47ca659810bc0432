"""A plain reader of committed records; its positions are kept by the caller (in Postgres, in a file).

Called by projections, the relay of effects, the gateway's tailer and tools. It belongs to no consumer group,
commits no offset and never resets silently: a position outside the log is an error of the caller's store, not
a reason to skip.

    reader = LogReader(bootstrap)
    reader.assign({Place("orders.events", 0): 1234, Place("orders.done", 1): None})  # None =
    beginning batch = reader.read(1_000, 0.5)     # records, and for each place the position after them
    ...one transaction: rows of batch.records, position := batch.positions, compared with batch.before...
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from operator import itemgetter

from confluent_kafka import Consumer, KafkaError, KafkaException, Message, TopicPartition

from processors.host import client
from processors.host.admin import Admin
from processors.host.errors import Fatal
from processors.host.places import Ends, Place
from schemas.record import Record

# Records a batch; with records of 512 KB it is the fetch queue (4 MB) that bounds memory.
READ_LIMIT_MAX = 10_000
NEVER = 1 << 63  # above every offset

_place_of = itemgetter(0, 1)  # a record's topic and partition


@dataclass(frozen=True, slots=True)
class Batch:
    """What one `read` gave.

    `records` in order of each place. `before` and `positions` hold, for each place that moved, the next
    offset before and after this batch: aborted records and transaction markers are passed without a record,
    so a batch may move positions and hold no record. Store `positions[place]` where `before[place]` was
    stored.
    """

    records: tuple[Record, ...] = ()
    before: Mapping[Place, int] = field(default_factory=dict)
    positions: Mapping[Place, int] = field(default_factory=dict)


class LogReader:
    """Committed records of chosen places, from chosen positions. One thread at a time."""

    def __init__(
        self,
        bootstrap: str,
        *,
        name: str = "reader",
        security: client.Security | None = None,
        following: bool = False,
    ) -> None:
        """`following`: it goes on for ever; nobody waits until it has found an end."""
        self._fatal: KafkaError | None = None
        settings = client.consuming(client.base(bootstrap, security, self._on_error), f"unused-{name}")
        self._consumer = Consumer((client.following(settings) if following else settings) | {"client.id": name})
        self._admin = Admin(bootstrap, security=security)
        self._positions: dict[Place, int] = {}
        self._warm = False

    def warm(self) -> None:
        """Learn of all topics now: the first read of each then takes 50 ms, not half a second to one."""
        client.warm(self._consumer, None)
        self._warm = True

    def assign(self, positions: Mapping[Place, int | None]) -> None:
        """Read exactly these places from these positions from now on; None is the first record still kept.

        Raises Fatal `offset_out_of_log` when a position lies below what the log keeps or above its end.
        """
        ends = self.ends(tuple(positions))
        chosen: dict[Place, int] = {}
        for place, position in positions.items():
            low, _, high = ends[place]
            if position is not None and not low <= position <= high:
                raise Fatal(
                    "offset_out_of_log",
                    f"position {position} of {place.topic}[{place.partition}]",
                    f"the log keeps {low} to {high}",
                    "Rebuild the read model from the archive, or check that it points to the right broker.",
                )
            chosen[place] = low if position is None else position
        if not self._warm:
            # The broker is there: it just said where the log ends.
            self.warm()
        self._positions = chosen
        self._consumer.assign([TopicPartition(place.topic, place.partition, at) for place, at in chosen.items()])

    def seek(self, place: Place, position: int) -> None:
        """Read this place again from `position` (after a lost compare-and-set, say)."""
        self.assign({**self._positions, place: position})

    def read(self, limit: int, seconds: float) -> Batch:
        """Up to `limit` records; waits at most `seconds` for the first. Raises Transient, Fatal."""
        self._check()
        deadline = time.monotonic() + seconds
        before: dict[Place, int] = {}
        records: list[Record] = []
        while not records and not before:
            messages = self._consume(min(limit, READ_LIMIT_MAX), max(0.0, deadline - time.monotonic()))
            self._take(messages, before, records)
            if time.monotonic() >= deadline:
                break
        return Batch(tuple(records), before, {place: self._positions[place] for place in before})

    def position(self, place: Place) -> int:
        """The next offset that will be read there; passes markers and aborted records."""
        return self._positions[place]

    def positions(self) -> Mapping[Place, int]:
        """Every assigned place's next offset."""
        return dict(self._positions)

    def ends(self, places: Sequence[Place]) -> Mapping[Place, Ends]:
        """First kept offset, last stable offset and high watermark of each place, asked of the broker now."""
        return self._admin.ends(places)

    def lag(self) -> Mapping[Place, int]:
        """Offsets between the last stable offset and each position (0 = everything committed was read)."""
        ends = self.ends(tuple(self._positions))
        return {place: max(0, ends[place].stable - at) for place, at in self._positions.items()}

    def close(self) -> None:
        """Leave. The reader cannot be used again."""
        self._consumer.close()
        self._admin.close()

    def _consume(self, limit: int, seconds: float) -> list[Message]:
        # poll() for the first and then what is already here: consume(n, t) alone waits for n messages or for
        # t.
        try:
            first = self._consumer.poll(seconds)
            return [] if first is None else [first, *self._consumer.consume(limit - 1, 0.0)] if limit > 1 else [first]
        except KafkaException as exception:
            client.raise_for(exception, "reading")

    def _take(self, messages: Sequence[Message], before: dict[Place, int], records: list[Record]) -> None:
        """Records of assigned places beyond their positions; then what is no record."""
        good, others = messages, list[Message]()
        if client.failed(messages):
            good = [message for message in messages if message.error() is None]
            others = [message for message in messages if message.error() is not None]
        # Neighbours are of one place, and a place's records come in order: looked up once a run, not once a record.
        for (topic, partition), run in groupby(client.to_records(good), _place_of):
            place, found = Place(topic, partition), list(run)
            at = self._positions.get(place, NEVER)
            if found[0].offset < at:  # of an assignment before this one, or of no place of ours
                found = [record for record in found if record.offset >= at]
            if found:
                records += found
                self._move(place, found[-1].offset + 1, before)
        for message in others:
            self._pass(message, before)

    def _pass(self, message: Message, before: dict[Place, int]) -> None:
        """The end of a partition is reported with the next offset to come, which is how markers are passed."""
        error = message.error()
        assert error is not None  # the caller has looked
        if error.code() != KafkaError._PARTITION_EOF:
            self._raise(error)
        self._move(Place(message.topic() or "", message.partition() or 0), message.offset() or 0, before)

    def _move(self, place: Place, after: int, before: dict[Place, int]) -> None:
        if after > self._positions.get(place, NEVER):
            before.setdefault(place, self._positions[place])
            self._positions[place] = after

    def _on_error(self, error: KafkaError) -> None:
        if error.fatal():
            self._fatal = error

    def _check(self) -> None:
        if self._fatal is not None:
            raise client.classify(self._fatal, "reading")

    def _raise(self, error: KafkaError) -> None:
        if error.code() in (KafkaError._AUTO_OFFSET_RESET, KafkaError.OFFSET_OUT_OF_RANGE):
            raise Fatal(
                "offset_out_of_log",
                "the reader's position",
                error.str(),
                "Rebuild the read model from the archive.",
            )
        raise client.classify(error, "reading")
