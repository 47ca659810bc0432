"""The tail of `incidents.events`: what processors answered to people's commands, from before the command was sent.

A thread of its own reads committed records and hands answers to the event loop. Callers register before they send;
one answer settles the caller that has waited longest for that id, since a partition answers in the order of asking.
"""

from __future__ import annotations

import asyncio
import logging
import threading
from collections import OrderedDict, deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from processors.host.places import Place
from processors.host.reader import LogReader
from schemas import codec
from schemas.errors import MandateError, SchemaError
from schemas.messages.incidents import CommandRefused
from schemas.messages.kernel import Answer
from schemas.record import Record

log = logging.getLogger("gateway.answers")

# About 600 B each: 6 MB. At 100 commands a second (nobody has so many people) that is the last 100 s.
KEPT = 10_000
# Waiting callers; each waits one second.
WAITING = 10_000
READ_LIMIT = 1_000
READ_S = 0.25
# After an error of the broker; it is back within seconds, and callers get their 202 meanwhile.
AGAIN_S = 0.5

_WORDS = codec.Words((Answer, CommandRefused))
_IDS = codec.schema_ids(Answer) | codec.schema_ids(CommandRefused)

Asked = tuple[str, bytes]
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Answered:
    """An answer, and the refusal's own words where there is one."""

    answer: Answer
    refused: CommandRefused | None


class Answers:
    """Answers by (tenant, command id). All methods run on the event loop."""

    def __init__(self) -> None:
        self._kept: OrderedDict[Asked, Answered] = OrderedDict()
        self._refused: OrderedDict[Asked, CommandRefused] = OrderedDict()
        self._waiting: dict[Asked, deque[asyncio.Future[Answered]]] = {}
        self._count = 0
        # False when the tail has died of a bug: only a new process hears answers again.
        self.alive = True

    def expect(self, tenant: str, command_id: bytes) -> asyncio.Future[Answered] | None:
        """A future of the next answer to this command; None when too many wait already. `forget` it afterwards."""
        if self._count >= WAITING:
            return None
        future: asyncio.Future[Answered] = asyncio.get_running_loop().create_future()
        self._waiting.setdefault((tenant, command_id), deque()).append(future)
        self._count += 1
        return future

    def forget(self, tenant: str, command_id: bytes, future: asyncio.Future[Answered]) -> None:
        """Nobody waits for this any more."""
        waiting = self._waiting.get((tenant, command_id))
        if waiting is not None and future in waiting:
            waiting.remove(future)
            self._count -= 1
            if not waiting:
                del self._waiting[tenant, command_id]

    def get(self, tenant: str, command_id: bytes) -> Answered | None:
        """A recent answer, or None."""
        return self._kept.get((tenant, command_id))

    def take(self, message: Answer | CommandRefused) -> None:
        """One message of the tail, in the order of its partition (a refusal comes before its answer)."""
        asked = (message.tenant, message.command_id)
        if isinstance(message, CommandRefused):
            _keep(self._refused, asked, message)
            return
        answered = Answered(message, self._refused.get(asked))
        _keep(self._kept, asked, answered)
        waiting = self._waiting.get(asked)
        while waiting:
            future = waiting[0]
            self.forget(*asked, future)
            if not future.done():
                future.set_result(answered)
                return


def _keep(kept: OrderedDict[Asked, T], asked: Asked, value: T) -> None:
    kept[asked] = value
    kept.move_to_end(asked)
    if len(kept) > KEPT:
        kept.popitem(last=False)


class Tail:
    """The thread that reads. `start` returns when the positions are taken: commands sent after it will be seen."""

    def __init__(self, make: Callable[[], LogReader], places: list[Place], answers: Answers) -> None:
        self._make = make
        self._places = places
        self._answers = answers
        self._stopping = threading.Event()
        self._thread: threading.Thread | None = None
        self._positions: dict[Place, int] = {}

    async def start(self) -> None:
        """Take the positions and begin. Raises HostError when the broker does not answer."""
        loop = asyncio.get_running_loop()
        reader = await asyncio.to_thread(self._open)
        self._thread = threading.Thread(target=self._run, args=(reader, loop), name="answers", daemon=True)
        self._thread.start()

    async def stop(self) -> None:
        """End the thread."""
        self._stopping.set()
        if self._thread is not None:
            await asyncio.to_thread(self._thread.join, 5.0)

    def _open(self) -> LogReader:
        reader = self._make()
        # The last stable offset, or where we were: a transaction that is open now may still bring an answer.
        try:
            ends = reader.ends(self._places)
            reader.assign({p: self._positions.get(p, ends[p].stable) for p in self._places})
        except MandateError:
            reader.close()
            raise
        return reader

    def _run(self, reader: LogReader | None, loop: asyncio.AbstractEventLoop) -> None:
        try:
            while not self._stopping.is_set():
                reader = self._step(reader, loop)
        except Exception:
            log.exception("the tail of answers died: the process must be started again")
            self._answers.alive = False
        finally:
            if reader is not None:
                reader.close()

    def _step(self, reader: LogReader | None, loop: asyncio.AbstractEventLoop) -> LogReader | None:
        try:
            reader = reader or self._open()
            batch = reader.read(READ_LIMIT, READ_S)
        except MandateError as error:
            log.warning("the tail of answers begins again: %s", error)
            if reader is not None:
                reader.close()
            # A position that the log does not have any more (a log made anew): begin at its end.
            if error.code == "offset_out_of_log":
                self._positions = {}
            self._stopping.wait(AGAIN_S)
            return None
        self._positions.update(batch.positions)
        found = [m for r in batch.records if (m := understand(r)) is not None]
        if found and not loop.is_closed():
            loop.call_soon_threadsafe(self._deliver, found)
        return reader

    def _deliver(self, found: list[Answer | CommandRefused]) -> None:
        for message in found:
            self._answers.take(message)


def understand(record: Record) -> Answer | CommandRefused | None:
    """The answer or refusal in a record; None for everything else, unreadable records included."""
    try:
        if codec.id_of(record.value) not in _IDS:
            return None
        message = _WORDS.decode(record.value)
    except SchemaError:
        return None
    return message if isinstance(message, (Answer, CommandRefused)) else None
