"""Pure: what people do together on an incident, in its row (folds), in sentences, and as /v1 shows it.

In the row, as plain JSON: `participants` [{person, at}], `approvals` (as `together` says), `rollbacks` and
`communications`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from projections.incidents.phrases import after, note
from projections.incidents.rows import IncidentRow
from projections.plain import Json, id_text, time_text
from schemas.messages import incidents as said

# The newest of each: a row is loaded and written whole with each event. 10 of at most 3 KB.
KEPT_MAX = 10
Row = Mapping[str, Any]


# --- the row -----------------------------------------------------------------------------------------------------


def _false_alarm(row: IncidentRow, event: said.FalseAlarmMarked, offset: int) -> IncidentRow:
    row = replace(row, resolved_at=event.at, resolved_by=event.subject, note=event.note, postmortem_due_at=None)
    return replace(row, failures=event.failures, affected_count=event.affected_count, version=offset)


def _postmortem(row: IncidentRow, event: said.PostmortemStarted, offset: int) -> IncidentRow:
    first = row.postmortem_at is None
    row = replace(row, postmortem_link=event.link or row.postmortem_link, postmortem_due_at=None, postmortem_held=None)
    if first:
        row = replace(row, postmortem_at=event.at, postmortem_by=event.subject)
    return replace(row, version=offset)


def _held(row: IncidentRow, event: said.AutomaticMoveHeld, offset: int) -> IncidentRow:
    return replace(row, postmortem_held=event.reason, postmortem_due_at=event.again_at, version=offset)


def _escalated(row: IncidentRow, event: said.IncidentEscalated, offset: int) -> IncidentRow:
    return replace(row, escalated_at=event.at, escalated_by=event.subject, version=offset)


def _joined(row: IncidentRow, event: said.ParticipantJoined, offset: int) -> IncidentRow:
    return replace(row, participants=_with(row, event.subject, event.at), version=offset)


def _left(row: IncidentRow, event: said.ParticipantLeft, offset: int) -> IncidentRow:
    return replace(row, participants=_without(row, event.subject), version=offset)


def _handed_off(row: IncidentRow, event: said.IncidentHandedOff, offset: int) -> IncidentRow:
    row = replace(row, participants=_without(row, event.to))
    row = replace(row, participants=_with(row, event.before, event.at))
    row = replace(row, assignee=event.to, assigned_by=event.subject, assigned_at=event.at)
    return replace(row, failures=event.failures, affected_count=event.affected_count, version=offset)


def _commander(row: IncidentRow, event: said.CommanderAssigned, offset: int) -> IncidentRow:
    return replace(row, commander=event.commander, commander_at=event.at, version=offset)


def _no_commander(row: IncidentRow, event: said.CommanderReleased, offset: int) -> IncidentRow:
    return replace(row, commander=None, commander_at=None, version=offset)


def _rollback(row: IncidentRow, event: said.RollbackRequested, offset: int) -> IncidentRow:
    asked = {"change_id": id_text(event.change_id), "what": event.what}
    return replace(row, rollbacks=_newest(row.rollbacks, _done(event) | asked), version=offset)


def _communication(row: IncidentRow, event: said.CommunicationReleased, offset: int) -> IncidentRow:
    told = _done(event) | {"text": event.text}
    return replace(row, communications=_newest(row.communications, told), version=offset)


def _asked(row: IncidentRow, event: said.ApprovalRequested, offset: int) -> IncidentRow:
    asked = {
        "approval": event.approval,
        "state": "pending",
        "action": event.action,
        "asked_by": event.subject,
        "at": time_text(event.at),
        "by_role": event.by_role,
        "signers": list(event.signers),
        "missing": list(event.signers) if event.by_role else [],
        "signed": [],
        "reason": event.reason,
        "text": event.text,
        "change_id": id_text(event.change_id),
        "what": event.what,
        "severity": event.severity,
        "note": event.note,
        "decided_at": None,
        "decided_by": None,
    }
    kept = [*row.approvals, asked]
    if len(kept) > KEPT_MAX:  # at most five wait, so there is one that does not
        kept.remove(next(a for a in kept if a["state"] != "pending"))
    return replace(row, approvals=tuple(kept), version=offset)


def _answered(row: IncidentRow, event: said.ApprovalGiven | said.ApprovalDeclined, offset: int) -> IncidentRow:
    given = isinstance(event, said.ApprovalGiven)
    at, missing = time_text(event.at), list(event.missing) if isinstance(event, said.ApprovalGiven) else []
    out = []
    for asked in row.approvals:
        if asked["approval"] == event.approval:
            signed = (
                [*asked["signed"], {"by": event.subject, "role": event.role, "at": at}] if given else asked["signed"]
            )
            asked = {**asked, "signed": signed}
            if given and missing:
                asked |= {"missing": missing}
            else:
                state = "approved" if given else "declined"
                asked |= {"state": state, "missing": [], "decided_at": at, "decided_by": event.subject}
        out.append(asked)
    return replace(row, approvals=tuple(out), version=offset)


def _done(event: said.RollbackRequested | said.CommunicationReleased) -> Json:
    approved = list(event.approved_by)
    return {"at": time_text(event.at), "by": event.subject, "approved_by": approved, "note": event.note}


def _newest(kept: tuple[Mapping[str, Any], ...], one: Mapping[str, Any]) -> tuple[Mapping[str, Any], ...]:
    return (*kept, one)[-KEPT_MAX:]


def _without(row: IncidentRow, person: str) -> tuple[Mapping[str, Any], ...]:
    return tuple(p for p in row.participants if p["person"] != person)


def _with(row: IncidentRow, person: str, at: int) -> tuple[Mapping[str, Any], ...]:
    return (*_without(row, person), {"person": person, "at": time_text(at)})


FOLDS: Mapping[type, Callable[[IncidentRow, Any, int], IncidentRow]] = {
    said.FalseAlarmMarked: _false_alarm,
    said.PostmortemStarted: _postmortem,
    said.AutomaticMoveHeld: _held,
    said.IncidentEscalated: _escalated,
    said.ParticipantJoined: _joined,
    said.ParticipantLeft: _left,
    said.IncidentHandedOff: _handed_off,
    said.CommanderAssigned: _commander,
    said.CommanderReleased: _no_commander,
    said.RollbackRequested: _rollback,
    said.CommunicationReleased: _communication,
    said.ApprovalRequested: _asked,
    said.ApprovalGiven: _answered,
    said.ApprovalDeclined: _answered,
}


# --- sentences ---------------------------------------------------------------------------------------------------

_ACTION = {"rollback": "a rollback", "communication": "a communication", "severity": "another severity"}


def _approved(event: Any) -> str:
    return f", approved by {' and '.join(event.approved_by)}" if event.approved_by else ""


def _said_postmortem(event: said.PostmortemStarted) -> str:
    where = f" at {event.link}" if event.link else ""
    if event.automatic:
        return f"The postmortem began by itself{note(event)}."
    return f"{event.subject} works on the postmortem{where}{note(event)}."


def _said_escalated(event: said.IncidentEscalated) -> str:
    by = "The incident was escalated" if event.automatic else f"{event.subject} escalated the incident"
    return f"{by} after {after(event)}: {event.reason.rstrip('.')}."


def _said_joined(event: said.ParticipantJoined) -> str:
    primary = f"{event.primary} is primary: ask before acting" if event.primary else "nobody is primary yet"
    return f"{event.subject} joined{note(event)}; {primary}."


def _said_aggregated(event: said.ErrorsAggregated) -> str:
    errors = "was one error more" if event.errors == 1 else f"were {event.errors:,} errors more"
    return f"Nobody has acknowledged it, and there {errors} in {event.window_s} s: who was paged is told."


def _said_muted(event: said.IncidentMuted) -> str:
    span = "a minute" if event.minutes == 1 else f"{event.minutes} minutes"
    return f"{event.subject} muted notices of further errors for {span}{note(event)}; pages are sent all the same."


def _said_handed_off(event: said.IncidentHandedOff) -> str:
    by = "" if event.subject == event.before else f", as {event.subject} decided"
    return f"{event.before} handed the incident off to {event.to}{by}, after {after(event)}{note(event)}."


def _said_asked(event: said.ApprovalRequested) -> str:
    what = {
        "rollback": f"to roll back: {event.what}",
        "communication": f"to tell stakeholders: {(event.text or '').rstrip('.')}",
        "severity": f"to set the severity to {event.severity}",
    }[event.action]
    who = " and ".join(event.signers)
    return f"{event.subject} asked {what}{note(event)}. It waits for {who}: {event.reason}."


def _said_given(event: said.ApprovalGiven) -> str:
    left = f"; {' and '.join(event.missing)} must sign too" if event.missing else ""
    return (
        f"{event.subject} ({event.role}) approved {_ACTION[event.action]} of {event.requested_by}{left}{note(event)}."
    )


def _said_declined(event: said.ApprovalDeclined) -> str:
    if event.subject == event.requested_by:
        return f"{event.subject} took back what they asked: {_ACTION[event.action]}{note(event)}."
    return f"{event.subject} ({event.role}) declined {_ACTION[event.action]} of {event.requested_by}{note(event)}."


SENTENCES: Mapping[type, Callable[[Any], str]] = {
    said.FalseAlarmMarked: lambda e: f"{e.subject} called it a false alarm, after {after(e)}{note(e)}.",
    said.PostmortemStarted: _said_postmortem,
    said.AutomaticMoveHeld: lambda e: f"The {e.move} did not begin by itself: {e.reason}.",
    said.IncidentEscalated: _said_escalated,
    said.ParticipantJoined: _said_joined,
    said.ParticipantLeft: lambda e: f"{e.subject} left{note(e)}.",
    said.IncidentHandedOff: _said_handed_off,
    said.ErrorsAggregated: _said_aggregated,
    said.IncidentMuted: _said_muted,
    said.RollbackRequested: lambda e: f"{e.subject} asked to roll back {e.what}{_approved(e)}{note(e)}.",
    said.CommunicationReleased: lambda e: f"{e.subject} tells stakeholders{_approved(e)}: {e.text.rstrip('.')}.",
    said.CommanderAssigned: lambda e: f"{e.commander} is incident commander, named by {e.subject}{note(e)}.",
    said.CommanderReleased: lambda e: f"{e.commander} is incident commander no more, said {e.subject}{note(e)}.",
    said.ApprovalRequested: _said_asked,
    said.ApprovalGiven: _said_given,
    said.ApprovalDeclined: _said_declined,
}


# --- as /v1 shows it ---------------------------------------------------------------------------------------------


def together(row: Row) -> Json:
    """Who works on an incident and what waits: `primary` is its assignee; `approvals` are the newest, oldest first.

    Each is {approval, state: pending | approved | declined, action, asked_by, at, by_role, signers, missing,
    signed: [{by, role, at}], reason, text, change_id, what, severity, note, decided_at, decided_by}.
    """
    return {
        "primary": row["assignee"],
        "participants": row["participants"],
        "commander": row["commander"],
        "commander_at": time_text(row["commander_at"]),
        "approvals": row["approvals"],
        "rollbacks": row["rollbacks"],
        "communications": row["communications"],
        "escalated_at": time_text(row["escalated_at"]),
        "escalated_by": row["escalated_by"],
        "reopens": row["reopens"],
        "acknowledged_channel": row["acknowledged_channel"],
        "acknowledged_reference": row["acknowledged_reference"],
        "postmortem_due_at": time_text(row["postmortem_due_at"]),
        "postmortem_at": time_text(row["postmortem_at"]),
        "postmortem_by": row["postmortem_by"],
        "postmortem_link": row["postmortem_link"],
        "postmortem_held": row["postmortem_held"],
    }
