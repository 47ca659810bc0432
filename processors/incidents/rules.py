"""Calculations of the incidents processor: where a failure belongs, and how severe it is."""

from __future__ import annotations

from collections.abc import Iterable

from processors.incidents.state import Incident
from schemas.incident_rules import OVER, SEVERITIES, Incidents, RaiseRule, SeverityRule
from schemas.messages.incidents import ErrorSignalled, Severity

KEEP_MS = 30 * 24 * 3600 * 1000  # resolved incidents and changes leave the state 30 days of log time later
# A problem that comes back is listed 8 times: enough for interleaved clocks (live, delayed, imported hours), and at
# most 8 incidents are read to place one signal (8 x ~15 us, within 200 us a decision).
INCIDENTS_PER_PROBLEM = 8
# 24 changes x (200 + 2 x 128 + 64 + 32 characters of up to 4 bytes + 60) < 55 KB of a 64 KB part.
CHANGES_PER_RESOURCE = 24
# 24 x (200 + 64 + 32 characters of up to 4 bytes + 40) < 30 KB of a 64 KB part.
RECENT_CHANGES = 24
# As many incidents as are read for one report, alert or late change: 32 x ~15 us.
INCIDENTS_PER_PLACE = 32
# The last incidents of a tenant, as many as are weighed for being related: 32 x ~15 us, once for each that opens.
RECENT_INCIDENTS = 32
TITLE_CHARACTERS = 200
SAMPLE_CHARACTERS = 500
RESOURCE_CHARACTERS = 1024


def clip(text: str, characters: int) -> str:
    """The text, cut with an ellipsis when it is longer than `characters`."""
    return text if len(text) <= characters else text[: characters - 1] + "…"


def title_of(signal: ErrorSignalled) -> str:
    """The incident in one line: the error's type and message, the type said once."""
    message = signal.message or signal.sample
    said = message.startswith(signal.error_type)
    return clip(message if said else f"{signal.error_type}: {message}", TITLE_CHARACTERS)


def distance_ms(incident: Incident, event_time: int) -> int:
    """How far (ms of event time) a failure lies outside the incident's first to last failure or sign; 0 inside."""
    last = max(incident.last_failure_at, incident.last_sign_at)
    return max(0, incident.first_failure_at - event_time, event_time - last)


def nearest(incidents: Iterable[Incident], event_time: int) -> Incident | None:
    """The open incident whose failures are nearest in event time; of two equally near ones the younger."""
    best: Incident | None = None
    for incident in incidents:
        if incident.state in OVER:
            continue
        if best is None or (distance_ms(incident, event_time), -incident.number) < (
            distance_ms(best, event_time),
            -best.number,
        ):
            best = incident
    return best


def on_its_way(incidents: Iterable[Incident], signal: ErrorSignalled, window_s: int) -> Incident | None:
    """The incident that was ended while this failure, which the gateway had taken before, was still on its way.

    Told by the gateway's time, never by the agent's: a clock that is behind would hide what fails after the end.
    """
    best: Incident | None = None
    for incident in incidents:
        if incident.resolved_at is None or not 0 < signal.received_at <= incident.resolved_at:
            continue
        if distance_ms(incident, signal.event_time) > window_s * 1000:
            continue
        if best is None or incident.number > best.number:
            best = incident
    return best


def more_severe(one: Severity, other: Severity) -> bool:
    """SEV1 is more severe than SEV2."""
    return SEVERITIES.index(one) < SEVERITIES.index(other)


def opening_severity(config: Incidents, resource: str, affected: int, failures: int = 1) -> tuple[Severity, str]:
    """The severity with which an incident on `resource` opens, and why; thresholds reached by one failure count too."""
    rule = _matching(config.severities, resource)
    severity = rule.severity if rule else config.default_severity
    why = f"{resource} matches {rule.match}: {severity}" if rule else f"no rule for {resource}: {severity}"
    raised = raised_severity(config, severity, failures, affected)
    return raised if raised else (severity, why)


def raised_severity(
    config: Incidents, current: Severity, failures: int, affected: int, held: tuple[int, int] = (0, 0)
) -> tuple[Severity, str] | None:
    """The highest severity above `current` whose threshold is reached, and why; None when there is none.

    `held` are failures and affected when a person set the severity: what they reached counts no more.
    """
    best = current
    why = ""
    for rule in config.raises:
        reached = _reached(rule, failures, affected)
        if reached and not _reached(rule, *held) and more_severe(rule.severity, best):
            best, why = rule.severity, reached
    return (best, f"{why}: {best}") if why else None


def _reached(rule: RaiseRule, failures: int, affected: int) -> str:
    if failures >= rule.failures:
        return f"{failures} failures reach {rule.failures}"
    if rule.affected and affected >= rule.affected:
        return f"{affected} affected reach {rule.affected}"
    return ""


def _matching(rules: tuple[SeverityRule, ...], resource: str) -> SeverityRule | None:
    best: SeverityRule | None = None
    for rule in rules:
        if rule.match == resource:
            return rule
        prefix = rule.match.endswith("*") and resource.startswith(rule.match[:-1])
        if prefix and (best is None or len(rule.match) > len(best.match)):
            best = rule
    return best
