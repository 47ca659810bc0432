"""A balance by sets of ids: what is lost anywhere on the way is named, and nothing else is."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from gateway.reconciling import actions, pages, progress, spill
from processors.host.history import since
from processors.host.places import Place
from processors.kernel.engine import PROGRESS_KEY
from schemas import codec, ids, topology
from schemas.errors import MandateError
from schemas.messages.actions import ActionDropped
from schemas.messages.kernel import DeadLetter, Progress, Tick
from schemas.record import Record
from tests.unit.projections import records as r
from tests.unit.projections.memory import MemoryHistory, MemoryLog
from tests.unit.projections.records import T0, an_action

MAP = topology.load()
TOPICS = ("actions.raw", "actions.dropped", "dead.letters", "notifications.events")
RAW = Place("actions.raw", 0)


class Log:
    """Topics of one partition that grow."""

    def __init__(self, *more: str) -> None:
        self.log = MemoryLog(*(Place(topic, 0) for topic in (*TOPICS, *more)))

    def add(self, topic: str, value: bytes, at: int = T0, key: bytes | None = None) -> Record:
        """One record."""
        place = Place(topic, 0)
        record = Record(topic, 0, self.log.ends[place], at, key, value)
        self.log.add([record])
        return record

    def drop(self, record: Record, number: int) -> None:
        """Action `number` was dropped there."""
        action = an_action(number)
        told = ActionDropped(
            tenant=action.tenant,
            actor=action.actor,
            event_id=action.event_id,
            reason="redelivered",
            rule="event_id",
            topic=record.topic,
            partition=record.partition,
            offset=record.offset,
            first_offset=0,
            at=T0,
            original=record.value or b"",
        )
        self.add("actions.dropped", codec.encode(told), T0 + 5)

    def dead(self, record: Record) -> None:
        """It was set aside."""
        place = (record.topic, record.partition, record.offset)
        letter = DeadLetter("dedup", *place, T0, "not_framed", "why", None, record.value, "", 0)
        self.add("dead.letters", codec.encode(letter), T0 + 5)


def _id(number):
    return an_action(number).event_id


def _account(log, rows, receipts=None, start=None, end=None):
    made = actions.Actions(MemoryHistory(log.log), MAP, lambda _: iter(rows))
    return made.account(made.window(start, end), receipts)


@pytest.fixture
def log():
    """Actions 0 to 9, of which 3 was sent twice and once dropped; rubbish; a tick."""
    made = Log()
    for number in (*range(10), 3):
        record = made.add("actions.raw", codec.encode(an_action(number)), T0 + number)
    made.drop(record, 3)
    made.dead(made.add("actions.raw", b"rubbish"))
    made.add("actions.raw", codec.encode(Tick()))
    return made


def test_a_balance_without_a_loss(log):
    found = _account(log, [_id(n) for n in range(10)])
    assert (found.accepted, found.records, found.unaccounted, found.missing) == (11, 12, 0, [])
    assert (found.rows, found.dropped, found.dead_letters) == (10, 1, 1)
    assert dict(found.reasons) == {"redelivered": 1, "not_framed": 1}


def test_what_is_lost_is_named_though_the_counts_agree(log):
    """A row too many elsewhere hides nothing: ten rows of other ids are not these ten."""
    rows = [_id(n) for n in range(9)] + [_id(99)]
    found = _account(log, rows)
    assert found.missing == [{"id": ids.text(_id(9)), "at": "actions.raw-0@9", "why": "no_outcome"}]


def test_receipts_say_what_was_never_written(log, tmp_path):
    def receipt(number, offset):
        place = {"topic": "actions.raw", "partition": 0, "offset": offset}
        return json.dumps({"event_id": ids.text(_id(number)), **place})

    rubbish = json.dumps({"event_id": "", "topic": "actions.raw", "partition": 0, "offset": 11})
    file = tmp_path / "receipts"
    file.write_text("\n".join([*(receipt(n, n) for n in range(10)), rubbish, ""]))
    rows = [_id(n) for n in range(10)]
    assert (_account(log, rows, file).accepted, _account(log, rows, file).unaccounted) == (11, 0)
    file.write_text("\n".join([receipt(1, 1), receipt(2, 7), receipt(50, 900)]))
    found = _account(log, rows, file)
    assert {(each["id"], each["why"]) for each in found.missing} == {
        (ids.text(_id(2)), "not_in_log"),
        (ids.text(_id(50)), "not_in_log"),
    }
    for text, code in (("{}", "receipt_unreadable"), ("no", "receipt_unreadable")):
        file.write_text(text)
        with pytest.raises(MandateError) as refused:
            _account(log, rows, file)
        assert refused.value.code == code
        assert "line 1" in refused.value.what
    log.log.lows[RAW] = 5
    file.write_text(receipt(1, 1))
    with pytest.raises(MandateError) as old:
        _account(log, rows, file)
    assert (old.value.code, old.value.what) == ("receipts_older_than_log", "actions.raw[0]@1")


def test_a_window_of_time(log):
    history = MemoryHistory(log.log)
    assert [since(history, RAW, T0 + n) for n in (-5, 0, 4, 99)] == [0, 0, 4, 13]
    found = _account(log, [_id(4), _id(5)], start=T0 + 4, end=T0 + 6)
    assert (found.accepted, found.unaccounted) == (2, 0)


def test_ids_in_files_are_what_they_were(tmp_path):
    made = spill.Spill(tmp_path, "x")
    wanted = {(ids.derive("spilled", n), n % 4, n * 2**33) for n in range(10_000)}
    for entry in wanted:
        made.add(*entry)
    made.close()
    buckets = [set(made.bucket(n)) for n in range(spill.BUCKETS)]
    assert set().union(*buckets) == wanted
    assert max(len(bucket) for bucket in buckets) < 400


def _paged(*events):
    log = Log()
    for event in events:
        log.add("notifications.events", codec.encode(event))
    return lambda after: pages.account(MemoryHistory(log.log), None, None, T0 + after)


def test_every_expected_page_has_an_outcome_or_an_end():
    told = _paged(r.started(T0), r.requested(T0), r.page_failed(T0), r.requested(T0, attempt=2), r.delivered(T0))
    assert (told(10**7).expected, told(10**7).outcomes, told(10**7).missing) == (1, 1, [])
    silent = _paged(r.started(T0), r.requested(T0))
    assert (silent(1).on_the_way, silent(1).missing) == (1, [])
    late = silent(10**7)
    assert [each["why"] for each in late.missing] == ["no_outcome"]
    assert _paged(r.requested(T0), r.exhausted(T0))(10**7).exhausted == 1
    assert _paged(r.requested(T0), r.stopped(T0))(10**7).stopped == 1
    assert [each["why"] for each in _paged(r.started(T0))(10**7).missing] == ["no_page"]


class Deciding:
    """A processor's input of six records, and a changelog in which it says what it decided."""

    def __init__(self) -> None:
        room = replace(MAP.rooms["dedup"], input="in", changelog="log")
        self._declared = replace(MAP, rooms={"dedup": room})
        self.log = Log("in", "log")
        for number in range(6):
            self.log.add("in", codec.encode(an_action(number)))

    def says(self, first: int, to: int, decided: int) -> None:
        """One transaction: a row, its Progress, and the marker."""
        self.log.add("log", b"a row", key=b"a part")
        told = Progress("dedup", 0, first, to, T0, 1, "", {"in": decided}, (), bytes(16))
        self.log.add("log", codec.encode(told), key=PROGRESS_KEY)
        self.log.log.ends[Place("log", 0)] += 1

    def found(self) -> progress.Stream:
        """The account."""
        return progress.account(MemoryHistory(self.log.log), self._declared, None, None)["in"]


