"""A processor that stands before a transaction's marker is not behind; one that stands before a record is."""

from __future__ import annotations

from collections.abc import Mapping

from gateway.http.tails import Tails
from processors.host.places import Place
from processors.host.reader import Batch
from schemas.record import Record

PLACE = Place("actions.ordered", 3)
OTHER = Place("actions.ordered", 4)


class Log:
    """A reader of places whose offsets are records (r) or markers (m)."""

    def __init__(self, **places: str) -> None:
        self.places = {Place("actions.ordered", int(name[1:])): text for name, text in places.items()}
        self.assigned: list[Mapping[Place, int | None]] = []
        self._at: dict[Place, int] = {}

    def ends(self) -> dict[Place, int]:
        return {place: len(text) for place, text in self.places.items()}

    def assign(self, positions: Mapping[Place, int | None]) -> None:
        self.assigned.append(positions)
        self._at = {place: at or 0 for place, at in positions.items()}

    def read(self, limit: int, seconds: float) -> Batch:
        assert (limit, seconds > 0) == (1, True)
        for place, at in self._at.items():
            rest = self.places[place][at:]
            if not rest:
                continue
            skipped = len(rest) - len(rest.lstrip("m"))
            after = at + skipped + (skipped < len(rest))
            self._at[place] = after
            records = (Record(place.topic, place.partition, after - 1, 0, b"", b""),) if skipped < len(rest) else ()
            return Batch(records, {place: at}, {place: after})
        return Batch()

    def close(self) -> None:
        self.places.clear()


def looks(tails: Tails, log: Log, positions: dict[Place, int | None], times: int) -> Mapping[Place, int | None]:
    for _ in range(times):
        found = tails.passed({"signals": positions}, log.ends())
    return found["signals"]


def test_a_marker_at_the_end_is_passed_and_not_read_again() -> None:
    log = Log(p3="rrm", p4="rrrm")
    tails = Tails(lambda: log)
    assert looks(tails, log, {PLACE: 2, OTHER: 2}, 5) == {PLACE: 3, OTHER: 2}, "offset 2 of the other is a record"
    assert log.assigned[0] == {PLACE: 2, OTHER: 2}
    assert all(set(again) == {OTHER} for again in log.assigned[1:])


def test_a_record_that_comes_behind_the_marker_waits() -> None:
    log = Log(p3="rrm")
    tails = Tails(lambda: log)
    looks(tails, log, {PLACE: 2}, 2)
    log.places[PLACE] += "rm"
    assert looks(tails, log, {PLACE: 2}, 1) == {PLACE: 3}
    assert looks(tails, log, {PLACE: 4}, 2) == {PLACE: 5}


def test_who_moves_is_not_read_behind() -> None:
    log = Log(p3="r" * 10)
    tails = Tails(lambda: log)
    for at in range(9):
        assert looks(tails, log, {PLACE: at}, 1) == {PLACE: at}
    assert log.assigned == []


def test_who_never_committed_stays_unknown() -> None:
    log = Log(p3="r")
    assert looks(Tails(lambda: log), log, {PLACE: None}, 3) == {PLACE: None}
