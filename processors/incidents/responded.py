"""evolve, for what people do together and what happens by itself. Total, without rules."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from processors.incidents.events import GateKept
from processors.incidents.responders import (
    GATES_PER_RESOURCE,
    PARTICIPANTS,
    Approvals,
    Asked,
    Gates,
    Responders,
    Signed,
    approvals_part,
    people_part,
)
from processors.incidents.state import incident_part
from processors.kernel.decider import View
from schemas.ids import key_of
from schemas.messages.incidents import (
    ApprovalDeclined,
    ApprovalGiven,
    ApprovalRequested,
    AutomaticMoveHeld,
    CommanderAssigned,
    CommanderReleased,
    IncidentHandedOff,
    ParticipantJoined,
    ParticipantLeft,
    PostmortemStarted,
)

Parts = Mapping[str, Any | None]


def _part(event: Any) -> str:
    return incident_part(key_of(event.tenant), event.incident_id)


def _with(view: View, event: Any, **changes: Any) -> dict[str, Any | None]:
    incident = view.get(_part(event))
    return {} if incident is None else {_part(event): replace(incident, **changes)}


def _people(view: View, event: Any, joined: str | None, left: str | None) -> dict[str, Any | None]:
    """The participants with one more and one less; nothing for an incident that is not there."""
    if view.get(_part(event)) is None:
        return {}
    part = people_part(_part(event))
    before: Responders | None = view.get(part)
    there = tuple(p for p in (before.participants if before is not None else ()) if p not in (joined, left))
    if joined is not None and len(there) < PARTICIPANTS:
        there = (*there, joined)
    return {part: Responders(there)} if there else {part: None} if before is not None else {}


def _joined(view: View, event: ParticipantJoined) -> Parts:
    return _people(view, event, event.subject, None)


def _left(view: View, event: ParticipantLeft) -> Parts:
    return _people(view, event, None, event.subject)


def _handed_off(view: View, event: IncidentHandedOff) -> Parts:
    # Who gives it away still knows most of it.
    return _with(view, event, assignee=event.to) | _people(view, event, event.before, event.to)


def _commander(view: View, event: CommanderAssigned) -> Parts:
    return _with(view, event, commander=event.commander)


def _no_commander(view: View, event: CommanderReleased) -> Parts:
    return _with(view, event, commander=None)


def _asked(view: View, event: ApprovalRequested) -> Parts:
    if view.get(_part(event)) is None:
        return {}
    part = approvals_part(_part(event))
    before = view.get(part) or Approvals()
    asked = Asked(
        approval=event.approval,
        action=event.action,
        subject=event.subject,
        by_role=event.by_role,
        missing=event.signers if event.by_role else (),
        signed=(),
        text=event.text,
        change_id=event.change_id,
        what=event.what,
        severity=event.severity,
        note=event.note,
    )
    return {part: Approvals(event.approval, (*before.pending, asked))}


def _answered(view: View, event: ApprovalGiven | ApprovalDeclined) -> Parts:
    part = approvals_part(_part(event))
    before: Approvals | None = view.get(part)
    if before is None:
        return {}
    pending = []
    for asked in before.pending:
        if asked.approval != event.approval:
            pending.append(asked)
        elif isinstance(event, ApprovalGiven) and event.missing:
            signed = (*asked.signed, Signed(event.subject, event.role))
            pending.append(replace(asked, missing=event.missing, signed=signed))
    return {part: Approvals(before.last, tuple(pending))}


def _gate(view: View, event: GateKept) -> Parts:
    before = view.get(event.part) or Gates()
    gates = (*before.gates, event.gate)
    if len(gates) <= GATES_PER_RESOURCE:
        return {event.part: replace(before, gates=gates)}
    at = gates[0].event_time
    return {
        event.part: Gates(
            gates=gates[1:],
            more=before.more + 1,
            more_from=min(before.more_from, at) if before.more else at,
            more_until=max(before.more_until, at) if before.more else at,
        )
    }


def _held(view: View, event: AutomaticMoveHeld) -> Parts:
    return _with(view, event, postmortem_held=True)


def _postmortem(view: View, event: PostmortemStarted) -> Parts:
    return _with(view, event, postmortem_held=False)


HANDLERS: Mapping[type, Callable[[View, Any], Parts]] = {
    ParticipantJoined: _joined,
    ParticipantLeft: _left,
    IncidentHandedOff: _handed_off,
    CommanderAssigned: _commander,
    CommanderReleased: _no_commander,
    ApprovalRequested: _asked,
    ApprovalGiven: _answered,
    ApprovalDeclined: _answered,
    GateKept: _gate,
    AutomaticMoveHeld: _held,
    PostmortemStarted: _postmortem,
}
