"""The engine, rule by rule (KERNEL 1-14): what one record leads to."""

from __future__ import annotations

import pytest

from processors.kernel.engine import DecideFailed, Engine
from schemas import codec
from schemas.codec import Words
from schemas.envelope import record_id
from schemas.ids import derive
from schemas.messages.kernel import DeadLetter, Tick
from schemas.record import Output, Record
from tests.support import tally
from tests.support.tally import Add, Break, Counted, Forgotten, Reset, Settled, announcement, record

EVENTS = Words((*tally.STREAMS["tally.events"], *tally.STREAMS["tally.commands"], *tally.STREAMS["dead.letters"]))


def messages(outputs: tuple[Output, ...]) -> list[object]:
    return [EVENTS.decode(o.value) for o in outputs]


def engine() -> Engine:
    return Engine(tally.room(), 0)


def test_given_a_command_when_decided_then_its_event_carries_log_time() -> None:
    e = engine()
    out = e.advance(record(0, 5_000, Add("t", "a", 3))).outputs
    assert messages(out) == [Counted("t", "a", 3, 0, 5_000)]


def test_given_an_append_time_that_goes_back_then_now_does_not() -> None:
    e = engine()
    e.advance(record(0, 5_000, Add("t", "a", 3)))
    out = e.advance(record(1, 4_000, Add("t", "a", 1))).outputs
    assert messages(out) == [Counted("t", "a", 4, 1, 5_000)]


def test_given_a_timer_when_a_later_record_comes_then_it_decides_with_its_due_time_and_chains() -> None:
    e = engine()
    e.advance(record(0, 0, Add("t", "a", 3)))
    step = e.advance(record(1, 60_000, Tick()))
    said = [m for m in messages(step.outputs) if isinstance(m, Settled)]
    assert [(s.at, s.chained) for s in said] == [(5_000, 1), (6_000, 2)]
    assert step.fired == 2


def test_given_a_due_equal_to_now_then_it_fires_before_the_record() -> None:
    e = engine()
    e.advance(record(0, 0, Add("t", "a", 3)))
    out = messages(e.advance(record(1, 5_000, Add("t", "a", 1))).outputs)
    assert isinstance(out[0], Settled)
    assert out[0].total == 3
    assert out[-1] == Counted("t", "a", 4, 1, 5_000)


def test_given_a_budget_when_it_runs_out_then_the_record_waits_and_nothing_is_lost() -> None:
    whole, split = engine(), engine()
    for e in (whole, split):
        for i in range(5):
            e.advance(record(i, 0, Add("t", f"n{i}", 1)))
    late = record(5, 60_000, Add("t", "n0", 1))
    expected = whole.advance(late).outputs
    got: list[Output] = []
    for _ in range(10):
        step = split.advance(late, budget=3)
        got += step.outputs
        split.flush(5)
        if step.consumed:
            break
    assert tuple(got) == expected


def test_given_a_persons_command_then_it_is_answered_once_and_again_without_events() -> None:
    e = engine()
    e.advance(record(0, 0, Add("t", "a", 3)))
    reset = Reset("t", derive("c"), derive("body"), "alice", "a")
    first = e.advance(record(1, 10, reset)).outputs
    again = e.advance(record(2, 20, reset)).outputs
    assert isinstance(messages(first)[0], Forgotten)
    assert again == first[-1:]
    other = Reset("t", derive("c"), derive("another body"), "alice", "a")
    answer = messages(e.advance(record(3, 30, other)).outputs)[0]
    assert getattr(answer, "code", None) == "idempotency_conflict"


def test_given_a_command_remembered_for_a_day_then_it_is_new_again_afterwards() -> None:
    e = engine()
    reset = Reset("t", derive("c"), derive("body"), "alice", "a")
    e.advance(record(0, 0, reset))
    e.advance(record(1, 86_400_000, Add("t", "a", 3)))
    out = messages(e.advance(record(2, 86_400_000, reset)).outputs)
    assert isinstance(out[0], Forgotten)


def test_given_a_decide_that_raises_then_without_redo_it_is_told_and_with_redo_it_is_a_dead_letter() -> None:
    with pytest.raises(DecideFailed):
        engine().advance(record(0, 0, Break("t")))
    e = engine()
    out = messages(e.advance(record(0, 7, Break("t")), redo=True).outputs)
    assert isinstance(out[0], DeadLetter)
    assert (out[0].code, out[0].offset, out[0].append_time) == ("decide_failed", 0, 7)
    assert messages(e.advance(record(1, 8, Add("t", "a", 1))).outputs) == [Counted("t", "a", 1, 0, 8)]


@pytest.mark.parametrize(
    ("value", "key", "code"),
    [
        (None, b"t", "not_framed"),
        (b"0123456789", b"t", "not_framed"),
        (b"\x00\x7f\x00\x00\x01rest", b"t", "unknown_schema"),
        (codec.encode(Add("t", "a", 1))[:-1], b"t", "undecodable"),
        (codec.encode(Add("t", "a", 1)) + b"x", b"t", "undecodable"),
        (codec.encode(Add("t", "a", 1)), b"u", "wrong_key"),
        (codec.encode(Add("t", "a", 1)), b"\xff", "undecodable_key"),
        (codec.encode(Counted("t", "a", 1, 1, 1)), b"t", "unknown_schema"),
    ],
)
def test_given_rubbish_then_it_is_a_dead_letter_with_coordinates_and_original_bytes(
    value: bytes | None, key: bytes, code: str
) -> None:
    e = engine()
    out = messages(e.advance(Record("tally.commands", 0, 41, 99, key, value)).outputs)
    assert len(out) == 1
    letter = out[0]
    assert isinstance(letter, DeadLetter)
    assert letter.code == code
    assert (letter.topic, letter.partition, letter.offset) == ("tally.commands", 0, 41)
    assert (letter.original, letter.key) == (value, key)


def test_given_configuration_then_only_newer_versions_count_and_timers_already_set_stay() -> None:
    e = engine()
    e.advance(record(0, 0, Add("t", "a", 1)))
    e.advance(record(1, 0, announcement("t", 2, 20)))
    e.advance(record(2, 0, announcement("t", 1, 60)))
    e.advance(record(3, 0, Add("t", "b", 1)))
    assert e.earliest_due() == 5_000
    said = [m.at for m in messages(e.advance(record(4, 100_000, Tick())).outputs) if isinstance(m, Settled)]
    assert sorted(said) == [5_000, 6_000, 20_000, 21_000]
    assert e.counts["configuration_not_newer"] == 1


def test_given_one_event_more_of_another_kind_then_other_ids_do_not_shift() -> None:
    e = engine()
    e.advance(record(0, 0, Add("t", "a", 3)))
    out = e.advance(record(1, 60_000, Tick())).outputs
    seen = [record_id(Record(o.topic, 0, 0, 0, o.key, o.value, o.headers)) for o in out]
    assert len(set(seen)) == len(seen)


def test_given_a_part_over_64_kb_then_with_redo_the_record_is_a_dead_letter() -> None:
    e = engine()
    out = messages(e.advance(record(0, 0, Add("t", "x" * 70_000, 1)), redo=True).outputs)
    assert isinstance(out[0], DeadLetter)
    assert "65536" in out[0].detail
