"""What the incidents processor remembers of people working together, and of gates, as parts.

Keys, all beginning with the tenant's Kafka key: `<t>/incident/<id>/people`, `<t>/incident/<id>/approvals`,
`<t>/gates/<hash>` (one for each resource with an open RML case). Times are ms: `event_time` the agent's, else log time.
"""

from __future__ import annotations

from dataclasses import dataclass

from schemas.avro_types import Id16
from schemas.ids import derive
from schemas.messages.incidents import Approvable, Severity

# Who is told of what is done on an incident; more people than this do not work together.
PARTICIPANTS = 32
# 32 names of 1,024 characters could be 128 KB; names as they are (an address of 64 bytes) are 2 KB of a 64 KB part.
PARTICIPANTS_BYTES = 32_768
# Each is at most (1,000 + 1,000 characters of text and note of up to 4 bytes, and 1 KB of names) = 9 KB: 45 KB of 64.
PENDING = 5
TEXT_CHARACTERS = 1_000
# 64 cases of 28 bytes are 2 KB; of more, the hull of their times is kept, so that none of them is passed.
GATES_PER_RESOURCE = 64


@dataclass(frozen=True, slots=True)
class Responders:
    """Who joined, oldest first; neither the primary nor the commander by being that."""

    participants: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Signed:
    """One signature: who, in which role."""

    subject: str
    role: str


@dataclass(frozen=True, slots=True)
class Asked:
    """An action that waits for a word; `missing` are the roles that have not signed (empty: the commander's word)."""

    approval: int
    action: Approvable
    subject: str
    by_role: bool
    missing: tuple[str, ...]
    signed: tuple[Signed, ...]
    text: str | None
    change_id: Id16 | None
    what: str | None
    severity: Severity | None
    note: str | None


@dataclass(frozen=True, slots=True)
class Approvals:
    """The last number given, and what waits, oldest first."""

    last: int = 0
    pending: tuple[Asked, ...] = ()


@dataclass(frozen=True, slots=True)
class Gate:
    """An open RML case."""

    number: int
    case_id: Id16
    event_time: int


@dataclass(frozen=True, slots=True)
class Gates:
    """The open RML-3 cases of a resource, oldest first; of more than are kept, from when to when they were."""

    gates: tuple[Gate, ...] = ()
    more: int = 0
    more_from: int = 0
    more_until: int = 0


PARTS = (Responders, Approvals, Gates)


def people_part(incident: str) -> str:
    """Where the participants of the incident whose part is `incident` are."""
    return f"{incident}/people"


def approvals_part(incident: str) -> str:
    """Where the incident's approvals are."""
    return f"{incident}/approvals"


def gates_part(key: str, resource: str) -> str:
    """Where the open cases of a resource are. `key` is the tenant's Kafka key."""
    return f"{key}/gates/{derive('gates', resource).hex()}"
