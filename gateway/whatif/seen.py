"""What a run, or the record, said to people: incidents with their events and times, pages, cases. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from schemas.ids import Id
from schemas.messages.incidents import (
    AlertAttached,
    IncidentAcknowledged,
    IncidentContained,
    IncidentOpened,
    IncidentPaged,
    IncidentReopened,
    IncidentResolved,
    ReportAttached,
    SeverityChanged,
    SeverityRaised,
    SignalAttached,
)
from schemas.messages.notifications import (
    EscalationExhausted,
    EscalationStarted,
    EscalationStopped,
    PageDelivered,
    PageFailed,
    PageRequested,
)
from schemas.messages.rml import CaseEntriesAdded, CaseOpened, EffectEntered


@dataclass(slots=True)
class Incident:
    """One incident. `events` are the actions, reports and alerts that it holds, with the log time (ms) of each.

    `policies` are (policy, why this one) of its escalations; `stopped` (log time, why) of their ends.
    """

    tenant: str
    incident_id: Id
    number: int
    title: str
    resource: str
    severity: str
    opened_at: int
    first_failure_at: int
    reasons: tuple[str, ...]
    events: dict[Id, int] = field(default_factory=dict)
    first_page_at: int | None = None
    acknowledged_at: int | None = None
    acknowledged_by: str = ""
    contained_at: int | None = None
    resolved_at: int | None = None
    policies: list[tuple[str, str]] = field(default_factory=list)
    stopped: list[tuple[int, str]] = field(default_factory=list)

    def within(self, start: int, end: int) -> frozenset[Id]:
        """What it took in from `start` to `end` (ms)."""
        return frozenset(e for e, at in self.events.items() if start <= at <= end)


@dataclass(slots=True)
class Page:
    """One page: one person, one channel, over all its attempts. `outcome` is None while there is none."""

    tenant: str
    incident_id: Id
    notification_id: Id
    person: str
    channel: str
    address: str
    step: int
    round: int
    why: str
    at: int
    severity: str
    reasons: tuple[str, ...] = ()
    recorded: bool = True
    outcome: str | None = None
    outcome_at: int | None = None


@dataclass(slots=True)
class Case:
    """One RML case; `actions` are the ids of the actions whose effects it names."""

    tenant: str
    case_id: Id
    number: int
    world: str
    why: str
    resource: str
    at: int
    actions: set[Id] = field(default_factory=set)


@dataclass(slots=True)
class Seen:
    """Everything that was said, by id."""

    incidents: dict[Id, Incident] = field(default_factory=dict)
    pages: dict[Id, Page] = field(default_factory=dict)
    cases: dict[Id, Case] = field(default_factory=dict)
    _entries: dict[Id, Id] = field(default_factory=dict)
    _holder: dict[tuple[str, Id], Id] = field(default_factory=dict)

    def take(self, message: Any, reasons: tuple[str, ...] = (), recorded: bool = True) -> None:
        """One message of incidents.events, notifications.events or rml.events."""
        match message:
            case IncidentOpened():
                self._opened(message)
            case SignalAttached():
                self._hold(message.tenant, message.incident_id, message.action_id, message.at)
            case ReportAttached():
                self._hold(message.tenant, message.incident_id, message.report_id, message.at)
            case AlertAttached():
                self._hold(message.tenant, message.incident_id, message.alert_id, message.at)
            case PageRequested():
                self._requested(message, reasons, recorded)
            case PageDelivered() | PageFailed():
                self._outcome(message)
            case CaseOpened() | CaseEntriesAdded() | EffectEntered():
                self._ledger(message)
            case _:
                self._moved(message)

    def holder(self, tenant: str, event: Id) -> Id | None:
        """The incident that took this event in last."""
        return self._holder.get((tenant, event))

    def _opened(self, opened: IncidentOpened) -> None:
        if opened.incident_id in self.incidents:
            return
        self.incidents[opened.incident_id] = Incident(
            tenant=opened.tenant,
            incident_id=opened.incident_id,
            number=opened.number,
            title=opened.title,
            resource=opened.resource,
            severity=opened.severity,
            opened_at=opened.at,
            first_failure_at=opened.first_failure_at,
            reasons=(*opened.reasons, opened.severity_reason),
        )
        self._hold(opened.tenant, opened.incident_id, opened.action_id, opened.at)

    def _hold(self, tenant: str, incident_id: Id, event: Id, at: int) -> None:
        incident = self.incidents.get(incident_id)
        if incident is not None:
            incident.events.setdefault(event, at)
            self._holder[tenant, event] = incident_id

    def _moved(self, message: Any) -> None:
        incident = self.incidents.get(getattr(message, "incident_id", b""))
        if incident is None:
            return
        match message:
            case SeverityRaised() | SeverityChanged():
                incident.severity = message.after
            case IncidentPaged():
                incident.first_page_at = incident.first_page_at or message.at
            case IncidentAcknowledged():
                incident.acknowledged_at = incident.acknowledged_at or message.at
                incident.acknowledged_by = incident.acknowledged_by or message.subject
            case IncidentContained():
                incident.contained_at = incident.contained_at or message.at
            case IncidentResolved():
                incident.resolved_at = message.at
            case IncidentReopened():
                incident.resolved_at = None
            case EscalationStarted():
                incident.policies.append((message.policy, message.policy_reason))
            case EscalationStopped():
                incident.stopped.append((message.at, f"{message.reason} by {message.by}"))
            case EscalationExhausted():
                incident.stopped.append((message.at, f"nobody answered in {message.rounds} rounds"))
            case _:
                pass

    def _requested(self, page: PageRequested, reasons: tuple[str, ...], recorded: bool) -> None:
        if page.notification_id not in self.pages:
            self.pages[page.notification_id] = Page(
                page.tenant,
                page.incident_id,
                page.notification_id,
                page.person,
                page.channel.kind,
                page.channel.address,
                page.step,
                page.round,
                page.why,
                page.at,
                page.severity,
                reasons,
                recorded,
            )

    def _outcome(self, message: PageDelivered | PageFailed) -> None:
        page = self.pages.get(message.notification_id)
        if page is None or page.outcome == "delivered":
            return
        page.outcome = "delivered" if isinstance(message, PageDelivered) else message.outcome
        page.outcome_at = message.at

    def _ledger(self, message: CaseOpened | CaseEntriesAdded | EffectEntered) -> None:
        if isinstance(message, EffectEntered):
            self._entries[message.entry_id] = message.action_id
            return
        if isinstance(message, CaseOpened):
            self.cases[message.case_id] = Case(
                message.tenant,
                message.case_id,
                message.number,
                message.world,
                message.why,
                message.resource,
                message.at,
            )
        case = self.cases.get(message.case_id)
        if case is not None:
            case.actions.add(message.action_id)
            case.actions |= {self._entries[e.entry_id] for e in message.entries if e.entry_id in self._entries}


def seen_of(messages: Iterable[Any]) -> Seen:
    """All of a list of messages."""
    out = Seen()
    for message in messages:
        out.take(message)
    return out
