"""An external service may fail as often as expected; one of three pages nobody (seed 12.1, 12.2)."""

from __future__ import annotations

import json
from math import comb
from typing import Any

import pytest

from processors.signals.significance import fewest, needed, words
from schemas.configuration import parse_document
from schemas.errors import ConfigurationError
from schemas.messages.incidents import ErrorSignalled, FailureHealed
from schemas.messages.incidents.flooding import DependencyCounted
from tests.unit.signals.test_decide import FAIL, TRY, action, spec

STRIPE = {"name": "stripe", "resources": ["stripe/*"], "expected_per_mille": 10, "alert_per_mille": 50}


def signals(events: list[Any]) -> list[ErrorSignalled]:
    return [e.message for e in events if isinstance(e.message, ErrorSignalled)]


def tries(count: int, failures: int, first: int = 0) -> list[Any]:
    """Tries of stripe, the failures last."""
    out = [action(first + n, n, resource="stripe/charges") for n in range(count - failures)]
    return out + [action(first + count + n, count, resource="stripe/charges", **FAIL) for n in range(failures)]


def declared() -> Any:
    found = spec()
    found.config("t", "signals", json.dumps({"dependencies": [STRIPE]}).encode())
    return found


@pytest.mark.parametrize(
    ("count", "failures", "paged"), [(3, 1, 0), (3, 2, 1), (100, 3, 0), (100, 6, 1), (1_000, 50, 0)]
)
def test_given_failures_of_a_dependency_then_only_an_elevated_rate_is_a_signal(
    count: int, failures: int, paged: int
) -> None:
    assert len(signals(declared().given(*tries(count, failures)))) == paged


def test_given_an_elevated_rate_then_the_words_have_the_numbers() -> None:
    found = declared().given(*tries(96, 6))
    assert signals(found)[0].reason == "dependency_elevated"
    assert signals(found)[0].message.startswith(
        "stripe: 6.3 % (elevated: normal <= 1 %, alert above 5 %), 6 of 96 tries failed in 3600 s"
    )
    assert [m.elevated for m in (e.message for e in found) if isinstance(m, DependencyCounted)] == [True]


def test_given_a_normal_rate_then_the_next_bucket_says_so() -> None:
    s = declared()
    s.given(*tries(250, 2))
    found = s.given(action(999, 400_000, resource="stripe/charges"))
    said = [m.words for m in (e.message for e in found) if isinstance(m, DependencyCounted)]
    assert said == ["stripe: 0.8 % (normal <= 1 %), 2 of 251 tries failed in 3600 s"]


def test_given_a_window_without_failures_then_the_rate_is_normal_again() -> None:
    s = declared()
    assert signals(s.given(*tries(20, 6)))
    later = [action(1_000 + n, 4_000_000 + n, resource="stripe/charges") for n in range(30)]
    fails = action(2_000, 4_000_100, resource="stripe/charges", **FAIL)
    assert signals(s.given(*later, fails)) == []


def test_the_bound_is_the_exact_binomial() -> None:
    def tail(n: int, k: int, p: int) -> int:
        return sum(comb(n, i) * p**i * (1_000 - p) ** (n - i) for i in range(k, n + 1))

    for p in (0, 1, 10, 50, 500):
        for n in (1, 2, 3, 17, 120):
            k = fewest(p)[n]
            assert tail(n, k, p) * 1_000 <= 1_000**n < tail(n, k - 1, p) * 1_000
    assert (needed(3, 10, 50), needed(1_000, 10, 50), needed(5_000, 10, 50)) == (2, 51, 251)
    assert words("stripe", 1_250, 10, 3_600, 10, 50, False).startswith("stripe: 0.8 % (normal <= 1 %)")


def test_given_failures_that_heal_too_often_then_they_are_a_signal_all_the_same() -> None:
    s = spec()
    s.config("t", "signals", b'{"intermittent": {"tries": 6, "threshold_per_mille": 500, "window_s": 300}}')
    history: list[Any] = []
    for n in range(0, 12, 4):  # two failures, then it heals: two of three tries fail
        history += [action(n, 100 * n, **TRY), action(n + 1, 100 * n + 1, attempt=2, **TRY)]
        history.append(action(n + 2, 100 * n + 2, attempt=3))
    found = [e.message for e in s.given(*history) if isinstance(e.message, ErrorSignalled | FailureHealed)]
    assert [type(m).__name__ for m in found] == ["FailureHealed", "ErrorSignalled", "ErrorSignalled"]
    assert isinstance(found[0], FailureHealed)
    assert found[0].words == "66.7 % of 3 tries failed in 300 s (an incident above 50 % of at least 6)"
    assert isinstance(found[1], ErrorSignalled)
    assert found[1].reason == "intermittent"


def test_given_half_of_the_tries_then_it_is_no_signal() -> None:
    s = spec()
    s.config("t", "signals", b'{"intermittent": {"tries": 4, "threshold_per_mille": 500, "window_s": 300}}')
    history = [x for n in range(0, 20, 2) for x in (action(n, 100 * n, **TRY), action(n + 1, 100 * n + 1, attempt=2))]
    assert signals(s.given(*history)) == []


@pytest.mark.parametrize("pattern", ["(", "(?=x)", "\\1", "a{2000}", "x" * 501])
def test_given_a_pattern_that_re2_refuses_then_the_document_is_refused_with_the_reason(pattern: str) -> None:
    body = json.dumps({"grouping": [{"name": "n", "pattern": pattern}]}).encode()
    with pytest.raises(ConfigurationError) as refused:
        parse_document("signals", body)
    assert refused.value.code == "configuration_invalid"
    assert refused.value.field == "signals.grouping.0.pattern"
    assert "RE2" in refused.value.why


def test_given_grouping_rules_then_they_join_and_split() -> None:
    s = spec()
    rules = [
        {"name": "pool", "prefix": "connection pool"},
        {"name": "table", "error_type": "DbError", "pattern": 'relation "(\\w+)"'},
    ]
    s.config("t", "signals", json.dumps({"grouping": rules}).encode())

    def print_of(n: int, kind: str, message: str) -> str:
        from schemas.messages.actions import ErrorInfo

        return signals(s.given(action(n, n, error=ErrorInfo(kind, message))))[0].fingerprint

    assert print_of(1, "A", "connection pool exhausted") == print_of(2, "B", "connection pool is closed")
    assert print_of(3, "DbError", 'relation "a" is gone') != print_of(4, "DbError", 'relation "b" is gone')
    assert print_of(5, "DbError", 'relation "a" is gone') == print_of(6, "DbError", 'no relation "a"')
    assert print_of(7, "Other", 'relation "a" is gone') == print_of(8, "Other", 'relation "b" is gone')
