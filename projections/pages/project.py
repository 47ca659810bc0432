"""Pure: notifications.events to rows. What is folded is one incident's paging: its pages and its escalation."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from projections.entries import Entry, entry
from projections.pages.sentences import sentence, speaker
from projections.reading import Said
from projections.tables import Table
from schemas.avro_types import Id16
from schemas.messages import notifications as said

Key = tuple[str, bytes]  # tenant, incident id

# How an outcome of an attempt reads in the page: no answer in time is as unknown as an answer that says so.
_OUTCOMES = {"failed": "failed", "unknown": "unknown", "no_outcome": "unknown"}


@dataclass(frozen=True, slots=True)
class PageRow:
    """A page as it is now. `requested_place` is the offset of its first request: the order of a tenant's pages."""

    tenant: str
    notification_id: Id16
    incident_id: Id16
    number: int
    person: str
    channel_kind: str
    channel_address: str
    why: str
    severity: str
    title: str
    resource: str
    since: int
    failures: int
    affected_count: int
    also_paged: tuple[str, ...]
    step: int
    steps: int
    round: int
    rounds: int
    link: str
    attempts: int
    requested_at: int
    outcome: str
    requested_place: int
    version: int
    detail: str = ""
    outcome_at: int | None = None
    acknowledged_at: int | None = None


@dataclass(frozen=True, slots=True)
class EscalationRow:
    """How far the paging of an incident has come: running, stopped (acknowledged, resolved) or exhausted."""

    tenant: str
    incident_id: Id16
    number: int
    state: str
    policy: str
    policy_reason: str
    why: str
    started_at: int
    version: int
    stopped_at: int | None = None
    stopped_by: str | None = None
    stop_reason: str | None = None
    exhausted_at: int | None = None
    fallback: str | None = None
    rounds: int | None = None


PAGES = Table.of("pages", PageRow, ("tenant", "notification_id"))
ESCALATIONS = Table.of("escalations", EscalationRow, ("tenant", "incident_id"))


@dataclass(frozen=True, slots=True)
class Paging:
    """One incident's paging."""

    escalation: EscalationRow | None = None
    pages: Mapping[bytes, PageRow] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Changes:
    """What one batch changes: rows as they are after it, and appended entries."""

    pages: tuple[PageRow, ...]
    escalations: tuple[EscalationRow, ...]
    events: tuple[Entry, ...]


def keys(batch: Iterable[Said]) -> list[Key]:
    """Which incidents' paging a batch needs, sorted."""
    return sorted({(each.message.tenant, each.message.incident_id) for each in batch})


def project(batch: Iterable[Said], present: Mapping[Key, Paging]) -> Changes:
    """Fold a batch over the paging that is there."""
    now: dict[Key, Paging] = dict(present)
    events: list[Entry] = []
    for each in batch:
        event = each.message
        key = (event.tenant, event.incident_id)
        before = now.get(key, Paging())
        now[key] = evolve(before, event, each.record.offset)
        events.append(entry(each.record, event, sentence(event), speaker(event)))
    pages: list[PageRow] = []
    escalations: list[EscalationRow] = []
    for key, paging in now.items():
        old = present.get(key, Paging())
        pages += [page for i, page in paging.pages.items() if page != old.pages.get(i)]
        if paging.escalation is not None and paging.escalation != old.escalation:
            escalations.append(paging.escalation)
    return Changes(tuple(pages), tuple(escalations), tuple(events))


def evolve(paging: Paging, event: Any, offset: int) -> Paging:
    """An incident's paging after one event. Total over the stream's events."""
    match event:
        case said.EscalationStarted():
            return replace(paging, escalation=_started(event, offset))
        case said.PageRequested():
            return _with(paging, _requested(paging.pages.get(event.notification_id), event, offset))
        case said.PageDelivered():
            page = paging.pages.get(event.notification_id)
            if page is None:
                return paging
            # The first delivery is the one that counts; a repeated attempt's does not move it.
            first = page.outcome == "delivered"
            at, detail = (page.outcome_at, page.detail) if first else (event.at, event.detail)
            return _with(paging, replace(page, outcome="delivered", outcome_at=at, detail=detail, version=offset))
        case said.PageFailed():
            page = paging.pages.get(event.notification_id)
            if page is None or page.outcome == "delivered":
                return paging
            outcome = _OUTCOMES[event.outcome]
            return _with(
                paging,
                replace(page, outcome=outcome, outcome_at=event.at, detail=event.detail, version=offset),
            )
        case said.EscalationStopped():
            return _stopped(paging, event, offset)
        case said.EscalationExhausted():
            row = replace(
                paging.escalation or _without_policy(event, offset),
                state="exhausted",
                exhausted_at=event.at,
                fallback=event.fallback,
                rounds=event.rounds,
                version=offset,
            )
            return replace(paging, escalation=row)
        case said.NoticeRequested():
            return paging  # no page: it is on the timeline only
    raise AssertionError(f"no such event on notifications.events: {type(event).__name__}")


def _with(paging: Paging, page: PageRow) -> Paging:
    return replace(paging, pages={**paging.pages, page.notification_id: page})


def _started(event: said.EscalationStarted, offset: int) -> EscalationRow:
    return EscalationRow(
        tenant=event.tenant,
        incident_id=event.incident_id,
        number=event.number,
        state="running",
        policy=event.policy,
        policy_reason=event.policy_reason,
        why=event.why,
        started_at=event.at,
        version=offset,
    )


def _without_policy(event: said.EscalationExhausted, offset: int) -> EscalationRow:
    """A tenant without any policy is exhausted at once: nothing started."""
    return EscalationRow(
        tenant=event.tenant,
        incident_id=event.incident_id,
        number=event.number,
        state="running",
        policy=event.policy,
        policy_reason="",
        why="opened",
        started_at=event.at,
        version=offset,
    )


def _requested(page: PageRow | None, event: said.PageRequested, offset: int) -> PageRow:
    if page is not None:
        # Asked again: open until this attempt has an outcome, unless one was delivered already.
        again = replace(page, attempts=max(page.attempts, event.attempt), version=offset)
        return again if page.outcome == "delivered" else replace(again, outcome="pending", outcome_at=None)
    return PageRow(
        tenant=event.tenant,
        notification_id=event.notification_id,
        incident_id=event.incident_id,
        number=event.number,
        person=event.person,
        channel_kind=event.channel.kind,
        channel_address=event.channel.address,
        why=event.why,
        severity=event.severity,
        title=event.title,
        resource=event.resource,
        since=event.since,
        failures=event.failures,
        affected_count=event.affected_count,
        also_paged=event.also_paged,
        step=event.step,
        steps=event.steps,
        round=event.round,
        rounds=event.rounds,
        link=event.link,
        attempts=event.attempt,
        requested_at=event.at,
        outcome="pending",
        requested_place=offset,
        version=offset,
    )


def _stopped(paging: Paging, event: said.EscalationStopped, offset: int) -> Paging:
    row = paging.escalation
    if row is not None:
        row = replace(
            row,
            state="stopped",
            stopped_at=event.at,
            stopped_by=event.by,
            stop_reason=event.reason,
            version=offset,
        )
    if event.reason != "acknowledged":
        return replace(paging, escalation=row)
    pages = {
        i: replace(page, acknowledged_at=event.at, version=offset)
        if page.person == event.by and page.acknowledged_at is None
        else page
        for i, page in paging.pages.items()
    }
    return Paging(row, pages)
