"""The state of ordering is bounded, and no number that a head can carry breaks it."""

from __future__ import annotations

from importlib import import_module

import pytest

from processors.ordering import DECIDER
from schemas import codec
from schemas.messages.ordering import ClockDriftDetected, SequenceGapDeclared, SequenceGapOpened
from tests.support.actions import T0, action, arrives
from tests.support.spec import Spec, Until

HOUR = 3_600_000
LONG = 2**63 - 1


def test_a_reported_clock_leaves_the_state_after_its_hour():
    spec = Spec(DECIDER)
    spec.given(arrives(action("a", timestamp=0), 0))
    assert spec.parts("t/agent/drift")
    spec.given(Until(T0 + HOUR))
    assert list(spec.parts()) == ["t/agent/pace", "t/traffic"]
    assert spec.earliest_due() == T0 + 24 * HOUR


def test_everything_leaves_the_state_a_day_after_the_last_record():
    spec = Spec(DECIDER)
    spec.given(*(arrives(action(n, session="s", sequence=n), 0) for n in (1, 5, 9)), Until(T0 + 24 * HOUR))
    assert list(spec.parts()) == ["t/traffic"]
    assert spec.earliest_due() is None


@pytest.mark.parametrize(("timestamp", "received_at"), [(LONG, -LONG - 1), (-LONG - 1, LONG)])
def test_times_at_the_ends_of_64_bits_can_be_written(timestamp, received_at):
    events = Spec(DECIDER).given(arrives(action("a", timestamp=timestamp, received_at=received_at), 0))
    drifts = [e.message for e in events if isinstance(e.message, ClockDriftDetected)]
    assert len(drifts) == 1
    assert codec.encode(drifts[0])


def test_numbers_at_the_ends_of_64_bits_can_be_written():
    spec = Spec(DECIDER)
    events = spec.given(*(arrives(action(n, session="s", sequence=n), 0) for n in (0, LONG)), Until(T0 + 30_000))
    said = [e.message for e in events if isinstance(e.message, SequenceGapOpened | SequenceGapDeclared)]
    assert len(said) == 2
    assert all(codec.encode(m) for m in said)


def test_a_negative_number_is_no_number():
    spec = Spec(DECIDER)
    spec.given(*(arrives(action(n, session="s", sequence=n), 0) for n in (-7, -1, -LONG - 1)))
    assert not spec.parts("t/agent/mark")


def test_only_gaps_that_are_open_at_once_count_against_the_limit(monkeypatch):
    # By name: the package shows the function `decide` in the module's place.
    monkeypatch.setattr(import_module("processors.ordering.decide"), "MAX_OPEN_GAPS", 2)

    def declared(*numbers: int) -> int:
        events = Spec(DECIDER).given(*(arrives(action(n, session="s", sequence=n), 0) for n in numbers))
        return sum(1 for e in events if isinstance(e.message, SequenceGapDeclared))

    assert declared(1, 3, 2, 5, 4, 7, 6, 9, 8) == 0
    assert declared(1, 3, 5) == 0
    assert declared(1, 3, 5, 7) == 1
