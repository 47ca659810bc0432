"""What the rml processor remembers, as parts.

Keys, all beginning with the tenant's Kafka key: `<t>/ledger`, `<t>/alike/<content>` (one for each content of effects
that was entered within the window), `<t>/labelled/<action>`. `at` is ms of log time.
"""

from __future__ import annotations

from dataclasses import dataclass

from schemas.avro_types import Id16
from schemas.ids import Id


@dataclass(frozen=True, slots=True)
class Ledger:
    """The head of the tenant's ledger: how many entries, the hash of the last one, how many cases."""

    entries: int
    hash: bytes
    cases: int


@dataclass(frozen=True, slots=True)
class Sighting:
    """One telling of an entry. `told` tells the telling (actor and action), `reference` is the external one, hashed.

    `moved`: it counts as a movement of money. `observations` counts the tellings of this entry up to this one.
    `case_id` and `case` (its number) name the case of a suspected second charge that names the entry.
    """

    number: int
    entry_id: Id16
    hash: bytes
    told: Id16
    reference: Id16 | None
    moved: bool
    observations: int
    event_time: int
    at: int
    case_id: Id16 | None = None
    case: int = 0


@dataclass(frozen=True, slots=True)
class Alike:
    """The last effects of one content, in the order of the log."""

    sightings: tuple[Sighting, ...]


@dataclass(frozen=True, slots=True)
class Labelled:
    """A labelled action without an effect that opened a case; told again it opens no second one."""

    at: int


PARTS = (Ledger, Alike, Labelled)


def ledger_part(key: str) -> str:
    """Where the head of the ledger is. `key` is the tenant's Kafka key."""
    return f"{key}/ledger"


def alike_part(key: str, content: Id) -> str:
    """Where the effects of one content are."""
    return f"{key}/alike/{content.hex()}"


def labelled_part(key: str, told: Id) -> str:
    """Where a labelled action is."""
    return f"{key}/labelled/{told.hex()}"
