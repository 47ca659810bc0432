"""Settings of the document `incidents` for what happens by itself: `automatic`. Durations are seconds, 0 is off."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, cast

from schemas.document_reader import Reader, invalid

Unanswered = Literal["exhausted", "never"]
DAY_S = 86_400
MONTH_S = 30 * DAY_S  # an ended incident leaves the state 30 days of log time later; nothing of it happens after that

LEAST_AGGREGATE_S = 10  # more often is the flood that it shall spare people


@dataclass(frozen=True, slots=True)
class Automatic:
    """What time does: the postmortem so long after the resolve, a failure of the same problem reopens until so long
    after it, and an incident that nobody answers is escalated: when its policy is exhausted (`escalate`), or already
    `no_response_s` after its first page reached somebody. While it fails on and nobody has acknowledged, those who were
    paged are told every `aggregate_s` how many more failures there were.
    """

    postmortem_after_s: int = DAY_S
    reopen_within_s: int = DAY_S
    escalate: Unanswered = "exhausted"
    no_response_s: int = 0
    aggregate_s: int = 60


DEFAULT = Automatic()


def read_automatic(r: Reader) -> Automatic:
    """The mapping `automatic`. Raises ConfigurationError `configuration_invalid`."""
    escalate = r.text("escalate", "exhausted")
    if escalate not in ("exhausted", "never"):
        raise invalid(f"{r.place}.escalate", f"{escalate!r} is none of exhausted, never")
    out = Automatic(
        r.number("postmortem_after_s", DAY_S, 0, MONTH_S),
        r.number("reopen_within_s", DAY_S, 0, MONTH_S),
        cast(Unanswered, escalate),
        r.number("no_response_s", 0, 0, MONTH_S),
        _aggregate_s(r),
    )
    r.done()
    return out


def _aggregate_s(r: Reader) -> int:
    found = r.number("aggregate_s", 60, 0, DAY_S)
    if 0 < found < LEAST_AGGREGATE_S:
        raise invalid(f"{r.place}.aggregate_s", f"0 (never) or at least {LEAST_AGGREGATE_S} is expected")
    return found
