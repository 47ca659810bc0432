"""The incident commander, and what needs a word: rollback, stakeholder communication, severity.

Times are ms of log time; `subject` is the token's. Nothing is undone and nothing is sent by any of this: it is said,
and people act on it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Literal

from schemas.avro_types import Fallback, Id16
from schemas.messages.incidents.commands import Severity

# What an incident commander, or the accountable roles of an RML-3 incident, must agree to.
Approvable = Annotated[Literal["rollback", "communication", "severity"], Fallback("communication")]


# --- commands: people, through the gateway ------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class RequestRollback:
    """`subject` asks that a change be undone; without `change_id` the suggested cause. Nothing is undone by this."""

    tenant: str
    command_id: Id16
    body_hash: Id16
    subject: str
    incident_id: Id16
    at: int
    change_id: Id16 | None = None
    note: str | None = None


@dataclass(frozen=True, slots=True)
class CommunicateIncident:
    """`subject` wants stakeholders to be told this text. Nothing is sent by this."""

    tenant: str
    command_id: Id16
    body_hash: Id16
    subject: str
    incident_id: Id16
    at: int
    text: str
    note: str | None = None


@dataclass(frozen=True, slots=True)
class AssignCommander:
    """`subject` makes `commander` the incident commander."""

    tenant: str
    command_id: Id16
    body_hash: Id16
    subject: str
    incident_id: Id16
    at: int
    commander: str
    note: str | None = None


@dataclass(frozen=True, slots=True)
class ReleaseCommander:
    """`subject` ends the command of the incident; it is led by its primary again."""

    tenant: str
    command_id: Id16
    body_hash: Id16
    subject: str
    incident_id: Id16
    at: int
    note: str | None = None


@dataclass(frozen=True, slots=True)
class ApproveAction:
    """`subject` agrees to the asked action number `approval`; in `role` where it is signed by roles."""

    tenant: str
    command_id: Id16
    body_hash: Id16
    subject: str
    incident_id: Id16
    at: int
    approval: int
    role: str | None = None
    note: str | None = None


@dataclass(frozen=True, slots=True)
class DeclineAction:
    """`subject` does not agree to the asked action number `approval`."""

    tenant: str
    command_id: Id16
    body_hash: Id16
    subject: str
    incident_id: Id16
    at: int
    approval: int
    role: str | None = None
    note: str | None = None


# --- events -------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class RollbackRequested:
    """A change is asked to be undone; `what` names it. Advice to people and agents, nothing is undone by it."""

    tenant: str
    incident_id: Id16
    number: int
    subject: str
    change_id: Id16
    what: str
    approved_by: tuple[str, ...]
    note: str | None
    at: int


@dataclass(frozen=True, slots=True)
class CommunicationReleased:
    """Stakeholders may be told this text; nothing is sent by it."""

    tenant: str
    incident_id: Id16
    number: int
    subject: str
    text: str
    approved_by: tuple[str, ...]
    note: str | None
    at: int


@dataclass(frozen=True, slots=True)
class CommanderAssigned:
    """`commander` coordinates; `before` did until now."""

    tenant: str
    incident_id: Id16
    number: int
    subject: str
    commander: str
    before: str | None
    note: str | None
    at: int


@dataclass(frozen=True, slots=True)
class CommanderReleased:
    """Nobody coordinates any more."""

    tenant: str
    incident_id: Id16
    number: int
    subject: str
    commander: str
    note: str | None
    at: int


@dataclass(frozen=True, slots=True)
class ApprovalRequested:
    """An action waits for a word. `signers` are roles when `by_role`, else the incident commander.

    `approval` counts the incident's from 1. What was asked stands in `text`, `change_id` with `what`, or `severity`.
    """

    tenant: str
    incident_id: Id16
    number: int
    approval: int
    action: Approvable
    subject: str
    by_role: bool
    signers: tuple[str, ...]
    reason: str
    text: str | None
    change_id: Id16 | None
    what: str | None
    severity: Severity | None
    note: str | None
    at: int


@dataclass(frozen=True, slots=True)
class ApprovalGiven:
    """`subject` agreed, in `role`. With nobody in `missing` the action takes effect in the same decision."""

    tenant: str
    incident_id: Id16
    number: int
    approval: int
    action: Approvable
    subject: str
    role: str
    requested_by: str
    missing: tuple[str, ...]
    note: str | None
    at: int


@dataclass(frozen=True, slots=True)
class ApprovalDeclined:
    """`subject` did not agree, in `role`: the action will not be."""

    tenant: str
    incident_id: Id16
    number: int
    approval: int
    action: Approvable
    subject: str
    role: str
    requested_by: str
    note: str | None
    at: int


COMMANDS = (
    RequestRollback,
    CommunicateIncident,
    AssignCommander,
    ReleaseCommander,
    ApproveAction,
    DeclineAction,
)
EVENTS = (
    RollbackRequested,
    CommunicationReleased,
    CommanderAssigned,
    CommanderReleased,
    ApprovalRequested,
    ApprovalGiven,
    ApprovalDeclined,
)
