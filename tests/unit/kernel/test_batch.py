"""Batch faces: the plain never reaches decide, parts written by hand are the codec's, a failure names its record."""

from __future__ import annotations

from contextlib import nullcontext
from dataclasses import replace
from typing import Any

import pytest

from processors.dedup import state as dedup
from processors.dedup.drops import Redelivered
from processors.kernel.engine import DecideFailed, Engine
from processors.ordering import state as ordering
from schemas import codec
from schemas.head import TEXTS
from schemas.messages.actions import Action, ActionDropped
from schemas.messages.kernel import ConfigurationAnnounced
from schemas.record import Record
from tests.support.actions import T0, action
from tests.support.workloads import ROOMS, WIRED, logs

PLAIN = 100


def _broken(*_given: Any) -> Any:
    raise ValueError("decide was asked")


def _calm(name: str) -> list[Record]:
    """Plain actions within one second: no timer, no step of time."""
    drawn = [r for r in logs(7, 400, PLAIN)[name] if r.key and codec.id_of(r.value) in codec.schema_ids(Action)]
    return [r._replace(append_time=r.append_time // 10**9 * 10**9) for r in drawn]


def _without_rates(like: Record) -> Record:
    body = b'{"actor_per_second": 0, "tenant_per_second": 0, "unusual": {"minimum": 0}}'
    announced = ConfigurationAnnounced("t", "floods", 1_000, "", body)
    return like._replace(value=codec.encode(announced), headers=())


def _break(engine: Engine) -> None:
    engine.room = replace(engine.room, decider=replace(engine.room.decider, decide=_broken))


def _under_another_id(record: Record) -> Record:
    assert record.value is not None
    return record._replace(value=record.value[:5] + bytes(16) + record.value[21:])


@pytest.mark.parametrize("name", ROOMS)
def test_plain_records_never_reach_decide(name: str) -> None:
    records = _calm(name)
    engine = WIRED[name].engine(0)
    begun = len(records) // 2  # the first record of each session is not plain
    if name == "ordering":
        engine.advance_all([_without_rates(records[0])])  # nor is one at which a rate is told
    engine.advance_all(records[:begun])
    _break(engine)
    assert engine.advance_all(records[begun:]).decided == len(records) - begun


def test_what_is_delivered_again_never_reaches_decide() -> None:
    records = _calm("dedup")
    engine = WIRED["dedup"].engine(0)
    engine.advance_all(records)
    _break(engine)
    again = [r._replace(offset=r.offset + 1_000, headers=(("traceparent", b"00-ab-cd-01"),)) for r in records]
    found = engine.advance_all([*again, *(r._replace(offset=r.offset + 2_000) for r in records)])
    assert (found.decided, len(found.outputs)) == (2 * len(records), 2 * len(records))
    assert engine.counts["redelivered_event_id"] == 2 * len(records)


@pytest.mark.parametrize("name", ["dedup", "ordering"])
def test_a_failure_names_the_record_at_which_it_was(name: str) -> None:
    records = _calm(name)
    engine = WIRED[name].engine(0)
    engine.advance_all(records)
    _break(engine)
    again = [_under_another_id(r)._replace(offset=r.offset + 1_000) for r in (records[-1], records[0])]
    with pytest.raises(DecideFailed) as failed:
        engine.advance_all(again)
    assert failed.value.record == again[0]


@pytest.mark.parametrize("session", ["", "s", "s" * 63, "s" * 64, "é" * 2_000])
@pytest.mark.parametrize("highest", [None, 92])
def test_what_is_said_of_a_repetition_is_the_codecs(session: str, highest: int | None) -> None:
    names = ("a" * 64, "b")
    value = codec.encode(Action(b"e" * 16, bytes(16), *names, session, 1, T0, T0, 0, "r", "t"))
    end = TEXTS + len(b"".join(map(_text, (*names, session))))
    with nullcontext() if highest is None else codec.writing_as(highest):
        found = Redelivered("actions.raw", 130).message(value, end, session.encode(), 1 << 40, 7, T0)
        said = ActionDropped(*names, b"e" * 16, "redelivered", "event_id", "actions.raw", 130, 1 << 40, 7, T0, value)
        assert found == codec.encode(said)


def _text(words: str) -> bytes:
    raw = words.encode()
    return codec.long(len(raw)) + raw


@pytest.mark.parametrize("slot", [0, 5_666_666, -1])
@pytest.mark.parametrize("entries", [b"", b"x" * 27, b"x" * 16_200])
def test_a_window_written_by_hand_is_the_codecs(slot: int, entries: bytes) -> None:
    length, pieces = dedup.window_pieces(slot, bytearray(entries))
    assert b"".join(pieces) == codec.encode(dedup.Window(slot, entries))
    assert length == sum(map(len, pieces))


@pytest.mark.parametrize("holes", [(), (0, 1), tuple(range(2_048))])
def test_marks_written_by_hand_are_the_codecs(holes: tuple[int, ...]) -> None:
    at = 1_700_000_000_123
    assert dedup.encode_mark(7, 3, holes, at) == codec.encode(dedup.Mark(7, 3, holes, at))
    assert ordering.encode_mark(7, 3, at) == codec.encode(ordering.Mark(7, 3, at))


@pytest.mark.parametrize("seen_at", [0, -1, 1_700_000_000_123])
@pytest.mark.parametrize("holes", [(), (0, 1)])
def test_a_mark_read_by_hand_is_the_codecs_or_left_to_it(holes: tuple[int, ...], seen_at: int) -> None:
    mark = dedup.Mark(7, 3, holes, seen_at)
    raw = codec.encode(mark)
    assert dedup.mark_of(raw) == (None if holes else mark)
    assert all(dedup.mark_of(raw[:end]) is None for end in range(len(raw)))
    assert dedup.mark_of(raw + b"\x00") is None
    assert dedup.mark_of(codec.encode(dedup.Window(7, b""))) is None


@pytest.mark.parametrize("history", [(), (3,), (1, 200, 70_000)])
def test_what_ordering_reads_by_hand_is_the_codecs_or_left_to_it(history: tuple[int, ...]) -> None:
    mark = ordering.Mark(7, 3, 1_700_000_000_123)
    pace = ordering.Pace(1_700_000_000, 5, 99, (ordering.Kind("file", 70, history), ordering.Kind("s3", 1, ())))
    for part, read in ((mark, ordering.mark_of), (pace, ordering.pace_of)):
        raw = codec.encode(part)
        assert read(raw) == part
        assert all(read(raw[:end]) is None for end in range(len(raw)))
        assert read(raw + b"\x00") is None
        assert read(codec.encode(ordering.Drift(7))) is None
    assert ordering.pace_of(codec.encode(ordering.Pace(1, 2, 3, ()))) is None


@pytest.mark.parametrize("kept", [3, 1_000])
@pytest.mark.parametrize("name", ["dedup", "ordering"])
def test_more_sessions_than_are_kept_ready_are_decided_as_one_by_one(
    name: str, kept: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(f"processors.{name}.face.SESSIONS", kept)
    records = []
    for n in range(240):  # two actors; a session of each in turn, twenty of them, and every seventh record again
        sent = n - 1 if n % 7 == 6 else n
        actor, session, number = f"actor-{sent % 2}", f"session-{sent % 20}", sent // 20
        value = codec.encode(action(sent, actor=actor, session=session, sequence=number))
        key = f"t/{actor}".encode()
        records.append(Record(WIRED[name].input, 0, n, T0 + n, key, value))
    room = WIRED[name]
    engines = {partition: room.engine(partition) for partition in range(room.room.partitions)}
    twins = {partition: room.engine(partition) for partition in engines}
    for partition, engine in engines.items():
        given = [r._replace(partition=partition) for r in records]
        at_once, one_by_one = [], []
        for begin in range(0, len(given), 60):
            batch = given[begin : begin + 60]
            at_once += engine.advance_all(batch).outputs + engine.flush(batch[-1].offset + 1)
            one_by_one += [o for r in batch for o in twins[partition].advance(r).outputs]
            one_by_one += twins[partition].flush(batch[-1].offset + 1)
        assert at_once == one_by_one


def test_an_id_sent_again_after_the_slot_has_turned_is_a_repetition() -> None:
    value = codec.encode(action(1, actor="elsewhere"))  # without a number only its id tells
    slot_ends = T0 // 300_000 * 300_000 + 300_000
    engine = WIRED["dedup"].engine(1)
    times = (slot_ends - 1_000, slot_ends + 1_000, slot_ends + 600_000)
    engine.advance_all([Record("actions.raw", 1, i, at, b"t/elsewhere", value) for i, at in enumerate(times)])
    assert engine.counts["redelivered_event_id"] == 1
