"""What the notifications processor remembers, as parts.

Keys, beginning with the tenant's Kafka key: `<t>/incident/<id>` (a Course) and `<t>/incident/<id>/page/<id>` (a Page).
Times are ms of log time, `since` is event time. Timers: `step`, `forget` on a Course; `outcome`, `again` on a Page.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from schemas.avro_types import Id16
from schemas.ids import Id
from schemas.messages.notifications import Channel, Why


@dataclass(frozen=True, slots=True)
class PlannedStep:
    """One step of the policy as it was when the escalation began; a later change of the policy does not move it."""

    person: str
    wait_s: int


@dataclass(frozen=True, slots=True)
class Course:
    """The escalation of one incident: what is to be said, and where it stands.

    `step` counts from 0, `round` from 1. `page` is the one on which the current step depends; `waiting` is True from
    its echo on, while the step's wait runs. `responder` is who acknowledged last, "" for nobody. `paged` are the
    persons paged so far, in order; `told` those whom the page of an incident that was merged into this one, or that
    it was split from, told of it: at their next step nobody is paged, only its wait runs.
    """

    incident_id: Id16
    number: int
    status: Literal["running", "acknowledged", "resolved", "exhausted"]
    severity: str
    title: str
    resource: str
    since: int
    failures: int
    affected_count: int
    why: Why
    policy: str
    steps: tuple[PlannedStep, ...]
    rounds: int
    step: int = 0
    round: int = 1
    page: Id16 | None = None
    waiting: bool = False
    responder: str = ""
    paged: tuple[str, ...] = ()
    told: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Page:
    """One notification: one person, one channel, one to `outcome_tries` attempts.

    `open`: an outcome is expected. `pausing`: an attempt failed, the next is asked for after the backoff.
    `delivered` and `given_up` are ends (a late delivery is recorded all the same); `stopped` is one too, and the
    outcome of its last attempt is recorded when it still arrives.
    `severity` is what the last attempt said.
    """

    notification_id: Id16
    incident_id: Id16
    person: str
    channel: Channel
    why: Why
    severity: str
    step: int
    round: int
    attempt: int
    status: Literal["open", "pausing", "delivered", "given_up", "stopped"]


PARTS = (Course, Page)


# --- keys --------------------------------------------------------------------------------------------------------


def course_part(key: str, incident_id: Id) -> str:
    """Where an incident's escalation is. `key` is the tenant's Kafka key."""
    return f"{key}/incident/{incident_id.hex()}"


def pages_prefix(key: str, incident_id: Id) -> str:
    """With what the keys of an incident's pages begin."""
    return f"{course_part(key, incident_id)}/page/"


def page_part(key: str, incident_id: Id, notification_id: Id) -> str:
    """Where a page is."""
    return f"{pages_prefix(key, incident_id)}{notification_id.hex()}"
