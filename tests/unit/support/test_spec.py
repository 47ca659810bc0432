"""The given/when/then helper fails when it must: each test here is a mistake that it has to catch."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pytest

from processors.kernel.decider import Command, Decider, Decision, Event, Refuse, SetTimer, TimerDue, View
from processors.kernel.staging import BrokenContract
from tests.support.spec import Spec, Until


@dataclass(frozen=True)
class Total:
    """How much was added."""

    value: int


@dataclass(frozen=True)
class Wrong:
    """A part whose value does not survive: a list comes back as a tuple."""

    items: tuple[int, ...]


@dataclass(frozen=True)
class Added:
    """A number was added."""

    amount: int


@dataclass(frozen=True)
class Rang:
    """The timer fired."""

    at: int


def decide(command: Command, view: View) -> Decision:
    """Adds numbers; 0 is refused, 1,000 sets a timer, -1 gives no reason."""
    m = command.message
    if isinstance(m, TimerDue):
        return Decision((Event("t", Rang(m.due)),), reasons=("rang",))
    if m.amount == 0:
        raise Refuse("nothing", "nothing to add")
    if m.amount == 7:
        return Decision((Event("t", m), Event("t", Added(8))), reasons=("seven",))
    timers = (SetTimer("t/total", "ring", command.now + 10),) if m.amount == 1000 else ()
    return Decision((Event("t", m),), timers, () if m.amount == -1 else ("added",))


def evolve(view: View, event: Any) -> Mapping[str, Any | None]:
    """Sums up."""
    if isinstance(event, Added) and event.amount == 666:
        return {"t/total": Wrong([6])}  # type: ignore[arg-type]  # the mistake under test
    if isinstance(event, Added):
        total = view.get("t/total") or Total(0)
        return {"t/total": Total(total.value + event.amount)}
    return {}


def spec() -> Spec:
    return Spec(Decider("adder", 1, decide, evolve, (Total, Wrong)))


def add(now: int, amount: int) -> Command:
    return Command(b"i" * 16, "t", now, Added(amount))


def test_given_when_then():
    s = spec()
    s.given(add(1, 2))
    s.check(when=add(2, 3), then=[Added(3)], reasons=["added"])
    assert s.part("t/total") == Total(5)


@pytest.mark.parametrize(
    "then",
    [[], [Added(3)], [Added(2), Added(2)], [Event("u", Added(2))], [Event("t", Added(2), b"raw")], [Rang(2)]],
    ids=["none expected", "another value", "one too many", "another key", "other raw bytes", "another type"],
)
def test_another_outcome_fails(then):
    with pytest.raises(AssertionError, match="events differ"):
        spec().check(when=add(1, 2), then=then)


def test_order_matters():
    spec().check(when=add(1, 7), then=[Added(7), Added(8)])
    with pytest.raises(AssertionError, match="events differ"):
        spec().check(when=add(1, 7), then=[Added(8), Added(7)])


def test_reasons_are_compared():
    with pytest.raises(AssertionError, match="reasons differ"):
        spec().check(when=add(1, 2), then=[Added(2)], reasons=["other"])


def test_an_unmentioned_timer_fails():
    with pytest.raises(AssertionError, match="timers differ"):
        spec().check(when=add(1, 1000), then=[Added(1000)])


def test_a_due_timer_must_be_checked_first():
    s = spec()
    s.given(add(1, 1000))
    with pytest.raises(AssertionError, match="is due before"):
        s.check(when=add(11, 2), then=[Added(2)])
    s.check(when=Until(11), then=[Rang(11)], reasons=["rang"])
    s.check(when=add(11, 2), then=[Added(2)])


def test_time_that_passes_without_the_firing_fails():
    s = spec()
    s.given(add(1, 1000))
    with pytest.raises(AssertionError, match="events differ"):
        s.check(when=Until(10), then=[Rang(11)])


def test_refusals():
    spec().refused(when=add(1, 0), code="nothing")
    with pytest.raises(AssertionError, match="refusal differ"):
        spec().refused(when=add(1, 0), code="other")
    with pytest.raises(AssertionError, match="expected the refusal"):
        spec().refused(when=add(1, 2), code="nothing")
    with pytest.raises(Refuse):
        spec().given(add(1, 0))


def test_a_decision_without_a_reason_fails():
    with pytest.raises(BrokenContract):
        spec().given(add(1, -1))


def test_a_part_that_changes_in_its_encoding_fails():
    with pytest.raises(AssertionError, match="after its encoding"):
        spec().given(add(1, 666))


def test_log_time_does_not_go_back():
    s = spec()
    s.given(add(5, 1))
    with pytest.raises(AssertionError, match="goes back"):
        s.given(add(4, 1))


def test_restore_keeps_parts_and_timers():
    s = spec()
    s.given(add(1, 1000))
    s.restore()
    assert s.part("t/total") == Total(1000)
    s.check(when=Until(20), then=[Rang(11)])
