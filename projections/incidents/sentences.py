"""Pure: one plain English sentence per event, for people who read an incident's timeline."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

from projections.incidents import attributed, blast, corrected, flooding, responding, triggered
from projections.incidents.phrases import after, count, note
from projections.incidents.shapes import cause_text
from projections.plain import time_text
from schemas.messages import incidents as said

# The sentence of each event of a theme with a file of its own (its sentences stand beside it).
THEMES: Mapping[type, Callable[[Any], str]] = {
    **responding.SENTENCES,
    **blast.SENTENCES,
    **corrected.SENTENCES,
    **triggered.SENTENCES,
    **flooding.SENTENCES,
    **attributed.SENTENCES,
}


def sentence(event: Any, resource: str | None) -> str:
    """What happened. `resource` is the incident's, where the event does not say it. Total over the stream's events."""
    return _sentence(event, resource) + triggered.silence(event)


def _sentence(event: Any, resource: str | None) -> str:
    where = f" on {resource}" if resource else ""
    match event:
        case said.IncidentOpened(trigger="report"):
            return f"INC-{event.number} opened as {event.severity}: {event.actor} reported a problem{where}."
        case said.IncidentOpened(trigger="alert"):
            return f"INC-{event.number} opened as {event.severity}: an alert of {event.actor} fires{where}."
        case said.IncidentOpened(trigger="threshold" | "suggestion"):
            return triggered.opened(event, where)
        case said.IncidentOpened() if event.split_from is not None:
            these = count(event.failures, "failure")
            return f"INC-{event.number} opened as {event.severity} with {these}{where}: {event.reasons[0].rstrip('.')}."
        case said.IncidentOpened():
            past = " It is history: nobody is paged." if event.historical else ""
            return (
                f"INC-{event.number} opened as {event.severity}: {event.actor}'s {event.action_type}"
                f" failed{where} with {event.error_type}.{past}"
            )
        case said.SignalAttached():
            return f"{event.actor}'s {event.action_type} failed too{where}: {after(event)} so far."
        case said.SeverityRaised():
            reason = event.reason.rstrip(".")
            return f"The severity went from {event.before} to {event.after} after {after(event)}: {reason}."
        case said.IncidentPaged():
            return f"{event.person} is the first person a page reached, by {event.channel}, after {after(event)}."
        case said.IncidentAcknowledged():
            where = f" by {event.channel}" if event.channel else ""
            return f"{event.subject} acknowledged{where} and is on it, after {after(event)}."
        case said.IncidentStateChanged():
            return f"The state went from {event.before} to {event.after} by {event.by}: {event.reason.rstrip('.')}."
        case said.IncidentResolved():
            return f"{event.subject} resolved the incident after {after(event)}{note(event)}."
        case said.CommandRefused():
            return f"{event.subject} asked to {_verb(event.command)} and was refused: {event.why.rstrip('.')}."
        case said.ChangeRecorded():
            return _change(event)
        case said.HealedFailureCounted():
            tries = count(event.failed_tries, "failed try", "failed tries")
            return f"{event.actor}'s {event.action_type} succeeded{where} after {tries}; nobody was told."
    return _more(event)


def _more(event: Any) -> str:
    """The sentences of people's moves, of reports, alerts and causes."""
    match event:
        case said.IncidentAssigned():
            return f"{event.subject} assigned it to {event.assignee}, after {after(event)}{note(event)}."
        case said.IncidentContained():
            return f"{event.subject} contained it: no more harm is done, after {after(event)}{note(event)}."
        case said.IncidentReopened():
            by = "The incident was reopened by itself" if event.automatic else f"{event.subject} reopened the incident"
            return f"{by}{note(event)}."
        case said.IncidentClosed():
            return f"{event.subject} closed the incident{note(event)}."
        case said.SeverityChanged():
            approved = f", approved by {' and '.join(event.approved_by)}" if event.approved_by else ""
            return f"{event.subject} set the severity from {event.before} to {event.after}{approved}{note(event)}."
        case said.ReportAttached():
            since = f", since {time_text(event.since)}" if event.since is not None else ""
            return f"{event.subject} reported on {event.resource}{since}: {event.what.rstrip('.')}."
        case said.AlertAttached():
            summary = f": {event.summary.rstrip('.')}" if event.summary else ""
            return f"The alert {event.name} of {event.source} fires on {event.resource}{summary}."
        case said.AlertResolved():
            left = f"; {count(event.still_firing, 'alert')} still firing" if event.still_firing else ""
            return f"The alert {event.name} of {event.source} is over{left}."
        case said.CauseSuggested():
            return _cause(event)
    return THEMES[type(event)](event)


def _cause(event: said.CauseSuggested) -> str:
    if event.change_id is None:
        return f"No likely cause: no candidate among {count(event.weighed, 'change')}."
    return f"Likely cause ({event.confidence} confidence): {cause_text(event)}."


def _verb(command: str) -> str:
    """`AcknowledgeIncident` → `acknowledge`, `ChangeSeverity` → `change severity`."""
    words = re.findall("[A-Z][a-z]*", command.removesuffix("Incident"))
    return " ".join(word.lower() for word in words) or command


def _change(event: said.ChangeRecorded) -> str:
    match event.before, event.after:
        case (str() as before, str() as after):
            what = f" from {before} to {after}"
        case (None, str() as after):
            what = f" to {after}"
        case _:
            what = ""
    summary = f": {event.summary.rstrip('.')}" if event.summary else ""
    told = f", as {event.recorded_by} told" if event.recorded_by and event.recorded_by != event.actor else ""
    return f"{event.actor} changed {event.resource} ({event.kind}){what}{summary}{told}.{triggered.freeze(event)}"


def speaker(event: Any) -> str | None:
    """Who did it: the agent, the person, or None when nobody did."""
    match event:
        case said.IncidentOpened() | said.SignalAttached() | said.ChangeRecorded():
            return str(event.actor)
        case said.IncidentAcknowledged() | said.IncidentResolved() | said.CommandRefused() | said.ReportAttached():
            return str(event.subject)
        case said.IncidentAssigned() | said.IncidentContained() | said.IncidentReopened() | said.IncidentClosed():
            return str(event.subject)
        case said.SeverityChanged():
            return event.subject
        case said.AlertAttached() | said.AlertResolved():
            return str(event.source)
        case said.IncidentPaged():
            return event.person
        case said.IncidentStateChanged():
            return event.by
    by: str | None = getattr(event, "subject", None)  # of a theme's events whoever asked for it
    return by