def test_what_a_processor_says_it_decided_is_what_its_input_holds():
    made = Deciding()
    made.says(0, 2, 2)
    made.says(2, 5, 3)
    found = made.found()
    assert (found.records, found.decided, found.checked, found.unbalanced) == (5, 5, 2, [])
    made.says(5, 6, 2)
    (wrong,) = made.found().unbalanced
    assert wrong == {"at": "in-0@5..6", "after": "in-0@2..5", "why": "count", "records": 1, "said": 2}


def test_stretches_of_progress_touch():
    gap = Deciding()
    gap.says(0, 2, 2)
    gap.says(3, 6, 3)
    (wrong,) = gap.found().unbalanced
    assert wrong == {"at": "in-0@3..6", "after": "in-0@0..2", "why": "gap", "records": 1, "said": 3}
    twice = Deciding()
    twice.says(0, 3, 3)
    twice.says(2, 6, 4)
    (wrong,) = twice.found().unbalanced
    assert (wrong["at"], wrong["after"], wrong["why"]) == ("in-0@2..6", "in-0@0..3", "overlap")


def test_a_gap_that_compaction_left_is_counted_and_no_error():
    made = Deciding()
    for first in range(0, 6, 2):
        made.says(first, first + 2, 2)
    changelog = made.log.log.records[Place("log", 0)]
    del changelog[2:4]
    found = made.found()
    assert (found.checked, found.records, found.compacted, found.unbalanced) == (2, 4, 2, [])


def test_held_records_are_accounted_for():
    """The topic of the room that is to come: what lies there has not been lost."""
    declared = replace(MAP, topics={**MAP.topics, actions.HELD: MAP.topics["actions.dropped"]})
    more = Log(actions.HELD)
    for number in range(4):
        record = more.add("actions.raw", codec.encode(an_action(number)), T0 + number)
    more.add(actions.HELD, record.value or b"", T0 + 9)
    made = actions.Actions(MemoryHistory(more.log), declared, lambda _: iter([_id(n) for n in range(3)]))
    found = made.account(made.window(None, None))
    assert (found.accepted, found.rows, found.held, found.unaccounted) == (4, 3, 1, 0)
    known = actions.Actions(MemoryHistory(more.log), MAP, lambda _: iter([_id(n) for n in range(3)]))
    assert [each["id"] for each in known.account(known.window(None, None)).missing] == [ids.text(_id(3))]
