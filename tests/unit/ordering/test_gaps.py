"""Numbers: in order, late, skipped, filled, declared; and clocks that are off (seed 4.2, 4.3)."""

from __future__ import annotations

from typing import Any

import pytest

from processors.kernel.decider import Command
from processors.ordering import DECIDER
from schemas import codec
from schemas.envelope import flags
from schemas.head import read_head
from schemas.ids import derive, key_of
from schemas.messages.actions import BACKFILL, NO_SEQUENCE, Action
from schemas.messages.ordering import (
    ClockDriftDetected,
    SequenceGapDeclared,
    SequenceGapFilled,
    SequenceGapOpened,
)
from schemas.record import Record
from tests.support.spec import Spec, Until

T0 = 1_700_000_000_000
HOUR = 3_600_000


def action(sequence: int, at: int = 0, **given: Any) -> Command:
    event_id = derive("a", sequence, at, given.get("session", "s"))
    plain: dict[str, Any] = {
        "event_id": event_id,
        "content_key": bytes(16),
        "tenant": "t",
        "actor": "agent",
        "session": "s",
        "sequence": sequence,
        "timestamp": T0 + at,
        "received_at": T0 + at,
        "traits": 0,
        "resource": "r",
        "type": "x",
        **given,
    }
    value = codec.encode(Action(**plain))
    key = key_of("t", "agent")
    record = Record("actions.unique", 0, 0, T0 + at, key.encode(), value)
    return Command(event_id, key, T0 + at, read_head(value), record)


def told(events: list[Any]) -> list[tuple[str, Any, Any]]:
    """What was said: (what, first, last) for gaps, (`passed`, flags, key) for the action itself."""
    out: list[tuple[str, Any, Any]] = []
    for event in events:
        m = event.message
        match m:
            case SequenceGapOpened():
                out.append(("opened", m.first, m.last))
            case SequenceGapFilled():
                out.append(("filled", m.first, m.last))
            case SequenceGapDeclared():
                out.append(("declared", m.missing, m.missing_count))
            case ClockDriftDetected():
                out.append(("drift", m.kind, m.drift_ms))
            case _ if event.raw is not None:
                out.append(("passed", flags(event.headers), event.key))
    return out


def passed(*words: str) -> tuple[str, Any, Any]:
    return ("passed", words, "t/r")


def run(*history: Command | Until) -> list[tuple[str, Any, Any]]:
    return told(Spec(DECIDER).given(*history))


def test_given_numbers_in_order_then_nothing_is_said() -> None:
    assert run(action(1), action(2), action(3)) == [passed()] * 3


def test_given_43_after_44_then_the_gap_opens_and_is_filled() -> None:
    assert run(action(42), action(44, 10), action(43, 20)) == [
        passed(),
        passed("gap"),
        ("opened", 43, 43),
        passed("late"),
        ("filled", 43, 43),
    ]


def test_given_nothing_fills_a_gap_then_it_is_declared_after_30_s_of_log_time_with_what_is_missing() -> None:
    history = (action(1), action(6), action(3, 5), Until(T0 + 29_999))
    spec = Spec(DECIDER)
    assert ("declared", (2, 4, 5), 3) not in told(spec.given(*history))
    assert told(spec.given(Until(T0 + 30_000))) == [("declared", (2, 4, 5), 3)]


def test_given_a_late_filler_after_the_declaration_then_it_is_late_and_nothing_else() -> None:
    assert run(action(1), action(3), Until(T0 + 30_000), action(2, 40_000))[-1] == passed("late")


def test_given_a_restart_at_1_in_a_new_session_then_no_gap_and_nothing_late() -> None:
    assert run(action(7), action(8), action(1, session="s2"), action(2, session="s2")) == [passed()] * 4


def test_given_two_gaps_then_each_has_its_own_end() -> None:
    said = run(action(1), action(3), action(5, 10_000), action(2, 20_000), Until(T0 + 60_000))
    assert [s for s in said if s[0] != "passed"] == [
        ("opened", 2, 2),
        ("opened", 4, 4),
        ("filled", 2, 2),
        ("declared", (4,), 1),
    ]


def test_given_a_gap_of_a_billion_then_it_is_said_in_few_words() -> None:
    said = run(action(1), action(1_000_000_000), Until(T0 + 30_000))
    assert said[-1][2] == 999_999_998
    assert len(said[-1][1]) == 100


def test_given_an_import_of_the_past_then_no_gap_and_no_drift() -> None:
    assert run(action(1, traits=BACKFILL), action(9, traits=BACKFILL, timestamp=0)) == [passed()] * 2


def test_given_no_number_then_only_the_clock_is_looked_at() -> None:
    assert run(action(NO_SEQUENCE), action(NO_SEQUENCE)) == [passed()] * 2


@pytest.mark.parametrize(
    ("off", "expected"),
    [
        (300_000, [passed()]),
        (300_001, [passed("future_timestamp"), ("drift", "future_timestamp", 300_001)]),
        (-HOUR, [passed()]),
        (-HOUR - 1, [passed("stale_timestamp"), ("drift", "stale_timestamp", -HOUR - 1)]),
    ],
)
def test_given_a_clock_that_is_off_then_it_is_flagged_beyond_the_limits(off: int, expected: list[Any]) -> None:
    assert run(action(1, timestamp=T0 + off)) == expected


def test_given_a_clock_that_stays_off_then_one_alert_an_hour() -> None:
    history = [action(i, i * 600_000, timestamp=0) for i in range(1, 14)]
    said = run(*history)
    assert sum(1 for s in said if s[0] == "drift") == 3
    assert sum(1 for s in said if s[:2] == ("passed", ("stale_timestamp",))) == 13


def test_given_a_day_of_silence_then_the_session_is_forgotten_and_leaves_the_state() -> None:
    spec = Spec(DECIDER)
    spec.given(action(1), action(2, 23 * HOUR), Until(T0 + 24 * HOUR))
    assert spec.parts("t/agent/mark/")
    spec.given(Until(T0 + 47 * HOUR))
    assert not spec.parts("t/agent/mark/")
    assert told(spec.given(action(9, 48 * HOUR))) == [passed()]


def test_given_a_restart_in_the_middle_of_a_gap_then_it_is_still_declared() -> None:
    spec = Spec(DECIDER)
    spec.given(action(1), action(3))
    spec.restore()
    assert told(spec.given(Until(T0 + 30_000))) == [("declared", (2,), 1)]
