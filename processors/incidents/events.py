"""Facts of incidents that have no wire form: only the state changes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from processors.incidents.measures import Alarm, Healing, Watch
from processors.incidents.responders import Gate
from schemas.avro_types import Id16


@dataclass(frozen=True, slots=True)
class IncidentForgotten:
    """A resolved incident leaves the state."""

    key: str
    incident_id: Id16


@dataclass(frozen=True, slots=True)
class ChangesForgotten:
    """The changes under this part are older than what is kept."""

    part: str


@dataclass(frozen=True, slots=True)
class AlertForgotten:
    """Nothing was heard of the alert under this part for as long as is kept."""

    part: str


@dataclass(frozen=True, slots=True)
class ProblemFound:
    """The first failure of an incident that a report or an alert opened: from now on it attracts this error."""

    key: str
    incident_id: Id16
    problem: Id16
    actor: str
    error_type: str


@dataclass(frozen=True, slots=True)
class WordsKept:
    """The words of a failure's error, for the likeness of later ones; `parts` list the incident that it began."""

    key: str
    incident_id: Id16
    problem: Id16
    fingerprint: str
    words: str
    parts: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class GateKept:
    """An RML-3 case was opened on the resource of this part."""

    part: str
    gate: Gate


@dataclass(frozen=True, slots=True)
class WatchMoved:
    """A watch is as it is now."""

    key: str
    part: str
    watch: Watch


@dataclass(frozen=True, slots=True)
class WatchForgotten:
    """Nothing was heard of a watched value for long."""

    key: str
    part: str


@dataclass(frozen=True, slots=True)
class HealingCounted:
    """One more healed failure of an error on a resource."""

    part: str
    healing: Healing


@dataclass(frozen=True, slots=True)
class AlarmMoved:
    """An alert's episodes as they are now."""

    part: str
    alarm: Alarm


@dataclass(frozen=True, slots=True)
class PartForgotten:
    """What is kept under this part is older than what is kept."""

    part: str


@dataclass(frozen=True, slots=True)
class PartsWritten:
    """A correction worked these parts out whole (None: the part is deleted); its wire event says why."""

    parts: Mapping[str, Any | None]
