"""Pure: incidents.events to rows. An incident's row is a fold of its events; everything else is appended."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from projections.entries import Entry, entry
from projections.incidents.sentences import sentence, speaker
from projections.plain import id_text
from projections.reading import Said
from projections.tables import Table
from schemas.avro_types import Id16
from schemas.messages import incidents as said
from schemas.messages.kernel import Answer
from schemas.record import Record

Key = tuple[str, bytes]


@dataclass(frozen=True, slots=True)
class IncidentRow:
    """An incident as it is now. Times in ms: of failures event time, of all else log time. `version` = last offset."""

    tenant: str
    incident_id: Id16
    number: int
    state: str
    severity: str
    severity_reason: str
    title: str
    resource: str
    fingerprint: str
    error_type: str
    sample: str
    actor: str
    historical: bool
    opened_at: int
    first_failure_at: int
    last_failure_at: int
    failures: int
    affected_count: int
    failures_before_detection: int
    version: int
    first_page_at: int | None = None
    failures_before_page: int | None = None
    affected_before_page: int | None = None
    acknowledged_at: int | None = None
    last_acknowledged_at: int | None = None
    failures_before_acknowledge: int | None = None
    assignee: str | None = None
    resolved_at: int | None = None
    resolved_by: str | None = None
    note: str | None = None


@dataclass(frozen=True, slots=True)
class ChangeRow:
    """A change of a resource, with its sentence for an incident's timeline."""

    tenant: str
    change_id: Id16
    topic: str
    partition: int
    offset: int
    append_time: int
    resource: str
    kind: str
    before: str | None
    after: str | None
    summary: str | None
    actor: str
    action_id: Id16
    event_time: int
    at: int
    text: str


@dataclass(frozen=True, slots=True)
class HealedRow:
    """A failure that its retry healed."""

    tenant: str
    topic: str
    partition: int
    offset: int
    append_time: int
    resource: str
    fingerprint: str
    actor: str
    action_type: str
    action_id: Id16
    failed_tries: int
    total: int
    at: int


@dataclass(frozen=True, slots=True)
class AnswerRow:
    """The answer to a command. `event_ids` are UUID texts."""

    tenant: str
    command_id: Id16
    code: str
    reasons: tuple[str, ...]
    event_ids: tuple[str, ...]
    append_time: int


@dataclass(frozen=True, slots=True)
class RefusalRow:
    """A person's command that was declined."""

    tenant: str
    topic: str
    partition: int
    offset: int
    append_time: int
    command_id: Id16
    incident_id: Id16
    subject: str
    command: str
    code: str
    why: str
    remedy: str
    at: int


INCIDENTS = Table.of("incidents", IncidentRow, ("tenant", "incident_id"))
CHANGES = Table.of("changes", ChangeRow, ())
HEALED = Table.of("healed_failures", HealedRow, ())
ANSWERS = Table.of("answers", AnswerRow, ("tenant", "command_id"))
REFUSALS = Table.of("refusals", RefusalRow, ())


@dataclass(frozen=True, slots=True)
class Changes:
    """What one batch changes: incidents as they are after it, and appended rows."""

    incidents: tuple[IncidentRow, ...]
    events: tuple[Entry, ...]
    changes: tuple[ChangeRow, ...]
    healed: tuple[HealedRow, ...]
    answers: tuple[AnswerRow, ...]
    refusals: tuple[RefusalRow, ...]


def keys(batch: Iterable[Said]) -> list[Key]:
    """Which incidents' rows a batch needs, sorted."""
    found = {(e.message.tenant, e.message.incident_id) for e in batch if hasattr(e.message, "incident_id")}
    return sorted(found)


def project(batch: Iterable[Said], present: Mapping[Key, IncidentRow]) -> Changes:
    """Fold a batch over the rows that are there (`present`: those of `keys(batch)` that exist)."""
    now: dict[Key, IncidentRow] = dict(present)
    touched: dict[Key, None] = {}
    out: tuple[list[Any], ...] = ([], [], [], [], [])
    events, changes, healed, answers, refusals = out
    for each in batch:
        record, message = each.record, each.message
        match message:
            case Answer():
                answers.append(_answer(record, message))
            case said.ChangeRecorded():
                changes.append(_change(record, message))
            case said.HealedFailureCounted():
                healed.append(_healed(record, message))
            case _:
                key = (message.tenant, message.incident_id)
                row = evolve(now.get(key), message, record.offset)
                if row is not None and row != now.get(key):
                    now[key] = row
                    touched[key] = None
                row = now.get(key)
                text = sentence(message, row.resource if row is not None else None)
                events.append(entry(record, message, text, speaker(message)))
                if isinstance(message, said.CommandRefused):
                    refusals.append(_refusal(record, message))
    rows = tuple(now[key] for key in touched)
    return Changes(rows, tuple(events), tuple(changes), tuple(healed), tuple(answers), tuple(refusals))


