"""Refusals of people's commands: what, why, and what is allowed instead. A refusal is an event that the asker reads."""

from __future__ import annotations

from typing import Any

from processors.incidents import moves
from processors.incidents.state import Incident
from processors.kernel.decider import Command, Decision, Event
from schemas.ids import key_of
from schemas.messages.incidents import CommandRefused


def refuse(command: Command, wish: Any, code: str, why: str, remedy: str) -> Decision:
    """The refusal of a person's command (`wish`: any message with tenant, command_id, subject and incident_id)."""
    refused = CommandRefused(
        tenant=wish.tenant,
        command_id=wish.command_id,
        subject=wish.subject,
        incident_id=wish.incident_id,
        command=type(wish).__name__,
        code=code,
        why=why,
        remedy=remedy,
        at=command.now,
    )
    return Decision((Event(key_of(wish.tenant), refused),), reasons=(code,), answer=code)


def unknown(command: Command, wish: Any) -> Decision:
    """The incident is not in the state."""
    why = "no open incident has this id; it never existed, or it was closed more than 30 days ago"
    remedy = "Look it up in the list of incidents and take its id from there."
    return refuse(command, wish, "unknown_or_closed", why, remedy)


def not_allowed(command: Command, wish: Any, verb: str, incident: Incident) -> Decision:
    """What the incident's state does not allow."""
    allowed = f"Allowed now: {moves.allowed(incident.state)}."
    name = f"INC-{incident.number}"
    match incident.state:
        case "closed":
            return refuse(
                command, wish, "already_closed", f"{name} is closed", f"{allowed} A new failure opens a new incident."
            )
        case "resolved":
            ago_s = (command.now - (incident.resolved_at or command.now)) // 1000
            why = f"{name} was resolved by {incident.resolved_by} {ago_s} s ago"
            return refuse(command, wish, "already_resolved", why, f"{allowed} The same symptoms would reopen it.")
        case "postmortem":
            return refuse(command, wish, "in_postmortem", f"{name} is over and in its postmortem", allowed)
        case "false_alarm":
            why = f"{name} was a false alarm, as {incident.resolved_by} said"
            return refuse(command, wish, "already_false_alarm", why, allowed)
        case "merged":
            return refuse(command, wish, "already_merged", f"{name} was merged into another incident", allowed)
    why = f"{name} is {incident.state}"
    match verb:
        case "contain":
            return refuse(command, wish, "already_contained", f"{name} is contained already", allowed)
        case "reopen" | "close" | "postmortem":
            return refuse(command, wish, "not_resolved", why, allowed)
        case "handoff" | "rollback":
            return refuse(command, wish, "no_primary", f"{why}, and nobody has taken it", f"Take it first. {allowed}")
    why = f"{why}; {verb} is possible only while it is {moves.only_from(verb)}"
    return refuse(command, wish, "not_allowed_now", why, allowed)
