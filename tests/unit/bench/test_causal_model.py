"""The causal model that attribution is judged by: the same for a seed, in equal shares, and true to itself."""

from __future__ import annotations

from collections import Counter

from bench.causal_model import OUTAGES, held_out, nature_of, outage
from bench.incidents_naive import latest_on_the_same

SEEN = range(60)


def test_a_seed_gives_the_same_day() -> None:
    assert outage(7) == outage(7)
    assert outage(7) != outage(13)


def test_a_third_each_in_both_halves() -> None:
    for half in (False, True):
        shares = Counter(nature_of(seed) for seed in range(OUTAGES) if held_out(seed) == half)
        assert set(shares.values()) == {OUTAGES // 6}, "each half has a third of each"


def test_a_cause_is_a_change_before_the_first_failure_of_what_it_breaks() -> None:
    for day in map(outage, SEEN):
        first = min(f.at for f in day.failures if f.resource == day.failing)
        if day.nature == "none":
            assert day.cause is None
            continue
        cause = next(c for c in day.changes if c.number == day.cause)
        assert cause.at < first
        here = cause.resource in (day.failing, *(f.actor for f in day.failures))
        assert here or day.nature == "upstream", "concurrent: on what fails, or of the account that fails"


def test_changes_that_cause_nothing_are_everywhere() -> None:
    days = [outage(seed) for seed in SEEN]
    assert all(len(day.changes) > 20 for day in days)
    beside = [c for day in days for c in day.changes if c.resource == day.failing and c.number != day.cause]
    assert len(beside) > len(days), "what fails is changed without harm too, or the naive rule would always be right"


def test_the_naive_rule_is_sometimes_right() -> None:
    days = [day for day in map(outage, SEEN) if day.cause is not None]
    right = sum(latest_on_the_same(day) == day.cause for day in days)
    assert 0 < right < len(days)
