"""What left the map during the story: dropped actions and dead letters, read from their topics (read
committed).

One reader on all their partitions, from the ends at the story's start. A broker that goes away only delays
it: the reader is opened again at its positions. Blocking: call `poll` in a thread, one call at a time.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from gateway.cli.topics import places
from gateway.demo.accounts import Coordinates
from processors.host.errors import HostError
from processors.host.places import Place
from processors.host.reader import LogReader
from schemas import ids
from schemas.codec import Words
from schemas.messages.actions import DROPPED, ActionDropped
from schemas.messages.kernel import DEAD_LETTERS, DeadLetter
from schemas.record import Record

TOPICS = ("actions.dropped", "dead.letters")
POLL_SECONDS = 0.3
POLL_RECORDS = 1_000

_DROPPED = Words(DROPPED)
_DEAD = Words(DEAD_LETTERS)


@dataclass
class Leftovers:
    """`drops`: coordinates -> event id of this tenant's drops; `dead`: coordinates -> dead letter, of
    everybody."""

    bootstrap: str
    tenant: str
    drops: dict[Coordinates, str] = field(default_factory=dict)
    dead: dict[Coordinates, DeadLetter] = field(default_factory=dict)
    _positions: dict[Place, int] = field(default_factory=dict)
    _reader: LogReader | None = None

    def begin(self) -> None:
        """Remember where the topics end now. Raises HostError."""
        reader = LogReader(self.bootstrap, name="mandate-demo")
        try:
            found = reader.ends([place for topic in TOPICS for place in places(topic)])
            self._positions = {place: end.stable for place, end in found.items()}
        finally:
            reader.close()

    def poll(self) -> None:
        """Read what has come; a broker that does not answer now is asked again by the next call."""
        try:
            if self._reader is None:
                reader = LogReader(self.bootstrap, name="mandate-demo")
                self._reader = reader
                reader.assign(dict(self._positions))
            batch = self._reader.read(POLL_RECORDS, POLL_SECONDS)
        except HostError:
            self.close()
            return
        for record in batch.records:
            self._take(record)
        self._positions.update(batch.positions)

    def close(self) -> None:
        """Close the reader; `poll` opens another one."""
        if self._reader is not None:
            self._reader.close()
            self._reader = None

    def _take(self, record: Record) -> None:
        if record.topic == "actions.dropped":
            drop: ActionDropped = _DROPPED.decode(record.value)
            if drop.tenant == self.tenant:
                self.drops[(drop.topic, drop.partition, drop.offset)] = ids.text(drop.event_id)
        else:
            letter: DeadLetter = _DEAD.decode(record.value)
            self.dead[(letter.topic, letter.partition, letter.offset)] = letter