def evolve(row: IncidentRow | None, event: Any, offset: int) -> IncidentRow | None:
    """An incident's row after one event; unchanged by events that say nothing about it. Total."""
    if isinstance(event, said.IncidentOpened):
        return _opened(event, offset)
    if row is None:
        return None  # the log keeps these events for ever, so an incident begins with its opening
    match event:
        case said.SignalAttached():
            first, last = min(row.first_failure_at, event.event_time), max(row.last_failure_at, event.event_time)
            row = replace(row, sample=event.sample, first_failure_at=first, last_failure_at=last)
            return _totals(row, event, offset)
        case said.SeverityRaised():
            row = replace(row, severity=event.after, severity_reason=event.reason)
            return _totals(row, event, offset)
        case said.IncidentPaged():
            return _paged(_totals(row, event, offset), event)
        case said.IncidentAcknowledged():
            return _acknowledged(_totals(row, event, offset), event)
        case said.IncidentStateChanged():
            return replace(row, state=event.after, version=offset)
        case said.IncidentResolved():
            row = replace(row, state="resolved", resolved_at=event.at, resolved_by=event.subject, note=event.note)
            return _totals(row, event, offset)
    return row


def _opened(event: said.IncidentOpened, offset: int) -> IncidentRow:
    return IncidentRow(
        tenant=event.tenant,
        incident_id=event.incident_id,
        number=event.number,
        state="detected",
        severity=event.severity,
        severity_reason=event.severity_reason,
        title=event.title,
        resource=event.resource,
        fingerprint=event.fingerprint,
        error_type=event.error_type,
        sample=event.sample,
        actor=event.actor,
        historical=event.historical,
        opened_at=event.at,
        first_failure_at=event.first_failure_at,
        last_failure_at=event.event_time,
        failures=1,
        affected_count=0 if event.affected is None else 1,
        failures_before_detection=1,
        version=offset,
    )


def _totals(row: IncidentRow, event: Any, offset: int) -> IncidentRow:
    return replace(row, failures=event.failures, affected_count=event.affected_count, version=offset)


def _paged(row: IncidentRow, event: said.IncidentPaged) -> IncidentRow:
    if row.first_page_at is not None:
        return row
    return replace(
        row,
        first_page_at=event.at,
        failures_before_page=event.failures,
        affected_before_page=event.affected_count,
    )


def _acknowledged(row: IncidentRow, event: said.IncidentAcknowledged) -> IncidentRow:
    row = replace(row, assignee=event.subject, last_acknowledged_at=event.at)
    if row.acknowledged_at is not None:
        return row
    return replace(row, acknowledged_at=event.at, failures_before_acknowledge=event.failures)


def _change(record: Record, event: said.ChangeRecorded) -> ChangeRow:
    return ChangeRow(
        tenant=event.tenant,
        change_id=event.change_id,
        topic=record.topic,
        partition=record.partition,
        offset=record.offset,
        append_time=record.append_time,
        resource=event.resource,
        kind=event.kind,
        before=event.before,
        after=event.after,
        summary=event.summary,
        actor=event.actor,
        action_id=event.action_id,
        event_time=event.event_time,
        at=event.at,
        text=sentence(event, event.resource),
    )


def _healed(record: Record, event: said.HealedFailureCounted) -> HealedRow:
    return HealedRow(
        tenant=event.tenant,
        topic=record.topic,
        partition=record.partition,
        offset=record.offset,
        append_time=record.append_time,
        resource=event.resource,
        fingerprint=event.fingerprint,
        actor=event.actor,
        action_type=event.action_type,
        action_id=event.action_id,
        failed_tries=event.failed_tries,
        total=event.total,
        at=event.at,
    )


def _answer(record: Record, answer: Answer) -> AnswerRow:
    events = tuple(id_text(i) or "" for i in answer.event_ids)
    return AnswerRow(answer.tenant, answer.command_id, answer.code, answer.reasons, events, record.append_time)


def _refusal(record: Record, event: said.CommandRefused) -> RefusalRow:
    return RefusalRow(
        tenant=event.tenant,
        topic=record.topic,
        partition=record.partition,
        offset=record.offset,
        append_time=record.append_time,
        command_id=event.command_id,
        incident_id=event.incident_id,
        subject=event.subject,
        command=event.command,
        code=event.code,
        why=event.why,
        remedy=event.remedy,
        at=event.at,
    )
