"""The configuration document `incidents`: grouping, severities, relations (cause_rules.py: how causes are weighed)."""

from __future__ import annotations

from dataclasses import dataclass

from schemas import response_rules
from schemas.cause_rules import CAUSES, Causes, read_causes
from schemas.document_reader import Reader, invalid, unique
from schemas.incident_triggers import (
    SUGGESTIONS,
    Suggestions,
    Threshold,
    TriggerRule,
    read_suggestions,
    read_thresholds,
    read_triggers,
)
from schemas.messages.incidents import Severity, State
from schemas.response_rules import Automatic, read_automatic

MAX_DEPENDENCIES = 32  # each is one part read when an incident opens: 32 x 10 us
SEVERITIES: tuple[Severity, ...] = ("SEV1", "SEV2", "SEV3", "SEV4")
OPEN: tuple[State, ...] = ("detected", "investigating", "contained", "escalated", "reopened")
# Nobody is expected to do anything at once; a failure is no part of it any more.
OVER: tuple[State, ...] = ("resolved", "postmortem", "closed", "false_alarm", "merged")
STATES: tuple[State, ...] = (*OPEN, *OVER)


@dataclass(frozen=True, slots=True)
class SeverityRule:
    """Resources that match open with this severity."""

    match: str
    severity: Severity


@dataclass(frozen=True, slots=True)
class RaiseRule:
    """An incident with at least this many failures (or affected, if given) is at least this severe."""

    severity: Severity
    failures: int
    affected: int = 0


@dataclass(frozen=True, slots=True)
class WindowRule:
    """How far apart (seconds of event time) failures of resources that match are still one incident."""

    match: str
    seconds: int


@dataclass(frozen=True, slots=True)
class Relation:
    """What `resource` depends on: a change there may be the cause of what fails here."""

    resource: str
    depends_on: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Alike:
    """When an error that is not the same is similar: `per_mille` of its words are, at least `least_words` of them, and
    at most `places` differ; 1,000 asks for all. `same_service`: also on another resource of the service that the
    catalog declares for both."""

    per_mille: int = 800
    least_words: int = 4
    places: int = 2
    same_service: bool = True


@dataclass(frozen=True, slots=True)
class Incidents:
    """Grouping windows, severities, likely causes, what happens by itself, and when two incidents are related."""

    attach_window_s: int = 900
    default_severity: Severity = "SEV3"
    severities: tuple[SeverityRule, ...] = ()
    raises: tuple[RaiseRule, ...] = ()
    relations: tuple[Relation, ...] = ()
    causes: Causes = CAUSES
    automatic: Automatic = response_rules.DEFAULT
    triggers: tuple[TriggerRule, ...] = ()
    thresholds: tuple[Threshold, ...] = ()
    suggestions: Suggestions = SUGGESTIONS
    windows: tuple[WindowRule, ...] = ()
    related_from: int = 500
    alike: Alike = Alike()

    def window_s(self, resource: str) -> int:
        """The grouping window of a resource: the exact name's, else the longest prefix's, else the tenant's."""
        best: WindowRule | None = None
        for rule in self.windows:
            if rule.match == resource:
                return rule.seconds
            prefix = rule.match.endswith("*") and resource.startswith(rule.match[:-1])
            if prefix and (best is None or len(rule.match) > len(best.match)):
                best = rule
        return self.attach_window_s if best is None else best.seconds


def read_incidents(r: Reader) -> Incidents:
    """The document `incidents`. Raises ConfigurationError `configuration_invalid`."""
    rules = []
    for entry in r.readers("severities"):
        rules.append(SeverityRule(entry.text("match"), _severity(entry, "severity")))
        entry.done()
    raises = []
    for entry in r.readers("raises"):
        raises.append(
            RaiseRule(
                _severity(entry, "severity"),
                entry.number("failures", 1, 1, 10**9),
                entry.number("affected", 0, 0, 10**9),
            )
        )
        entry.done()
    out = Incidents(
        r.number("attach_window_s", 900, 1, 86_400),
        _severity(r, "default_severity", "SEV3"),
        tuple(rules),
        tuple(raises),
        _relations(r),
        read_causes(r.inner("causes")),
        read_automatic(r.inner("automatic")),
        triggers=read_triggers(r),
        thresholds=read_thresholds(r),
        suggestions=read_suggestions(r),
        windows=_windows(r),
        related_from=r.number("related_from", 500, 1, 1_000),
        alike=_alike(r.inner("alike")),
    )
    r.done()
    return out


def _alike(r: Reader) -> Alike:
    out = Alike(
        r.number("per_mille", 800, 500, 1_000),
        r.number("least_words", 4, 2, 100),
        r.number("places", 2, 1, 8),
        r.flag("same_service") is not False,
    )
    r.done()
    return out


def _windows(r: Reader) -> tuple[WindowRule, ...]:
    out = []
    for entry in r.readers("windows"):
        out.append(WindowRule(entry.text("match"), entry.number("seconds", 900, 1, 86_400)))
        entry.done()
    unique(f"{r.place}.windows", [x.match for x in out])
    return tuple(out)


def _relations(r: Reader) -> tuple[Relation, ...]:
    out = []
    for entry in r.readers("relations"):
        out.append(Relation(entry.text("resource"), entry.texts("depends_on")))
        if len(out[-1].depends_on) > MAX_DEPENDENCIES:
            raise invalid(f"{entry.place}.depends_on", f"at most {MAX_DEPENDENCIES} names are expected")
        entry.done()
    unique(f"{r.place}.relations", [x.resource for x in out])
    return tuple(out)


def _severity(r: Reader, key: str, default: str | None = None) -> Severity:
    value = r.text(key, default)
    if value not in SEVERITIES:
        raise invalid(f"{r.place}.{key}", f"{value!r} is none of {', '.join(SEVERITIES)}")
    return value
