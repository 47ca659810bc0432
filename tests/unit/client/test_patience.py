"""Backoff and the circuit breaker, with time as an argument."""

from __future__ import annotations

import pytest

from gateway.client.patience import Patience
from gateway.client.policy import DEFAULT


def failing(times, now=0.0):
    """A patience after so many failures, and the waits that it asked for; each try is made as soon as it may be."""
    patience, waits = Patience(DEFAULT), []
    for _ in range(times):
        waits.append(patience.failed(now))
        now += waits[-1]
    return patience, waits, now


def test_the_waits_double_for_five_tries_and_stay_until_the_circuit_opens():
    assert failing(11)[1] == [0.1, 0.2, 0.4, 0.8, 1.6, 1.6, 1.6, 1.6, 1.6, 30.0, 30.0]


def test_nothing_is_tried_before_the_wait_is_over():
    patience, _, _ = failing(1)
    assert (patience.wait(0.05), patience.wait(0.1), patience.wait(7.0)) == (0.05, 0.0, 0.0)


def test_ten_failures_open_the_circuit_one_try_closes_it_or_opens_it_again():
    patience, _, now = failing(10)
    assert patience.state(now - 30.0) == "open"
    assert patience.state(now - 0.001) == "open"
    assert patience.state(now) == "half-open"
    patience.failed(now)
    assert (patience.state(now + 29.9), patience.state(now + 30.0)) == ("open", "half-open")
    patience.succeeded()
    assert (patience.state(now), patience.wait(now), patience.failures) == ("closed", 0.0, 0)


@pytest.mark.parametrize(("asked", "waited"), [(0.0, 0.1), (0.05, 0.1), (2.0, 2.0), (1e9, DEFAULT.retry_after_max_s)])
def test_a_retry_after_is_followed_as_far_as_is_sane(asked, waited):
    assert Patience(DEFAULT).failed(0.0, asked) == waited
