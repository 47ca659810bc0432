"""Pure: incidents.events to rows. An incident's row is a fold of its events (fold.py); everything else is appended."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields, replace
from typing import Any, TypeVar

from projections.entries import Entry, entry
from projections.incidents import corrected
from projections.incidents.difference import difference
from projections.incidents.fold import evolve
from projections.incidents.rows import (
    AlertEndRow,
    AlertRow,
    AnswerRow,
    ChangeRow,
    HealedRow,
    IncidentRow,
    RefusalRow,
    ReportRow,
)
from projections.incidents.sentences import sentence, speaker
from projections.plain import id_text
from projections.reading import Said
from schemas.messages import incidents as said
from schemas.messages.kernel import Answer
from schemas.record import Record

Key = tuple[str, bytes]
Row = TypeVar("Row")


@dataclass(frozen=True, slots=True)
class Changes:
    """What one batch changes: incidents as they are after it, and appended rows."""

    incidents: tuple[IncidentRow, ...]
    events: tuple[Entry, ...]
    changes: tuple[ChangeRow, ...]
    healed: tuple[HealedRow, ...]
    answers: tuple[AnswerRow, ...]
    refusals: tuple[RefusalRow, ...]
    reports: tuple[ReportRow, ...]
    alerts: tuple[AlertRow, ...]
    alert_ends: tuple[AlertEndRow, ...]


def keys(batch: Iterable[Said]) -> list[Key]:
    """Which incidents' rows a batch needs, sorted."""
    found = {
        (e.message.tenant, incident_id)
        for e in batch
        if hasattr(e.message, "incident_id")
        for incident_id in (e.message.incident_id, *corrected.also(e.message))
    }
    return sorted(found)


# Events that leave a row of their own beside their sentence on the timeline.
_ROWS: Mapping[type, type] = {
    said.CommandRefused: RefusalRow,
    said.ReportAttached: ReportRow,
    said.AlertAttached: AlertRow,
    said.AlertResolved: AlertEndRow,
}


def project(batch: Iterable[Said], present: Mapping[Key, IncidentRow]) -> Changes:
    """Fold a batch over the rows that are there (`present`: those of `keys(batch)` that exist)."""
    now: dict[Key, IncidentRow] = dict(present)
    touched: dict[Key, None] = {}
    entries: list[Entry] = []
    answers: list[AnswerRow] = []
    appended: list[Any] = []
    for each in batch:
        record, message = each.record, each.message
        match message:
            case Answer():
                answers.append(_answer(record, message))
            case said.ChangeRecorded():
                text, compared = sentence(message, message.resource), difference(message.before, message.after)
                appended.append(_row(ChangeRow, record, message, text=text, difference=compared))
            case said.HealedFailureCounted():
                appended.append(_row(HealedRow, record, message))
            case _ if not hasattr(message, "incident_id"):
                continue  # of no incident: its theme's own rows
            case _:
                key = (message.tenant, message.incident_id)
                _fold(now, touched, key, evolve(now.get(key), message, record.offset))
                for one in message.incidents if isinstance(message, corrected.CORRECTIONS) else ():
                    own = (message.tenant, one.incident_id)
                    stands = corrected.stands(now.get(own), one, message.at, message.subject, record.offset)
                    _fold(now, touched, own, stands)
                row = now.get(key)
                entries.append(_entry(record, message, row.resource if row is not None else None))
                other = corrected.other(message)
                if other is not None:
                    entries.append(replace(entries[-1], incident_id=other))
                if type(message) in _ROWS:
                    appended.append(_row(_ROWS[type(message)], record, message))
    return Changes(
        incidents=tuple(now[key] for key in touched),
        events=tuple(entries),
        changes=_only(ChangeRow, appended),
        healed=_only(HealedRow, appended),
        answers=tuple(answers),
        refusals=_only(RefusalRow, appended),
        reports=_only(ReportRow, appended),
        alerts=_only(AlertRow, appended),
        alert_ends=_only(AlertEndRow, appended),
    )


def _fold(now: dict[Key, IncidentRow], touched: dict[Key, None], key: Key, row: IncidentRow | None) -> None:
    if row is not None and row != now.get(key):
        now[key] = row
        touched[key] = None


def _only(kind: type[Row], rows: Iterable[Any]) -> tuple[Row, ...]:
    return tuple(row for row in rows if isinstance(row, kind))


def _entry(record: Record, message: Any, resource: str | None) -> Entry:
    out = entry(record, message, sentence(message, resource), speaker(message))
    # An incident that a report or an alert opened begins with no agent's action.
    action = isinstance(message, said.IncidentOpened) and message.trigger != "error"
    return replace(out, action_id=None) if action else out


def _row(kind: type[Row], record: Record, event: Any, **more: Any) -> Row:
    """A row with the event's fields, its place in the log, and `more`."""
    place = ("topic", "partition", "offset", "append_time")
    names = [f.name for f in fields(kind) if f.name not in more]  # type: ignore[arg-type]  # every Row is a dataclass
    return kind(**{name: getattr(record if name in place else event, name) for name in names}, **more)


def _answer(record: Record, answer: Answer) -> AnswerRow:
    events = tuple(id_text(i) or "" for i in answer.event_ids)
    return AnswerRow(answer.tenant, answer.command_id, answer.code, answer.reasons, events, record.append_time)
