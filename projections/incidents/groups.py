"""Pure: in which part of an incident's timeline an event is told: what agents did, who was told, what people did.

Used by the query of /v1 and by the page, so that both filter alike. A kind that is not named here is an action.
"""

from __future__ import annotations

from typing import Literal, get_args

Group = Literal["action", "notification", "human"]
GROUPS: tuple[Group, ...] = get_args(Group)
KINDS: dict[str, Group] = {
    **dict.fromkeys(
        (
            "IncidentPaged",
            "EscalationStarted",
            "PageRequested",
            "NoticeRequested",
            "PageDelivered",
            "PageFailed",
            "EscalationStopped",
            "EscalationExhausted",
            "MaintenanceOver",
        ),
        "notification",
    ),
    **dict.fromkeys(
        (
            "IncidentAcknowledged",
            "IncidentStateChanged",
            "IncidentAssigned",
            "IncidentContained",
            "IncidentResolved",
            "IncidentReopened",
            "IncidentClosed",
            "SeverityChanged",
            "ReportAttached",
            "CommandRefused",
            "SuggestionAccepted",
            "FalseAlarmMarked",
            "PostmortemStarted",
            "AutomaticMoveHeld",
            "IncidentEscalated",
            "ParticipantJoined",
            "ParticipantLeft",
            "IncidentMuted",
            "IncidentHandedOff",
            "RollbackRequested",
            "CommunicationReleased",
            "CommanderAssigned",
            "CommanderReleased",
            "ApprovalRequested",
            "ApprovalGiven",
            "ApprovalDeclined",
            "IncidentSplit",
            "IncidentsMerged",
            "CorrectionUndone",
        ),
        "human",
    ),
}


def group_of(kind: str) -> Group:
    """The group of an event type."""
    return KINDS.get(kind, "action")


def named(group: Group) -> list[str]:
    """The event types of a group; for `action` those of the others, since it is everything else."""
    return sorted(kind for kind, of in KINDS.items() if (of == group if group != "action" else True))
