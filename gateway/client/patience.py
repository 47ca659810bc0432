"""When to try again: exponential backoff and a circuit breaker as one small state machine. Pure: time is an argument.

closed      after n failures in a row wait 100 ms · 2^(n-1), no longer than the fifth wait
open        from ten failures on nothing is tried for 30 s …
half-open   … then one try: success closes the circuit, failure opens it for another 30 s
"""

from __future__ import annotations

from typing import Literal

from gateway.client.policy import Policy

State = Literal["closed", "open", "half-open"]


class Patience:
    """Failures in a row, and the moment (of a monotonic clock, in seconds) before which nothing is tried."""

    def __init__(self, policy: Policy) -> None:
        self._policy = policy
        self.failures = 0
        self._not_before = 0.0

    def failed(self, now: float, retry_after: float = 0.0) -> float:
        """A try failed; returns the seconds to wait. `retry_after` is what the gateway asked for."""
        policy = self._policy
        self.failures += 1
        if self.failures >= policy.breaker_failures:
            wait = policy.breaker_s
        else:
            wait = policy.first_wait_s * 2 ** (min(self.failures, policy.tries) - 1)
        wait = max(wait, min(retry_after, policy.retry_after_max_s))
        self._not_before = now + wait
        return wait

    def succeeded(self) -> None:
        """The gateway answered as it should: everything is forgotten."""
        self.failures = 0
        self._not_before = 0.0

    def wait(self, now: float) -> float:
        """Seconds until the next try may be made; 0 when it may be made now."""
        return max(0.0, self._not_before - now)

    def state(self, now: float) -> State:
        """The circuit, for people who look."""
        if self.failures < self._policy.breaker_failures:
            return "closed"
        return "open" if self.wait(now) > 0 else "half-open"
