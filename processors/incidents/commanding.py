"""decide, for the incident commander and what needs a word: rollback, stakeholder communication, severity (seed 17.3).

Where there is a commander, these three wait for the commander's word. On an RML-3 incident (an open case on its
resource in its time) the commander coordinates only: the accountable roles sign communication and severity (DESIGN 9).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, cast

from processors.incidents import automatic, moves
from processors.incidents.refusals import not_allowed, refuse
from processors.incidents.responders import PENDING, TEXT_CHARACTERS, Approvals, Asked, approvals_part
from processors.incidents.responding import ACCEPTED, Path, not_primary, unknown_person
from processors.incidents.rules import clip
from processors.incidents.state import Change, Incident, RecentChange, changes_part, incident_part, recent_part
from processors.kernel.decider import Command, Decision, Event, View
from schemas.configuration import People
from schemas.ids import Id, key_of
from schemas.messages.incidents import (
    ApprovalDeclined,
    ApprovalGiven,
    ApprovalRequested,
    ApproveAction,
    AssignCommander,
    ChangeSeverity,
    CommanderAssigned,
    CommanderReleased,
    CommunicateIncident,
    CommunicationReleased,
    DeclineAction,
    ReleaseCommander,
    RequestRollback,
    RollbackRequested,
    SeverityChanged,
)

Verb = Callable[[Command, Any, Incident, Path, View], Decision]
# RACI of the RML-3 chapter, remediation policy and communication: both are accountable, so both sign.
ACCOUNTABLE: Mapping[str, tuple[str, ...]] = {
    "communication": ("business", "legal"),
    "severity": ("business", "legal"),
}
COMMANDER = "commander"
VERB_OF = {"rollback": "rollback", "communication": "communicate", "severity": "severity"}


@dataclass(frozen=True, slots=True)
class Needed:
    """Whose word an action needs, and why."""

    by_role: bool
    signers: tuple[str, ...]
    reason: str


# --- the commander -----------------------------------------------------------------------------------------------


def _assign(command: Command, wish: AssignCommander, incident: Incident, path: Path, view: View) -> Decision:
    name = f"INC-{incident.number}"
    if wish.commander == incident.commander:
        why = f"{wish.commander} is incident commander of {name} already"
        return refuse(command, wish, "already_commander", why, "Nothing is left to do.")
    if incident.commander is not None and wish.subject not in (incident.commander, incident.assignee):
        why = f"{incident.commander} is incident commander of {name}, and there is one only"
        remedy = f"Ask {incident.commander} to hand the command over, or the primary to release it."
        return refuse(command, wish, "commander_exists", why, remedy)
    stranger = unknown_person(command, wish, wish.commander, view)
    if stranger is not None:
        return stranger
    assigned = CommanderAssigned(
        tenant=wish.tenant,
        incident_id=incident.incident_id,
        number=incident.number,
        subject=wish.subject,
        commander=wish.commander,
        before=incident.commander,
        note=wish.note,
        at=command.now,
    )
    return Decision((Event(key_of(wish.tenant), assigned),), reasons=("commander_assigned",), answer=ACCEPTED)


def _release(command: Command, wish: ReleaseCommander, incident: Incident, path: Path, view: View) -> Decision:
    if incident.commander is None:
        why = f"INC-{incident.number} has no incident commander"
        return refuse(command, wish, "no_commander", why, "Nothing is left to do.")
    if wish.subject not in (incident.commander, incident.assignee):
        why = f"only {incident.commander} or the primary may end the command of INC-{incident.number}"
        return refuse(command, wish, "not_commander", why, f"Ask {incident.commander}.")
    released = CommanderReleased(
        wish.tenant,
        incident.incident_id,
        incident.number,
        wish.subject,
        incident.commander,
        wish.note,
        command.now,
    )
    return Decision((Event(key_of(wish.tenant), released),), reasons=("commander_released",), answer=ACCEPTED)


# --- what may need a word ----------------------------------------------------------------------------------------


def _severity(command: Command, wish: ChangeSeverity, incident: Incident, path: Path, view: View) -> Decision:
    if wish.severity == incident.severity:
        why = f"INC-{incident.number} is {incident.severity} already"
        return refuse(command, wish, "severity_unchanged", why, "Name another severity.")
    return _ask(command, wish, incident, view, _asked(wish, "severity", severity=wish.severity))


def _communicate(command: Command, wish: CommunicateIncident, incident: Incident, path: Path, view: View) -> Decision:
    text = clip(wish.text, TEXT_CHARACTERS)
    return _ask(command, wish, incident, view, _asked(wish, "communication", text=text))


def _rollback(command: Command, wish: RequestRollback, incident: Incident, path: Path, view: View) -> Decision:
    """Only the primary, or the commander: two people who undo two things at once make a second incident."""
    if incident.assignee is None or wish.subject not in (incident.assignee, incident.commander):
        return not_primary(command, wish, incident, "ask for a rollback")
    change_id = wish.change_id or incident.cause_id
    if change_id is None:
        why = f"INC-{incident.number} has no suggested cause, so it is not known what to undo"
        return refuse(command, wish, "change_required", why, "Name the change by its id.")
    what = _change_named(view, key_of(wish.tenant), incident, change_id)
    if what is None and change_id != incident.cause_id:
        why = f"no change with the id {change_id.hex()} is kept of {incident.resource} or among the last of all"
        return refuse(command, wish, "change_unknown", why, "Take the id of a change from the incident's timeline.")
    named = what or "the suggested cause"
    return _ask(command, wish, incident, view, _asked(wish, "rollback", change_id=change_id, what=named))


def _asked(wish: Any, action: Any, **more: Any) -> Asked:
    plain: dict[str, Any] = {"text": None, "change_id": None, "what": None, "severity": None}
    note = None if wish.note is None else clip(wish.note, TEXT_CHARACTERS)
    return Asked(0, action, wish.subject, False, (), (), note=note, **(plain | more))


def _change_named(view: View, key: str, incident: Incident, change_id: Id) -> str | None:
    kept = view.get(changes_part(key, incident.resource))
    own: tuple[Change, ...] = kept.changes if kept is not None else ()
    for change in own:
        if change.change_id == change_id:
            arrow = " → ".join(part for part in (change.before, change.after) if part)
            what = f"{change.kind} {arrow}" if arrow else change.kind
            return clip(f"{what} of {incident.resource} by {change.actor}", TEXT_CHARACTERS)
    recent = view.get(recent_part(key))
    others: tuple[RecentChange, ...] = recent.changes if recent is not None else ()
    for short in others:
        if short.change_id == change_id:
            return clip(f"{short.kind} of {short.resource} by {short.actor}", TEXT_CHARACTERS)
    return None


def _ask(command: Command, wish: Any, incident: Incident, view: View, asked: Asked) -> Decision:
    """In effect at once where nobody else has a word in it, else it waits for those who have."""
    needed = _needed(command, wish, incident, view, asked.action)
    if isinstance(needed, Decision):
        return needed
    if needed is None:
        return Decision(
            (_effect(command, wish.tenant, incident, asked, ()),), reasons=(_DONE[asked.action],), answer=ACCEPTED
        )
    approvals = _approvals(view, key_of(wish.tenant), incident)
    waiting = next((a for a in approvals.pending if _what(a) == _what(asked)), None)
    if waiting is not None:
        why = f"{waiting.subject} has asked for the same, it is approval {waiting.approval} of INC-{incident.number}"
        return refuse(command, wish, "already_asked", why, f"It waits for {', '.join(needed.signers)}.")
    if len(approvals.pending) >= PENDING:
        why = f"{len(approvals.pending)} approvals of INC-{incident.number} are waiting, no more are kept"
        return refuse(command, wish, "too_many_approvals", why, "Have one of them approved or declined first.")
    event = ApprovalRequested(
        tenant=wish.tenant,
        incident_id=incident.incident_id,
        number=incident.number,
        approval=approvals.last + 1,
        action=asked.action,
        subject=wish.subject,
        by_role=needed.by_role,
        signers=needed.signers,
        reason=needed.reason,
        text=asked.text,
        change_id=asked.change_id,
        what=asked.what,
        severity=asked.severity,
        note=asked.note,
        at=command.now,
    )
    return Decision((Event(key_of(wish.tenant), event),), reasons=("approval_requested",), answer=ACCEPTED)


def _needed(command: Command, wish: Any, incident: Incident, view: View, action: str) -> Needed | Decision | None:
    people = cast(People, view.config(wish.tenant, "people"))
    cases = automatic.open_cases(view, key_of(wish.tenant), incident) if action in ACCOUNTABLE else ()
    if cases:
        roles = ACCOUNTABLE[action]
        nobody = [role for role in roles if not any(role in p.roles for p in people.people)]
        # Without a commander and without any of the roles, a tenant has not taken up this way of working.
        if incident.commander is not None or len(nobody) < len(roles):
            why = f"{automatic.said_cases(cases)} open, so {' and '.join(roles)} sign the {action}"
            if nobody:
                remedy = f"Give the role {' and '.join(nobody)} to people of the document `people`."
                return refuse(command, wish, "nobody_can_sign", f"{why}, and nobody has {' or '.join(nobody)}", remedy)
            return Needed(True, roles, why)
    if incident.commander is not None and incident.commander != wish.subject:
        return Needed(False, (incident.commander,), f"{incident.commander} is incident commander")
    return None


_DONE = {
    "severity": "severity_changed",
    "communication": "communication_released",
    "rollback": "rollback_requested",
}


def _what(asked: Asked) -> tuple[Any, ...]:
    return (asked.action, asked.text, asked.change_id, asked.severity)


def _effect(command: Command, tenant: str, incident: Incident, asked: Asked, approved: tuple[str, ...]) -> Event:
    """What was asked takes effect, in the name of who asked."""
    head = (tenant, incident.incident_id, incident.number)
    match asked.action:
        case "rollback":
            assert asked.change_id is not None  # a rollback is asked with a change
            what = asked.what or ""
            said: Any = RollbackRequested(
                *head, asked.subject, asked.change_id, what, approved, asked.note, command.now
            )
        case "communication":
            text = asked.text or ""
            said = CommunicationReleased(*head, asked.subject, text, approved, asked.note, command.now)
        case "severity":
            assert asked.severity is not None  # a severity is asked with one
            said = SeverityChanged(
                tenant=tenant,
                incident_id=incident.incident_id,
                number=incident.number,
                resource=incident.resource,
                title=incident.title,
                before=incident.severity,
                after=asked.severity,
                subject=asked.subject,
                note=asked.note,
                first_failure_at=incident.first_failure_at,
                failures=incident.failures,
                affected_count=incident.affected_count,
                historical=incident.historical,
                at=command.now,
                approved_by=approved,
            )
    return Event(key_of(tenant), said)


# --- the word ----------------------------------------------------------------------------------------------------


def _approve(command: Command, wish: ApproveAction, incident: Incident, path: Path, view: View) -> Decision:
    asked = _pending(command, wish, incident, view)
    if isinstance(asked, Decision):
        return asked
    if moves.path(VERB_OF[asked.action], incident.state) is None:
        return not_allowed(command, wish, VERB_OF[asked.action], incident)
    role = _role(command, wish, incident, view, asked)
    if isinstance(role, Decision):
        return role
    missing = tuple(r for r in asked.missing if r != role)
    given = Event(
        key_of(wish.tenant),
        ApprovalGiven(
            tenant=wish.tenant,
            incident_id=incident.incident_id,
            number=incident.number,
            approval=asked.approval,
            action=asked.action,
            subject=wish.subject,
            role=role,
            requested_by=asked.subject,
            missing=missing,
            note=wish.note,
            at=command.now,
        ),
    )
    if missing:
        return Decision((given,), reasons=("approval_signed",), answer=ACCEPTED)
    if asked.action == "severity" and asked.severity == incident.severity:
        return Decision((given,), reasons=("approved", "severity_is_that_already"), answer=ACCEPTED)
    signed = [f"{s.subject} ({s.role})" for s in asked.signed]
    names = (*signed, f"{wish.subject} ({role})")
    effect = _effect(command, wish.tenant, incident, asked, names)
    return Decision((given, effect), reasons=("approved", _DONE[asked.action]), answer=ACCEPTED)


def _decline(command: Command, wish: DeclineAction, incident: Incident, path: Path, view: View) -> Decision:
    """By those who have a word in it; who asked may take it back."""
    asked = _pending(command, wish, incident, view)
    if isinstance(asked, Decision):
        return asked
    own = wish.subject == asked.subject
    role = "asked for it" if own else _role(command, wish, incident, view, asked)
    if isinstance(role, Decision):
        return role
    declined = ApprovalDeclined(
        tenant=wish.tenant,
        incident_id=incident.incident_id,
        number=incident.number,
        approval=asked.approval,
        action=asked.action,
        subject=wish.subject,
        role=role,
        requested_by=asked.subject,
        note=wish.note,
        at=command.now,
    )
    return Decision((Event(key_of(wish.tenant), declined),), reasons=("declined",), answer=ACCEPTED)


def _pending(command: Command, wish: Any, incident: Incident, view: View) -> Asked | Decision:
    pending = _approvals(view, key_of(wish.tenant), incident).pending
    found = next((a for a in pending if a.approval == wish.approval), None)
    if found is not None:
        return found
    waiting = ", ".join(f"{a.approval} ({a.action})" for a in pending) or "none"
    why = f"approval {wish.approval} of INC-{incident.number} is not waiting"
    return refuse(command, wish, "approval_unknown", why, f"Waiting now: {waiting}.")


def _role(command: Command, wish: Any, incident: Incident, view: View, asked: Asked) -> str | Decision:
    """In which role `subject` has a word in it, or the refusal that names who has."""
    if not asked.by_role:
        return _as_commander(command, wish, incident, view, asked)
    people = cast(People, view.config(wish.tenant, "people"))
    person = people.person(wish.subject)
    roles = [role for role in asked.missing if person is not None and role in person.roles]
    if wish.role is not None:
        roles = [role for role in roles if role == wish.role]
    if not roles:
        who = "; ".join(
            f"{role}: {', '.join(p.id for p in people.people if role in p.roles) or 'nobody'}" for role in asked.missing
        )
        coordinates = " coordinates, and" if wish.subject == incident.commander else ""
        why = f"{wish.subject}{coordinates} has none of the roles that still sign the {asked.action}"
        return refuse(command, wish, "role_must_sign", why, f"These must sign: {who}.")
    if wish.subject == asked.subject and isinstance(wish, ApproveAction):
        why = f"{wish.subject} asked for it, and nobody signs what they asked for"
        return refuse(command, wish, "own_request", why, f"Somebody else with the role {roles[0]} must sign.")
    if any(s.subject == wish.subject for s in asked.signed):
        why = f"{wish.subject} has signed it in another role"
        return refuse(command, wish, "already_signed", why, f"Somebody else must sign as {', '.join(asked.missing)}.")
    return roles[0]


def _as_commander(command: Command, wish: Any, incident: Incident, view: View, asked: Asked) -> str | Decision:
    cases = automatic.open_cases(view, key_of(wish.tenant), incident) if asked.action in ACCOUNTABLE else ()
    if cases and isinstance(wish, ApproveAction):
        roles = " and ".join(ACCOUNTABLE[asked.action])
        why = f"{automatic.said_cases(cases)} open by now, so {roles} sign the {asked.action}"
        return refuse(command, wish, "role_must_sign", why, "Decline this one and ask again: they will be asked.")
    if wish.subject != incident.commander:
        commander = f"{incident.commander} is" if incident.commander else "nobody is"
        why = f"{commander} incident commander of INC-{incident.number}"
        remedy = f"Ask {incident.commander}." if incident.commander else "Name a commander, or ask for it again."
        return refuse(command, wish, "not_commander", why, remedy)
    return COMMANDER


def _approvals(view: View, key: str, incident: Incident) -> Approvals:
    found: Approvals | None = view.get(approvals_part(incident_part(key, incident.incident_id)))
    return found or Approvals()


VERBS: Mapping[type, tuple[str, Verb]] = {
    ChangeSeverity: ("severity", _severity),
    RequestRollback: ("rollback", _rollback),
    CommunicateIncident: ("communicate", _communicate),
    AssignCommander: ("commander", _assign),
    ReleaseCommander: ("release-commander", _release),
    ApproveAction: ("approve", _approve),
    DeclineAction: ("decline", _decline),
}
