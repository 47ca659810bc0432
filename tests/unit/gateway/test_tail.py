"""The thread behind the answers: outages begin it again where it was; a bug ends it, and is seen."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from gateway.http.answers import Answers, Tail
from processors.host.errors import Fatal, Transient
from processors.host.places import Ends, Place
from processors.host.reader import Batch
from schemas import codec
from schemas.messages.kernel import Answer
from schemas.record import Record
from tests.support.waiting import auntil

PLACE = Place("incidents.events", 0)


def an_answer(n: int) -> Record:
    return Record(*PLACE, n, 0, b"shop", codec.encode(Answer("shop", bytes([n] * 16), "accepted", (), ())))


class Log:
    """A log that is read by readers who may meet what `troubles` says, one each read."""

    def __init__(self, *troubles: Exception | None, stable: int = 0) -> None:
        self.records = [an_answer(n) for n in range(5)]
        self.troubles = list(troubles)
        self.stable = stable
        self.opened: list[int] = []
        self.closed = 0

    def reader(self) -> Reader:
        return Reader(self)


class Reader:
    def __init__(self, log: Log) -> None:
        self._log = log
        self._at = 0

    def ends(self, places: list[Place]) -> Mapping[Place, Ends]:
        return {place: Ends(0, self._log.stable, 5) for place in places}

    def assign(self, positions: Mapping[Place, int]) -> None:
        self._at = positions[PLACE]
        self._log.opened.append(self._at)

    def read(self, limit: int, seconds: float) -> Batch:
        trouble = self._log.troubles.pop(0) if self._log.troubles else None
        if isinstance(trouble, Fatal):
            self._log.stable = 4  # the new log's end
        if trouble is not None:
            raise trouble
        found = self._log.records[self._at : self._at + 1]
        before, self._at = self._at, self._at + len(found)
        return Batch(tuple(found), {PLACE: before}, {PLACE: self._at}) if found else Batch()

    def close(self) -> None:
        self._log.closed += 1


async def tailing(log: Log) -> tuple[Answers, Tail]:
    answers = Answers()
    tail = Tail(log.reader, [PLACE], answers)  # type: ignore[arg-type]  # the fake has what the tail calls
    await tail.start()
    return answers, tail


@pytest.fixture(autouse=True)
def _quick(monkeypatch) -> None:
    monkeypatch.setattr("gateway.http.answers.AGAIN_S", 0.0)


async def test_it_begins_at_the_last_stable_offset() -> None:
    log = Log(stable=3)
    answers, tail = await tailing(log)
    await auntil(lambda: answers.get("shop", bytes([4] * 16)), 10, "the last answer")
    assert answers.get("shop", bytes([2] * 16)) is None
    await tail.stop()
    assert (log.opened, log.closed) == ([3], 1)


async def test_an_outage_begins_it_again_where_it_was() -> None:
    log = Log(None, None, Transient("x", "reading", "no broker", "Again."), None)
    answers, tail = await tailing(log)
    await auntil(lambda: answers.get("shop", bytes([4] * 16)), 10, "the last answer")
    assert all(answers.get("shop", bytes([n] * 16)) for n in range(5))
    await tail.stop()
    assert log.opened == [0, 2]
    assert answers.alive


async def test_a_log_made_anew_is_read_from_its_end() -> None:
    log = Log(None, Fatal("offset_out_of_log", "reading", "gone", "Rebuild."), stable=1)
    answers, tail = await tailing(log)
    await auntil(lambda: answers.get("shop", bytes([4] * 16)), 10, "the last answer")
    await tail.stop()
    assert log.opened == [1, 4]


async def test_a_bug_is_seen(caplog) -> None:
    log = Log(None, ZeroDivisionError("a bug"))
    answers, tail = await tailing(log)
    await auntil(lambda: not answers.alive, 10, "the tail's death")
    await tail.stop()
    assert log.closed == 1
    assert "the tail of answers died" in caplog.text
