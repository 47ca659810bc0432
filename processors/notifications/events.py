"""Facts of notifications that have no wire form: only the state changes."""

from __future__ import annotations

from dataclasses import dataclass

from processors.notifications.state import PlannedStep
from schemas.avro_types import Id16
from schemas.messages.notifications import Why


@dataclass(frozen=True, slots=True)
class CoursePlanned:
    """An escalation begins, for the first time or again, with these steps; with a `responder` it waits for a raise."""

    key: str
    incident_id: Id16
    number: int
    why: Why
    severity: str
    title: str
    resource: str
    since: int
    failures: int
    affected_count: int
    policy: str
    steps: tuple[PlannedStep, ...]
    rounds: int
    responder: str = ""
    told: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class StepEntered:
    """The escalation stands at this step, which depends on this page; `waiting`: its wait runs already.

    `told`: this person knows of it by the page of another incident, so there is no page and the wait runs.
    """

    key: str
    incident_id: Id16
    step: int
    round: int
    page: Id16 | None
    waiting: bool = False
    told: str = ""


@dataclass(frozen=True, slots=True)
class StepWaits:
    """The page of the current step has left: the step's wait for an acknowledgement runs."""

    key: str
    incident_id: Id16


@dataclass(frozen=True, slots=True)
class WaitEnded:
    """The current step's wait is over; the next step is taken when this processor's own word of it is read back."""

    tenant: str
    key: str
    incident_id: Id16
    step: int
    round: int


@dataclass(frozen=True, slots=True)
class ImpactNoted:
    """Later pages say these totals and this severity."""

    key: str
    incident_id: Id16
    severity: str
    failures: int
    affected_count: int


@dataclass(frozen=True, slots=True)
class ResponderNoted:
    """Another person took the incident over while nothing was escalating."""

    key: str
    incident_id: Id16
    by: str


@dataclass(frozen=True, slots=True)
class CourseClosed:
    """The incident of an acknowledged escalation was resolved: a raised severity pages nobody any more."""

    key: str
    incident_id: Id16


@dataclass(frozen=True, slots=True)
class CourseForgotten:
    """The escalation of a resolved incident leaves the state, with its pages."""

    key: str
    incident_id: Id16


@dataclass(frozen=True, slots=True)
class CoursesJoined:
    """The escalation of this incident is that of another one too: these were told, and this is how severe it is."""

    key: str
    incident_id: Id16
    severity: str
    told: tuple[str, ...]
