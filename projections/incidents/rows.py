"""The rows of incidents, and their tables."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from projections.tables import Table
from schemas.avro_types import Id16


@dataclass(frozen=True, slots=True)
class IncidentRow:
    """An incident as it is now. Times in ms: of failures event time, of all else log time. `version` = last offset.

    `cause`, `severities` and what responding.py says are plain JSON as /v1 shows them (see shapes.py).
    """

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
    trigger: str = "error"
    assigned_by: str | None = None
    contained_at: int | None = None
    contained_by: str | None = None
    failures_before_contain: int | None = None
    reopened_at: int | None = None
    closed_at: int | None = None
    closed_by: str | None = None
    reports: int = 0
    alerts: int = 0
    alerts_firing: int = 0
    confidence: str | None = None
    cause: Mapping[str, Any] | None = None
    cause_resource: str | None = None
    severities: tuple[Mapping[str, Any], ...] = ()
    assigned_at: int | None = None
    participants: tuple[Mapping[str, Any], ...] = ()
    commander: str | None = None
    commander_at: int | None = None
    approvals: tuple[Mapping[str, Any], ...] = ()
    rollbacks: tuple[Mapping[str, Any], ...] = ()
    communications: tuple[Mapping[str, Any], ...] = ()
    escalated_at: int | None = None
    escalated_by: str | None = None
    reopens: int = 0
    acknowledged_channel: str | None = None
    acknowledged_reference: str | None = None
    postmortem_due_at: int | None = None
    postmortem_at: int | None = None
    postmortem_by: str | None = None
    postmortem_link: str | None = None
    postmortem_held: str | None = None
    trigger_confidence: str = "high"
    kind: str = "failure"
    classified: Mapping[str, Any] | None = None
    in_maintenance: str | None = None
    merged_into: Id16 | None = None
    split_from: Id16 | None = None
    opened_why: tuple[str, ...] = ()


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
    recorded_by: str | None = None
    difference: Mapping[str, Any] | None = None
    links: tuple[str, ...] = ()
    freeze: str | None = None
    freeze_message: str | None = None


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
    words: str


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


@dataclass(frozen=True, slots=True)
class ReportRow:
    """What a person or an agent reported; `report_id` is its command's id."""

    tenant: str
    report_id: Id16
    incident_id: Id16
    topic: str
    partition: int
    offset: int
    append_time: int
    subject: str
    subject_kind: str
    resource: str
    what: str
    severity: str | None
    since: int | None
    opened: bool
    at: int


@dataclass(frozen=True, slots=True)
class AlertRow:
    """A firing alert of an incident. Times in ms: `starts_at` is the sender's, `at` log time."""

    tenant: str
    alert_id: Id16
    incident_id: Id16
    topic: str
    partition: int
    offset: int
    append_time: int
    source: str
    fingerprint: str
    name: str
    resource: str
    resource_from: str
    summary: str | None
    severity: str | None
    link: str | None
    starts_at: int
    opened: bool
    at: int


@dataclass(frozen=True, slots=True)
class AlertEndRow:
    """An alert of an incident is over. `ends_at` is the sender's, `at` log time."""

    tenant: str
    alert_id: Id16
    incident_id: Id16
    topic: str
    partition: int
    offset: int
    append_time: int
    ends_at: int | None
    at: int


INCIDENTS = Table.of("incidents", IncidentRow, ("tenant", "incident_id"))
CHANGES = Table.of("changes", ChangeRow, ())
HEALED = Table.of("healed_failures", HealedRow, ())
ANSWERS = Table.of("answers", AnswerRow, ("tenant", "command_id"))
REFUSALS = Table.of("refusals", RefusalRow, ())
REPORTS = Table.of("reports", ReportRow, ())
ALERTS = Table.of("alerts", AlertRow, ())
ALERT_ENDS = Table.of("alert_ends", AlertEndRow, ())
