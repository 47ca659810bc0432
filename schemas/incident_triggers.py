"""What may open an incident: the part `triggers`, `thresholds` and `suggestions` of the document `incidents`.

    {"triggers": [{"match": "batch-*", "alert": false, "pattern": true}],
     "thresholds": [{"name": "spend_eur", "resource": "*", "above_baseline": 500, "baseline_s": 604800},
                    {"name": "queue_depth", "resource": "payments-*", "above": "1000", "for_s": 300}],
     "suggestions": {"expires_s": 86400}}

Limits are decimals (texts or whole numbers), kept as millionths (schemas.scaled); percentages are whole numbers.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, cast

from schemas.document_reader import Reader, invalid, unique
from schemas.messages.incidents import Severity
from schemas.patterns import matches, weight

TriggerName = Literal["error", "alert", "report", "threshold", "pattern", "anomaly"]
# A threshold is opted into by being written down; what only suggests waits for its switch.
TRIGGERS: dict[TriggerName, bool] = {
    "error": True,
    "alert": True,
    "report": True,
    "threshold": True,
    "pattern": False,
    "anomaly": False,
}
MAX_RULES = 200  # compared for each incident that would open: 200 x 0.2 us
MAX_THRESHOLDS = 200  # compared by name for each observation
Of = Literal["last", "sum", "mean"]


@dataclass(frozen=True, slots=True)
class TriggerRule:
    """Switches for the resources that match; one that is not named is left to a less exact rule."""

    match: str
    switches: tuple[tuple[TriggerName, bool], ...]


@dataclass(frozen=True, slots=True)
class Threshold:
    """When a measured value is too high or too low. `limit` is millionths, or percent of the baseline (`relative`).

    What is compared is the last value, or the sum or mean (`of`) over the last `over_s` seconds of event time. It must
    stay over for `for_s` seconds of log time. The baseline is the mean of the last `baseline_s` seconds, once
    `baseline_min` values were seen.
    """

    id: str
    name: str
    resource: str
    side: Literal["above", "below"]
    limit: int
    relative: bool = False
    for_s: int = 0
    over_s: int = 0
    of: Of = "last"
    baseline_s: int = 86_400
    baseline_min: int = 10
    severity: Severity | None = None


@dataclass(frozen=True, slots=True)
class Suggestions:
    """How long a suggestion waits for a person, how long a dismissed one is silent, and what counts as a pattern."""

    expires_s: int = 86_400
    quiet_s: int = 86_400
    healed: int = 3
    healed_window_s: int = 3_600


SUGGESTIONS = Suggestions()


def is_on(rules: tuple[TriggerRule, ...], trigger: TriggerName, *names: str) -> bool:
    """Whether this trigger is switched on for a resource (`names`: its own, and its service's)."""
    best: tuple[tuple[bool, int], bool] | None = None
    for rule in rules:
        given = dict(rule.switches).get(trigger)
        if given is not None and any(matches(rule.match, name) for name in names):
            found = weight(rule.match)
            best = (found, given) if best is None or found > best[0] else best
    return TRIGGERS[trigger] if best is None else best[1]


def read_triggers(r: Reader) -> tuple[TriggerRule, ...]:
    """The list `triggers`. Raises ConfigurationError `configuration_invalid`."""
    out = []
    for entry in r.readers("triggers"):
        given = ((name, entry.flag(name)) for name in TRIGGERS)
        switches = tuple((name, on) for name, on in given if on is not None)
        out.append(TriggerRule(entry.text("match"), switches))
        entry.done()
    if len(out) > MAX_RULES:
        raise invalid(f"{r.place}.triggers", f"at most {MAX_RULES} rules are expected")
    unique(f"{r.place}.triggers", [rule.match for rule in out])
    return tuple(out)


def read_thresholds(r: Reader) -> tuple[Threshold, ...]:
    """The list `thresholds`. Raises ConfigurationError `configuration_invalid`."""
    out = tuple(_threshold(entry) for entry in r.readers("thresholds"))
    if len(out) > MAX_THRESHOLDS:
        raise invalid(f"{r.place}.thresholds", f"at most {MAX_THRESHOLDS} are expected")
    unique(f"{r.place}.thresholds", [threshold.id for threshold in out])
    return out


_LIMITS = ("above", "below", "above_baseline", "below_baseline")


def _threshold(r: Reader) -> Threshold:
    name = r.text("name")
    given = [key for key in _LIMITS if r.has(key)]
    if len(given) != 1:
        raise invalid(r.place, f"exactly one of {', '.join(_LIMITS)} is expected")
    relative = given[0].endswith("_baseline")
    limit = r.number(given[0], 0, 1, 1_000_000) if relative else r.decimal(given[0])
    of, over_s = r.text("of", "last"), r.number("over_s", 0, 0, 2_592_000)
    if of not in ("last", "sum", "mean"):
        raise invalid(f"{r.place}.of", f"{of!r} is none of last, sum, mean")
    if (of == "last") != (over_s == 0):
        raise invalid(r.place, "`of: sum` and `of: mean` need `over_s`, and `last` has none")
    severity = r.text("severity", "")
    if severity not in ("", "SEV1", "SEV2", "SEV3", "SEV4"):
        raise invalid(f"{r.place}.severity", f"{severity!r} is none of SEV1, SEV2, SEV3, SEV4")
    out = Threshold(
        id=r.text("id", name),
        name=name,
        resource=r.text("resource", "*"),
        side="above" if given[0].startswith("above") else "below",
        limit=limit,
        relative=relative,
        for_s=r.number("for_s", 0, 0, 86_400),
        over_s=over_s,
        of=cast(Of, of),
        baseline_s=r.number("baseline_s", 86_400, 60, 2_592_000),
        baseline_min=r.number("baseline_min", 10, 1, 100_000),
        severity=cast(Severity, severity) if severity else None,
    )
    r.done()
    return out


def read_suggestions(r: Reader) -> Suggestions:
    """The mapping `suggestions`. Raises ConfigurationError `configuration_invalid`."""
    s = r.inner("suggestions")
    out = Suggestions(
        s.number("expires_s", 86_400, 60, 2_592_000),
        s.number("quiet_s", 86_400, 0, 2_592_000),
        s.number("healed", 3, 1, 1_000),
        s.number("healed_window_s", 3_600, 60, 86_400),
    )
    s.done()
    return out
