"""The configuration document `floods`: from which rate on a flood is suspected, what is unusual, and who is told."""

from __future__ import annotations

from dataclasses import dataclass

from schemas.document_reader import Reader

MAX_RATE = 1_000_000
MAX_WINDOW_S = 86_400


@dataclass(frozen=True, slots=True)
class Unusual:
    """An actor's count of one class of types in a window, against its own history.

    Unusual is a count of `minimum` or more that is above `factor` times the most in any of the last active windows, of
    which `warm_up` must have been seen. Log time; `minimum` 0 looks at nothing.
    """

    window_s: int = 3_600
    factor: int = 10
    minimum: int = 100
    warm_up: int = 3


@dataclass(frozen=True, slots=True)
class Floods:
    """Rates of log time above which a flood is suspected (0: never).

    An episode ends when nothing was flagged for `quiet_s`. The gateway limits whom it is about to the rate for
    `limit_s` after the suspicion (0: not at all), and for `confirmed_s` lets nothing pass once a person has confirmed
    it. `security_owner` is a person or a team of escalation.teams who is told once an episode; empty: nobody.
    """

    actor_per_second: int = 100
    tenant_per_second: int = 1_000
    new_actors_per_minute: int = 100
    quiet_s: int = 60
    limit_s: int = 0
    confirmed_s: int = 3_600
    security_owner: str = ""
    unusual: Unusual = Unusual()


def read_floods(r: Reader) -> Floods:
    """The document `floods`. Raises ConfigurationError `configuration_invalid`."""
    within = r.inner("unusual")
    unusual = Unusual(
        within.number("window_s", 3_600, 60, MAX_WINDOW_S),
        within.number("factor", 10, 1, 1_000),
        within.number("minimum", 100, 0, MAX_RATE),
        within.number("warm_up", 3, 1, 8),
    )
    within.done()
    out = Floods(
        r.number("actor_per_second", 100, 0, MAX_RATE),
        r.number("tenant_per_second", 1_000, 0, MAX_RATE),
        r.number("new_actors_per_minute", 100, 0, MAX_RATE),
        r.number("quiet_s", 60, 10, 3_600),
        r.number("limit_s", 0, 0, 86_400),
        r.number("confirmed_s", 3_600, 0, 86_400),
        r.text("security_owner", ""),
        unusual,
    )
    r.done()
    return out
