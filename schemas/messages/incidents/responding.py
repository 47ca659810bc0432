"""What people do together on an incident, and what time does: commands and events of the states beyond the first six.

`subject` is the token's; of what happens by itself it is AUTOMATIC. Times are ms of log time.
"""

from __future__ import annotations

from dataclasses import dataclass

from schemas.avro_types import Id16
from schemas.messages.incidents.commands import Severity

# Who did what nobody did: a timer, or a failure that came back.
AUTOMATIC = "mandate"


# --- commands: facts from other processors -----------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class CaseObserved:
    """An RML case was opened on a resource: a gate until it is signed. `event_time` is the agent's."""

    tenant: str
    case_id: Id16
    number: int
    world: str
    resource: str
    action_id: Id16
    event_time: int
    at: int


@dataclass(frozen=True, slots=True)
class NoResponseObserved:
    """Everybody of the policy was paged, `rounds` times, and nobody acknowledged."""

    tenant: str
    incident_id: Id16
    policy: str
    rounds: int
    at: int


# --- commands: people, through the gateway ------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class MarkFalseAlarm:
    """`subject` says that nothing is wrong."""

    tenant: str
    command_id: Id16
    body_hash: Id16
    subject: str
    incident_id: Id16
    at: int
    note: str | None = None


@dataclass(frozen=True, slots=True)
class StartPostmortem:
    """`subject` begins the postmortem of a resolved incident, or names its document (`link`)."""

    tenant: str
    command_id: Id16
    body_hash: Id16
    subject: str
    incident_id: Id16
    at: int
    note: str | None = None
    link: str | None = None


@dataclass(frozen=True, slots=True)
class EscalateIncident:
    """`subject` wants others on it now."""

    tenant: str
    command_id: Id16
    body_hash: Id16
    subject: str
    incident_id: Id16
    at: int
    note: str | None = None


@dataclass(frozen=True, slots=True)
class JoinIncident:
    """`subject` helps, without being the one who decides."""

    tenant: str
    command_id: Id16
    body_hash: Id16
    subject: str
    incident_id: Id16
    at: int
    note: str | None = None


@dataclass(frozen=True, slots=True)
class LeaveIncident:
    """`subject` helps no more."""

    tenant: str
    command_id: Id16
    body_hash: Id16
    subject: str
    incident_id: Id16
    at: int
    note: str | None = None


@dataclass(frozen=True, slots=True)
class HandOffIncident:
    """`subject`, the primary, makes `to` the primary."""

    tenant: str
    command_id: Id16
    body_hash: Id16
    subject: str
    incident_id: Id16
    at: int
    to: str
    note: str | None = None


# --- events -------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class FalseAlarmMarked:
    """A person said that nothing was wrong: paging stops, and the incident attracts nothing."""

    tenant: str
    incident_id: Id16
    number: int
    subject: str
    note: str | None
    failures: int
    affected_count: int
    at: int


@dataclass(frozen=True, slots=True)
class PostmortemStarted:
    """The postmortem began, by a person or by itself; said again when its document is named."""

    tenant: str
    incident_id: Id16
    number: int
    subject: str
    automatic: bool
    note: str | None
    link: str | None
    at: int


@dataclass(frozen=True, slots=True)
class AutomaticMoveHeld:
    """A move that time would have made is not made. `again_at` is when it is looked at anew."""

    tenant: str
    incident_id: Id16
    number: int
    move: str
    reason: str
    again_at: int
    at: int


@dataclass(frozen=True, slots=True)
class IncidentEscalated:
    """Nobody answered, or a person wants others on it. By a person the next ones of the policy are paged now."""

    tenant: str
    incident_id: Id16
    number: int
    subject: str
    automatic: bool
    reason: str
    resource: str
    title: str
    severity: Severity
    first_failure_at: int
    failures: int
    affected_count: int
    historical: bool
    at: int


@dataclass(frozen=True, slots=True)
class ParticipantJoined:
    """`subject` helps; `primary` is who decides, None for nobody."""

    tenant: str
    incident_id: Id16
    number: int
    subject: str
    primary: str | None
    note: str | None
    at: int


@dataclass(frozen=True, slots=True)
class ParticipantLeft:
    """`subject` helps no more."""

    tenant: str
    incident_id: Id16
    number: int
    subject: str
    note: str | None
    at: int


@dataclass(frozen=True, slots=True)
class IncidentHandedOff:
    """`to` is the primary now. `before` was, and stays as a participant; `subject` is the same, or the commander."""

    tenant: str
    incident_id: Id16
    number: int
    subject: str
    before: str
    to: str
    note: str | None
    failures: int
    affected_count: int
    at: int


COMMANDS = (
    CaseObserved,
    NoResponseObserved,
    MarkFalseAlarm,
    StartPostmortem,
    EscalateIncident,
    JoinIncident,
    LeaveIncident,
    HandOffIncident,
)
EVENTS = (
    FalseAlarmMarked,
    PostmortemStarted,
    AutomaticMoveHeld,
    IncidentEscalated,
    ParticipantJoined,
    ParticipantLeft,
    IncidentHandedOff,
)
