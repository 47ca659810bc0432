"""What signals remembers: failures that wait for their next try.

Keys: `<tenant>/<resource>/held/<hash of actor and type>`; a success of the same three heals it. Imported history waits
under keys of its own, or it would turn a live failure into a historical one that pages nobody.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

from schemas.ids import derive
from schemas.messages.incidents import ErrorSignalled

# Names kept ready (a hit saves 3 µs of hashing): usually 100 bytes each, at most 12 KB, so at worst 50 MB.
KEPT_KEYS = 4_096


@dataclass(frozen=True, slots=True)
class Held:
    """A failure whose next try is expected. `signal` is what will be said if it does not heal; times are event time."""

    signal: ErrorSignalled
    tries: int
    first_event_time: int
    last_event_time: int


PARTS = (Held,)


@lru_cache(maxsize=KEPT_KEYS)
def held_part(key: str, actor: str, kind: str, historical: bool) -> str:
    """Where the waiting failure of an actor and type on this resource is."""
    return f"{key}/held/{derive('held', actor, kind, int(historical)).hex()}"
