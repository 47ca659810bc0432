"""What machines tell and what people say of the grouping: measurements, notes of alerts, dependencies, suggestions,
verdicts on floods; splits, merges and their undo. They go by what was said of incidents until now.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from random import Random
from typing import Any

from schemas import ids
from schemas.messages.incidents import (
    AcceptSuggestion,
    AlertAcknowledgementObserved,
    AlertObserved,
    CorrectionUndone,
    DismissSuggestion,
    IncidentOpened,
    IncidentsMerged,
    IncidentSplit,
    IncidentSuggested,
    MergeIncident,
    ObservationReported,
    ResolveIncident,
    SignalAttached,
    SplitIncident,
    UndoCorrection,
)
from schemas.messages.incidents.flooding import (
    DependencyState,
    FloodSuspected,
    JudgeFlood,
    SetDependencyStatus,
    Verdict,
)
from tests.simulation.plan import RESOURCES

MILLION = 1_000_000


@dataclass(slots=True)
class Seen:
    """What a person who looks at the pages knows. `failing`: the failures of each incident, as they were attached."""

    opened: list[IncidentOpened] = field(default_factory=list)
    failing: dict[bytes, list[bytes]] = field(default_factory=dict)
    suggested: list[IncidentSuggested] = field(default_factory=list)
    flagged: list[FloodSuspected] = field(default_factory=list)
    corrected: list[bytes] = field(default_factory=list)

    def told(self, message: Any) -> None:
        """One more event of incidents."""
        match message:
            case IncidentOpened():
                self.opened.append(message)
                if message.trigger == "error" and message.split_from is None:
                    self.failing[message.incident_id] = [message.action_id]
            case SignalAttached():
                self.failing.setdefault(message.incident_id, []).append(message.action_id)
            case IncidentSuggested():
                self.suggested.append(message)
            case FloodSuspected():
                self.flagged.append(message)
            case IncidentSplit() | IncidentsMerged() | CorrectionUndone():
                self.corrected.append(message.incident_id)


def told_by_machines(random: Random, tenant: str, now: int, number: int) -> tuple[Any, bytes]:
    """A fact, and the id of its record: a measurement, a page of PagerDuty or its end, a note of somebody there."""
    record_id = ids.derive("told by a machine", tenant, now, number)
    resource = random.choice(RESOURCES)
    which = random.randrange(6)
    if which < 3:
        name, value = random.choice((("queue_depth", 900), ("queue_depth", 5_000), ("spend_eur", 4), ("spend_eur", 90)))
        actor = random.choice((None, "agent/0"))
        told: Any = ObservationReported(
            tenant,
            record_id,
            name,
            random.choice((resource, "payments")),
            actor,
            value * MILLION,
            None,
            now,
            "meter",
            now,
        )
        return told, record_id
    key = f"pd-{random.randrange(2)}"
    alert_id = ids.derive("alert", tenant, "pagerduty", key)
    if which == 3:
        return AlertAcknowledgementObserved(tenant, alert_id, "pagerduty", "pagerduty", now), record_id
    over = which == 5
    told = AlertObserved(
        tenant, alert_id, "pagerduty", key, now, "resolved" if over else "firing", now if over else None, key,
        "" if over else resource, "" if over else "component", None, None, None, "pagerduty", now, True,
    )  # fmt: skip
    return told, record_id


def asked_of_machines(random: Random, seen: Seen, tenant: str, now: int, number: int) -> Any:
    """What people say of suggestions, floods and dependencies; of another tenant's, too."""
    wish = ids.derive("theme", tenant, now, number)
    by = (tenant, wish, ids.derive("body", wish), random.choice(("ann", "bob")))
    which = random.randrange(6)
    if which > 3 and seen.opened:
        # What is over may come again: a pattern, a relapse, a problem that opens its own incident.
        over = random.choice(seen.opened[-6:])
        return ResolveIncident(*by, over.incident_id, now)
    if which == 0 and seen.flagged:
        verdicts: tuple[Verdict, ...] = ("released", "confirmed")
        return JudgeFlood(*by, random.choice(seen.flagged[-4:]).flood_id, random.choice(verdicts), None, now)
    if seen.suggested and random.randrange(4):
        suggestion = random.choice(seen.suggested[-4:]).suggestion_id
        if random.randrange(2):
            return AcceptSuggestion(*by, suggestion, now)
        return DismissSuggestion(*by, suggestion, now, "a load test")
    since = now - random.choice((0, 60_000))
    statuses: tuple[DependencyState, ...] = ("degraded", "degraded", "recovered")
    status = random.choice(statuses)
    until = now if status == "recovered" else None
    return SetDependencyStatus(
        *by, random.choice(("unknown", "search-service")), status, "eu", since, until, "them", None, now
    )


def corrected(random: Random, seen: Seen, tenant: str, now: int, number: int) -> Any:
    """A split, a merge or an undo; often one that makes sense. None while there is nothing to correct."""
    mine = [i for i in seen.opened[-8:] if i.tenant == tenant or random.randrange(20) == 0]
    if not mine:
        return None
    one = random.choice(mine)
    wish = ids.derive("correction", one.incident_id, now, number)
    plain = (tenant, wish, ids.derive("body", wish), random.choice(("ann", "bob")))
    which = random.randrange(5)
    if which < 2:
        crowds = [i for i in mine if len(seen.failing.get(i.incident_id, ())) > 1]
        one = random.choice(crowds or mine)
        # What the whole family of an incident has; that what another one has is refused is worth a try.
        every = [a for i in mine for a in seen.failing.get(i.incident_id, ())]
        own = seen.failing.get(one.incident_id) or every
        some = own if random.randrange(4) else every
        chosen = tuple(random.sample(some, random.randrange(len(some)) + 1)) if some else ()
        if len(some) > 1 and len(chosen) == len(some):
            chosen = chosen[1:]
        return SplitIncident(*plain, one.incident_id, now, chosen, "another problem")
    if which < 4:
        others = [i for i in mine if i is not one] or mine
        return MergeIncident(*plain, one.incident_id, now, random.choice(others).incident_id, "the same cause")
    about = random.choice(seen.corrected[-3:]) if seen.corrected else one.incident_id
    return UndoCorrection(*plain, about, now, "it was wrong")
