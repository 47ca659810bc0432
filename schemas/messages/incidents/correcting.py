"""What people say of the grouping itself: split, merge, undo; and which incidents may belong together."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from schemas import ids
from schemas.avro_types import Id16
from schemas.messages.incidents.commands import Severity, State

# Failures that one split may name: 16 KB of ids in a command of at most 1 MB, and 21 KB of its part of 64 KB.
SPLIT_MAX = 1_000
REASON_MAX = 1_000


def split_off_id(command_id: ids.Id, tenant: str) -> ids.Id:
    """The id of the incident that a split makes, known before it is decided. `command_id` is its record's too."""
    return ids.child_id(command_id, "incidents.Incident", ids.key_of(tenant), 0)


# --- commands ----------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class SplitIncident:
    """`subject` says that these failures (their actions' ids) of the incident are another problem."""

    tenant: str
    command_id: Id16
    body_hash: Id16
    subject: str
    incident_id: Id16
    at: int
    events: tuple[Id16, ...]
    reason: str


@dataclass(frozen=True, slots=True)
class MergeIncident:
    """`subject` says that this incident is the same as `into`, which keeps its name."""

    tenant: str
    command_id: Id16
    body_hash: Id16
    subject: str
    incident_id: Id16
    at: int
    into: Id16
    reason: str


@dataclass(frozen=True, slots=True)
class UndoCorrection:
    """`subject` takes back the last split or merge that touched the incident."""

    tenant: str
    command_id: Id16
    body_hash: Id16
    subject: str
    incident_id: Id16
    at: int
    reason: str


# --- events ------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Standing:
    """An incident as it stands after a correction, recounted from its failures. Times as in IncidentResolved.

    `counted` is False where not all failures are remembered: then the totals at the page, the acknowledgement and the
    containment are those from before. `merged_into` names the incident that it is now, `split_from` where it is from.
    """

    incident_id: Id16
    number: int
    state: State
    severity: Severity
    severity_reason: str
    title: str
    resource: str
    fingerprint: str
    error_type: str
    actor: str
    historical: bool
    first_failure_at: int
    last_failure_at: int
    detected_at: int
    failures: int
    affected_count: int
    failures_before_detection: int
    first_page_at: int | None
    failures_before_page: int
    affected_before_page: int
    first_acknowledged_at: int | None
    acknowledged_by: str | None
    failures_before_acknowledge: int
    assignee: str | None
    contained_at: int | None
    failures_before_contain: int
    reports: int
    alerts: int
    alerts_firing: int
    counted: bool
    merged_into: Id16 | None
    split_from: Id16 | None


@dataclass(frozen=True, slots=True)
class IncidentSplit:
    """These failures are an incident of their own now. `incidents` are both as they stand, this one first.

    `separated_by` says by what the two differ, and so where later failures go; `why` says it in words.
    """

    tenant: str
    incident_id: Id16
    number: int
    split_id: Id16
    split_number: int
    correction_id: Id16
    subject: str
    reason: str
    action_ids: tuple[Id16, ...]
    separated_by: Literal["fingerprint", "actor", "nothing"]
    why: str
    incidents: tuple[Standing, ...]
    at: int


@dataclass(frozen=True, slots=True)
class IncidentsMerged:
    """`merged_id` is this incident now. `incidents` are both as they stand, this one first.

    `severity_before` is this one's; where the merged one's was higher, a SeverityRaised follows.
    """

    tenant: str
    incident_id: Id16
    number: int
    merged_id: Id16
    merged_number: int
    correction_id: Id16
    subject: str
    reason: str
    severity_before: Severity
    incidents: tuple[Standing, ...]
    at: int


@dataclass(frozen=True, slots=True)
class Moved:
    """Failures (their actions' ids) that belong to this incident now."""

    incident_id: Id16
    number: int
    action_ids: tuple[Id16, ...]


@dataclass(frozen=True, slots=True)
class CorrectionUndone:
    """The last split or merge of two incidents is taken back. `other_id` is the one that was split off or merged.

    `moved` says where failures went: those of the split back, those that came since by the attach rule; `since` counts
    the latter. `incidents` are all that changed as they stand.
    """

    tenant: str
    incident_id: Id16
    number: int
    other_id: Id16
    other_number: int
    undone: Literal["split", "merge"]
    correction_id: Id16
    subject: str
    reason: str
    since: int
    moved: tuple[Moved, ...]
    incidents: tuple[Standing, ...]
    at: int


@dataclass(frozen=True, slots=True)
class IncidentsRelated:
    """Two incidents may belong together, said once: `score` of 1,000 points, and where they come from."""

    tenant: str
    incident_id: Id16
    number: int
    other_id: Id16
    other_number: int
    score: int
    reasons: tuple[str, ...]
    at: int


COMMANDS = (SplitIncident, MergeIncident, UndoCorrection)
EVENTS = (IncidentSplit, IncidentsMerged, CorrectionUndone, IncidentsRelated)
