"""Pure: one plain English sentence per event, for people who read an incident's timeline."""

from __future__ import annotations

from typing import Any

from schemas.messages import incidents as said


def count(number: int, one: str, many: str | None = None) -> str:
    """`1 failure`, `2 failures`."""
    return f"{number:,} {one if number == 1 else many or one + 's'}"


def _after(event: Any) -> str:
    affected = f" and {event.affected_count:,} affected" if event.affected_count else ""
    return f"{count(event.failures, 'failure')}{affected}"


def sentence(event: Any, resource: str | None) -> str:
    """What happened. `resource` is the incident's, where the event does not say it. Total over the stream's events."""
    where = f" on {resource}" if resource else ""
    match event:
        case said.IncidentOpened():
            past = " It is history: nobody is paged." if event.historical else ""
            return (
                f"INC-{event.number} opened as {event.severity}: {event.actor}'s {event.action_type}"
                f" failed{where} with {event.error_type}.{past}"
            )
        case said.SignalAttached():
            return f"{event.actor}'s {event.action_type} failed too{where}: {_after(event)} so far."
        case said.SeverityRaised():
            reason = event.reason.rstrip(".")
            return f"The severity went from {event.before} to {event.after} after {_after(event)}: {reason}."
        case said.IncidentPaged():
            return f"{event.person} is the first person a page reached, by {event.channel}, after {_after(event)}."
        case said.IncidentAcknowledged():
            return f"{event.subject} acknowledged and is on it, after {_after(event)}."
        case said.IncidentStateChanged():
            return f"The state went from {event.before} to {event.after} by {event.by}: {event.reason.rstrip('.')}."
        case said.IncidentResolved():
            note = f": {event.note.rstrip('.')}" if event.note else ""
            return f"{event.subject} resolved the incident after {_after(event)}{note}."
        case said.CommandRefused():
            return f"{event.subject} asked to {_verb(event.command)} and was refused: {event.why.rstrip('.')}."
        case said.ChangeRecorded():
            return _change(event)
        case said.HealedFailureCounted():
            tries = count(event.failed_tries, "failed try", "failed tries")
            return f"{event.actor}'s {event.action_type} succeeded{where} after {tries}; nobody was told."
    raise AssertionError(f"no sentence for {type(event).__name__}")


def _verb(command: str) -> str:
    """`AcknowledgeIncident` → `acknowledge`."""
    return command.removesuffix("Incident").lower() or command


def _change(event: said.ChangeRecorded) -> str:
    match event.before, event.after:
        case (str() as before, str() as after):
            what = f" from {before} to {after}"
        case (None, str() as after):
            what = f" to {after}"
        case _:
            what = ""
    summary = f": {event.summary.rstrip('.')}" if event.summary else ""
    return f"{event.actor} changed {event.resource} ({event.kind}){what}{summary}."


def speaker(event: Any) -> str | None:
    """Who did it: the agent, the person, or None when nobody did."""
    match event:
        case said.IncidentOpened() | said.SignalAttached() | said.ChangeRecorded():
            return str(event.actor)
        case said.IncidentAcknowledged() | said.IncidentResolved() | said.CommandRefused():
            return str(event.subject)
        case said.IncidentPaged():
            return event.person
        case said.IncidentStateChanged():
            return event.by
    return None
