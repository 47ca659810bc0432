"""Suggestions: what may be an incident, and what a person made of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from schemas.avro_types import Id16
from schemas.messages.incidents.commands import Confidence

SuggestionKind = Literal["pattern", "anomaly"]


# --- commands ----------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class AcceptSuggestion:
    """`subject` says that it is an incident."""

    tenant: str
    command_id: Id16
    body_hash: Id16
    subject: str
    suggestion_id: Id16
    at: int
    note: str | None = None


@dataclass(frozen=True, slots=True)
class DismissSuggestion:
    """`subject` says that it is none, and why."""

    tenant: str
    command_id: Id16
    body_hash: Id16
    subject: str
    suggestion_id: Id16
    at: int
    reason: str


# --- events ------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class IncidentSuggested:
    """Something looks like an incident without being one for certain; a person decides until `expires_at`.

    `pattern` names what is alike in words (counts of acceptance are kept by it). `past_*` is the incident that it
    resembles. `evidence` are ids of what was seen: actions, changes.
    """

    tenant: str
    suggestion_id: Id16
    number: int
    kind: SuggestionKind
    confidence: Confidence
    resource: str
    title: str
    pattern: str
    actor: str | None
    past_incident_id: Id16 | None
    past_number: int | None
    reasons: tuple[str, ...]
    evidence: tuple[Id16, ...]
    event_time: int
    expires_at: int
    at: int


@dataclass(frozen=True, slots=True)
class SuggestionSupported:
    """The same was seen again while the suggestion was open; `times` since it was made, itself included."""

    tenant: str
    suggestion_id: Id16
    number: int
    times: int
    reason: str
    evidence: Id16
    at: int


@dataclass(frozen=True, slots=True)
class SuggestionAccepted:
    """`subject` said yes: it opened an incident, or joined the one that was open there. It keeps the evidence."""

    tenant: str
    suggestion_id: Id16
    suggestion: int
    incident_id: Id16
    number: int
    kind: SuggestionKind
    confidence: Confidence
    resource: str
    title: str
    pattern: str
    subject: str
    note: str | None
    opened: bool
    reasons: tuple[str, ...]
    evidence: tuple[Id16, ...]
    at: int


@dataclass(frozen=True, slots=True)
class SuggestionDismissed:
    """`subject` said no; the same is not suggested again for a while."""

    tenant: str
    suggestion_id: Id16
    number: int
    subject: str
    reason: str
    at: int


@dataclass(frozen=True, slots=True)
class SuggestionExpired:
    """Nobody decided in time."""

    tenant: str
    suggestion_id: Id16
    number: int
    at: int


COMMANDS = (AcceptSuggestion, DismissSuggestion)
EVENTS = (IncidentSuggested, SuggestionSupported, SuggestionAccepted, SuggestionDismissed, SuggestionExpired)
