"""Pure: sentences and folds of crossed thresholds, alerts' notes, maintenance windows and suggestions."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from projections.incidents.phrases import after, count, note
from projections.incidents.rows import IncidentRow
from schemas import scaled
from schemas.messages import incidents as said


def opened(event: said.IncidentOpened, where: str) -> str:
    """The sentence of an incident that a threshold or a suggestion opened."""
    what = f"{event.title.rstrip('.')}"
    if event.trigger == "suggestion":
        return f"INC-{event.number} opened as {event.severity}: {event.actor} accepted a suggestion{where}: {what}."
    return f"INC-{event.number} opened as {event.severity}: {what}{where}."


def silence(event: Any) -> str:
    """What is said behind a sentence whose sign fell into a maintenance window; else nothing."""
    window = getattr(event, "in_maintenance", None)
    return f" It is in the maintenance window {window}: nobody is paged." if window else ""


def freeze(event: said.ChangeRecorded) -> str:
    """What is said behind a change that was made in a change freeze; else nothing."""
    if event.freeze is None:
        return ""
    words = f": {event.freeze_message.rstrip('.')}" if event.freeze_message else ""
    return f" It was made in the change freeze {event.freeze}{words}."


def _value(value: int, unit: str | None) -> str:
    return scaled.text(value) + (f" {unit}" if unit else "")


def _breached(event: said.ThresholdBreached) -> str:
    side = "over" if event.side == "above" else "under"
    held = f" for {count(event.held_s, 'second')}" if event.held_s else ""
    share = ""
    if event.baseline is not None and event.ratio_permille is not None:
        share = f", {event.ratio_permille / 10:g} % of the usual {_value(event.baseline, event.unit)}"
    by = f", by {event.actor}" if event.actor else ""
    return (
        f"{event.name} on {event.resource} is {_value(event.value, event.unit)}, {side}"
        f" {_value(event.limit, event.unit)}{held}{share}{by}."
    )


def _recovered(event: said.ThresholdRecovered) -> str:
    return (
        f"{event.name} on {event.resource} is back at {_value(event.value, event.unit)} after"
        f" {count(event.lasted_s, 'second')}."
    )


def _silence_over(event: said.MaintenanceOver) -> str:
    what = f"its severity {event.severity}" if event.raised else "it"
    return f"People are told of {what} now, after {after(event)}: the maintenance window {event.window} kept it silent."


def _accepted(event: said.SuggestionAccepted) -> str:
    return f"{event.subject} accepted SUG-{event.suggestion} ({event.confidence} confidence){note(event)}."


SENTENCES: Mapping[type, Callable[[Any], str]] = {
    said.ThresholdBreached: _breached,
    said.ThresholdRecovered: _recovered,
    said.AlertNoted: lambda event: f"The alert {event.name} was {event.what}, says {event.source}: {event.reasons[0]}.",
    said.MaintenanceOver: _silence_over,
    said.SuggestionAccepted: _accepted,
    said.IncidentSuggested: lambda event: f"SUG-{event.number}: {event.title.rstrip('.')}.",
    said.SuggestionSupported: lambda event: f"SUG-{event.number} was seen again: {event.reason.rstrip('.')}.",
    said.SuggestionDismissed: lambda event: (
        f"{event.subject} dismissed SUG-{event.number}: {event.reason.rstrip('.')}."
    ),
    said.SuggestionExpired: lambda event: f"Nobody decided on SUG-{event.number} in time.",
}


def _silent(row: IncidentRow, event: Any, offset: int) -> IncidentRow:
    return replace(row, in_maintenance=None, version=offset)


FOLDS: Mapping[type, Callable[[IncidentRow, Any, int], IncidentRow]] = {said.MaintenanceOver: _silent}
