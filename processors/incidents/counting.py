"""Calculations of corrections: an incident recounted from its failures, and what two incidents make together."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import fields, replace
from typing import Any

from processors.incidents import failures, sets
from processors.incidents.failures import NOBODY, Failure
from processors.incidents.rules import more_severe, opening_severity, raised_severity
from processors.incidents.state import Incident, Kind, incident_part
from processors.kernel.decider import View
from schemas.ids import Id
from schemas.incident_rules import Incidents
from schemas.messages.incidents import Severity, Standing

# States in which somebody is on it; who is on it comes with a split, and with a merge.
TAKEN = ("investigating", "contained")
WAITING = ("detected", "reopened", "escalated")


def in_order(homes: Sequence[Sequence[Failure]]) -> list[tuple[int, Failure]]:
    """The failures of some homes in the order in which they were attached, each with the index of its home."""
    found = [(n, f) for n, home in enumerate(homes) for f in home]
    return sorted(found, key=lambda x: (x[1].at, x[0], x[1].ordinal))


def at_times(incident: Incident, every: Iterable[Failure]) -> Incident:
    """The totals at the first page, the first acknowledgement and the containment, from the failures."""
    page, acknowledged = incident.first_page_at, incident.first_acknowledged_at
    contained = incident.contained_at
    paged = acked = held = 0
    hit: set[Id] = set()
    for f in every:
        if page is not None and f.at <= page:
            paged += 1
            hit.add(f.affected)
        acked += acknowledged is not None and f.at <= acknowledged
        held += contained is not None and f.at <= contained
    hit.discard(NOBODY)
    return replace(
        incident,
        paged_failures=paged,
        paged_affected=len(hit),
        acknowledged_failures=acked,
        contained_failures=held,
    )


def recounted(incident: Incident, every: Sequence[Failure], since: int | None) -> Incident:
    """An incident with exactly these failures, in the order in which they were attached. Clocks are not moved back.

    `since` is when a report or an alert of it says that it began (event time, ms), None without one.
    """
    if not every:
        return replace(incident, failures=0, affected_count=0)
    first = min(f.first_at for f in every)
    last = max(f.event_time for f in every)
    detected = every[0].at if incident.trigger == "error" else incident.detected_at
    moved = {
        name: max(at, detected)
        for name in ("first_page_at", "first_acknowledged_at", "contained_at")
        if (at := getattr(incident, name)) is not None
    }
    return at_times(
        replace(
            incident,
            failures=len(every),
            affected_count=len({f.affected for f in every} - {NOBODY}),
            first_failure_at=first if since is None else min(first, since),
            last_failure_at=last if since is None else max(last, since),
            detected_at=detected,
            **moved,
        ),
        every,
    )


def told_since(incidents: Iterable[Incident]) -> int | None:
    """When the earliest report or alert that opened one of these says that it began."""
    return min((i.first_failure_at for i in incidents if i.trigger != "error"), default=None)


def named(incident: Incident, first: Failure, kinds: Iterable[Kind], actors: Iterable[str]) -> Incident:
    """An incident in the words of its first failure: problem, title, error, actor."""
    kind = next((k for k in kinds if k.problem[: failures.SHORT] == first.problem), None)
    actor = next((a for a in actors if failures.actor_id(a) == first.actor), "")
    if kind is None or kind.problem == incident.problem:
        return replace(incident, actor=actor)
    return replace(
        incident,
        problem=kind.problem,
        actor=actor,
        title=kind.title,
        error_type=kind.error_type,
        resource=kind.resource,
    )


def severity_of(config: Incidents, incident: Incident) -> tuple[Severity, str]:
    """The severity by the thresholds, where nobody said another one."""
    if incident.stated:
        return incident.severity, "as it was set"
    return opening_severity(config, incident.resource, incident.affected_count, incident.failures)


def together(kept: Incident, gone: Incident, affected: int, config: Incidents) -> tuple[Incident, str]:
    """What `kept` is with the failures of `gone`; `affected` is how many they hit together. And why it is so severe.

    Every clock is the earlier one; who is on one of them is on both; the severity is the higher, and by the totals.
    """
    total = kept.failures + gone.failures
    severity, why = kept.severity, ""
    if more_severe(gone.severity, severity):
        severity, why = gone.severity, f"INC-{gone.number} is {gone.severity}"
    held = (kept.held_failures, kept.held_affected)
    raised = raised_severity(config, severity, total, affected, held)
    if raised is not None:
        severity, why = raised
    both = replace(
        kept,
        severity=severity,
        failures=total,
        affected_count=affected,
        first_failure_at=min(kept.first_failure_at, gone.first_failure_at),
        last_failure_at=max(kept.last_failure_at, gone.last_failure_at),
        detected_at=min(kept.detected_at, gone.detected_at),
        first_page_at=earlier(kept.first_page_at, gone.first_page_at),
        paged_failures=kept.paged_failures + gone.paged_failures,
        paged_affected=kept.paged_affected + gone.paged_affected,
        acknowledged_failures=kept.acknowledged_failures + gone.acknowledged_failures,
        last_sign_at=max(kept.last_sign_at, gone.last_sign_at),
        reports=kept.reports + gone.reports,
        alerts=kept.alerts + gone.alerts,
        alerts_firing=kept.alerts_firing + gone.alerts_firing,
        stated=kept.stated or gone.stated,
        members=(*kept.members, gone.incident_id, *gone.members),
    )
    return taken_over(both, gone), why


def taken_over(kept: Incident, gone: Incident) -> Incident:
    """`kept` with the acknowledgement of `gone`, where it has none: who is on the one is on the other."""
    both = replace(kept, first_acknowledged_at=earlier(kept.first_acknowledged_at, gone.first_acknowledged_at))
    if kept.acknowledged_by is not None or gone.acknowledged_by is None:
        return both
    return replace(
        both,
        acknowledged_by=gone.acknowledged_by,
        acknowledged_severity=gone.acknowledged_severity,
        assignee=kept.assignee or gone.assignee,
        state="investigating" if kept.state in WAITING else kept.state,
    )


def earlier(one: int | None, other: int | None) -> int | None:
    """The earlier of two times that there are."""
    return other if one is None else one if other is None else min(one, other)


def taken_back(before: Incident, after: Incident, now: Incident) -> Incident:
    """`now` without what a correction changed from `before` to `after`: fields that nothing has changed since."""
    same = {
        f.name: getattr(before, f.name)
        for f in fields(Incident)
        if getattr(now, f.name) == getattr(after, f.name) != getattr(before, f.name)
    }
    return replace(now, **same)


def affected_together(view: View, key: str, one: Incident, other: Incident) -> int | None:
    """How many people or accounts two incidents hit together; None when both sets are too large to compare.

    Compared by the smaller set: 65,536 x ~3 us.
    """
    small, large = (one, other) if one.affected_count <= other.affected_count else (other, one)
    if small.affected_count > 65_536:
        return None
    names = [sets.affected_of(part) for _, part in failures.homes_of(view, key, large)]
    members = {m for _, part in failures.homes_of(view, key, small) for m in sets.members(view, sets.affected_of(part))}
    both = sum(1 for m in sorted(members) if any(sets.contains(view, name, m) for name in names))
    return one.affected_count + other.affected_count - both


def standing(
    view: View, key: str, incident: Incident, reason: str = "", every: Sequence[Failure] | None = None
) -> Standing:
    """An incident as the events of corrections say it; `every` are its failures, None where not all are remembered."""
    kinds = failures.kinds_of(view, incident_part(key, incident.incident_id))
    kind = next((k for k in kinds if k.problem == incident.problem), None)
    # The failure that opened it is known before all others of its millisecond.
    before = sum(1 for f in every or () if f.at < incident.detected_at)
    detected = before + 1 if incident.trigger == "error" and every else before
    given: dict[str, Any] = {f.name: getattr(incident, f.name) for f in fields(Standing) if hasattr(incident, f.name)}
    return Standing(
        **given,
        severity_reason=reason,
        fingerprint=kind.fingerprint if kind is not None else "",
        failures_before_detection=detected,
        failures_before_page=incident.paged_failures,
        affected_before_page=incident.paged_affected,
        failures_before_acknowledge=incident.acknowledged_failures,
        failures_before_contain=incident.contained_failures,
        counted=every is not None,
    )


def every(view: View, key: str, incident: Incident) -> list[Failure] | None:
    """All failures of an incident in the order in which they were attached; None where not all are remembered."""
    kept = [failures.all_of(view, part) for _, part in failures.homes_of(view, key, incident)]
    if sum(len(home) for home in kept) != incident.failures:
        return None
    return [f for _, f in in_order(kept)]
