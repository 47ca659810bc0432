"""What people said of the grouping, in rows, moves of timeline entries, and sentences.

A merged incident's row stays and says what it is now (`merged_into`); its entries stay with it, and whoever reads the
other one reads both. A split moves the entries of its failures to the new incident; an undo moves them back.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any
from uuid import UUID

from projections import writing
from projections.incidents.phrases import count
from projections.incidents.rows import IncidentRow
from projections.plain import time_text
from projections.reading import Said
from projections.tables import Table, values_of
from projections.writing import Connection
from schemas.avro_types import Id16
from schemas.messages import incidents as said

CORRECTIONS = (said.IncidentSplit, said.IncidentsMerged, said.CorrectionUndone)
# As many moves of the severity as fold.py keeps.
SEVERITIES_MAX = 50
# What opened an incident stays on its own timeline, also when that failure is another's now.
_MOVE = """update incident_events set incident_id = %s
 where tenant = %s and action_id = any(%s) and kind = 'SignalAttached'"""


@dataclass(frozen=True, slots=True)
class Move:
    """Entries of these actions belong to this incident now. Not a row: it is done to rows, in the log's order."""

    tenant: str
    incident_id: Id16
    action_ids: tuple[Id16, ...]


@dataclass(frozen=True, slots=True)
class RelatedRow:
    """Two incidents that may belong together; `incident_id` is the younger one."""

    tenant: str
    incident_id: Id16
    other_id: Id16
    number: int
    other_number: int
    score: int
    reasons: tuple[str, ...]
    at: int
    version: int


RELATED = Table.of("related_incidents", RelatedRow, ("tenant", "incident_id", "other_id"))


def also(event: Any) -> Iterator[Id16]:
    """Whose rows an event changes beside that of its own incident."""
    if isinstance(event, CORRECTIONS):
        for one in event.incidents:
            yield one.incident_id


def other(event: Any) -> Id16 | None:
    """On whose timeline an event stands beside its own incident's."""
    match event:
        case said.CorrectionUndone(undone="merge"):
            return event.other_id
        case said.IncidentsRelated():
            return event.other_id
        case _:
            return None


def moves(event: Any) -> tuple[Move, ...]:
    """The entries that a correction moves."""
    match event:
        case said.IncidentSplit():
            return (Move(event.tenant, event.split_id, event.action_ids),)
        case said.CorrectionUndone():
            return tuple(Move(event.tenant, m.incident_id, m.action_ids) for m in event.moved)
        case _:
            return ()


def stands(row: IncidentRow | None, standing: said.Standing, at: int, by: str, offset: int) -> IncidentRow | None:
    """An incident's row as a correction says that it stands; None for one that is not there."""
    if row is None:
        return None
    severities = row.severities
    if standing.severity != row.severity:
        move = {"at": time_text(at), "from": row.severity, "to": standing.severity}
        severities = (*severities, move | {"reason": standing.severity_reason, "by": by})[-SEVERITIES_MAX:]
        row = replace(row, severity_reason=standing.severity_reason)
    row = replace(
        row,
        state=standing.state,
        severity=standing.severity,
        severities=severities,
        title=standing.title,
        resource=standing.resource,
        fingerprint=standing.fingerprint or row.fingerprint,
        error_type=standing.error_type or row.error_type,
        actor=standing.actor or row.actor,
        opened_at=standing.detected_at,
        first_failure_at=standing.first_failure_at,
        last_failure_at=standing.last_failure_at,
        failures=standing.failures,
        affected_count=standing.affected_count,
        first_page_at=standing.first_page_at,
        acknowledged_at=standing.first_acknowledged_at,
        assignee=standing.assignee,
        contained_at=standing.contained_at,
        reports=standing.reports,
        alerts=standing.alerts,
        alerts_firing=standing.alerts_firing,
        merged_into=standing.merged_into,
        split_from=standing.split_from,
        version=offset,
    )
    if not standing.counted:
        return row
    return replace(
        row,
        failures_before_detection=standing.failures_before_detection,
        failures_before_page=standing.failures_before_page if standing.first_page_at is not None else None,
        affected_before_page=standing.affected_before_page if standing.first_page_at is not None else None,
        failures_before_acknowledge=_when(standing.first_acknowledged_at, standing.failures_before_acknowledge),
        failures_before_contain=_when(standing.contained_at, standing.failures_before_contain),
    )


def _when(at: int | None, number: int) -> int | None:
    return None if at is None else number


def related(event: said.IncidentsRelated, offset: int) -> RelatedRow:
    """The row of two incidents that may belong together."""
    return RelatedRow(
        event.tenant,
        event.incident_id,
        event.other_id,
        event.number,
        event.other_number,
        event.score,
        event.reasons,
        event.at,
        offset,
    )


def write(connection: Connection, batch: Sequence[Said]) -> None:
    """Inside the transaction, after the entries of the batch: entries move in the order of the log."""
    for each in batch:
        for move in moves(each.message):
            ids = [UUID(bytes=i) for i in move.action_ids]
            connection.execute(_MOVE, (UUID(bytes=move.incident_id), move.tenant, ids))
    pairs = {
        (e.message.tenant, e.message.incident_id, e.message.other_id): related(e.message, e.record.offset)
        for e in batch
        if isinstance(e.message, said.IncidentsRelated)
    }
    writing.append_once(connection, RELATED, [values_of(row) for row in pairs.values()])


def _split(event: said.IncidentSplit) -> str:
    these = count(len(event.action_ids), "failure")
    return f"{event.subject} split {these} off as INC-{event.split_number}: {_end(event.reason)}; {event.why}."


def _merged(event: said.IncidentsMerged) -> str:
    now = count(event.incidents[0].failures, "failure")
    return (
        f"{event.subject} merged INC-{event.merged_number} into INC-{event.number}: {_end(event.reason)};"
        f" {now} together."
    )


def _undone(event: said.CorrectionUndone) -> str:
    since = f"; {count(event.since, 'failure')} that came since decided anew" if event.since else ""
    what = (
        f"the split of INC-{event.other_number} from INC-{event.number}"
        if event.undone == "split"
        else f"the merge of INC-{event.other_number} into INC-{event.number}"
    )
    return f"{event.subject} undid {what}: {_end(event.reason)}{since}."


def _related(event: said.IncidentsRelated) -> str:
    why = "; ".join(event.reasons)
    return f"INC-{event.number} may be related to INC-{event.other_number} ({event.score} of 1,000 points): {why}."


def _end(text: str) -> str:
    return text.rstrip(".")


SENTENCES: Mapping[type, Callable[[Any], str]] = {
    said.IncidentSplit: _split,
    said.IncidentsMerged: _merged,
    said.CorrectionUndone: _undone,
    said.IncidentsRelated: _related,
}
