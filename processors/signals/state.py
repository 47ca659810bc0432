"""What signals remembers: failures that wait for their next try, how many tries failed, and who writes data.

Keys: `<tenant>/<resource>/held/<hash of actor and type>`; a success of the same three heals it. Imported history waits
under keys of its own, or it would turn a live failure into a historical one that pages nobody. And tallies:
`<tenant>/dependency/<hash of its name>`, `<tenant>/<resource>/tries/<hash of the type>`.
And for a minute: `<tenant>/<resource>/wrote/<hash of actor and type>`, and of how many was told `<tenant>/writing`.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

from schemas import codec
from schemas.ids import derive
from schemas.messages.incidents import ErrorSignalled, WriteObserved

# Names kept ready (a hit saves 3 µs of hashing): usually 100 bytes each, at most 12 KB, so at worst 50 MB.
KEPT_KEYS = 4_096


@dataclass(frozen=True, slots=True)
class Held:
    """A failure whose next try is expected. `signal` is what will be said if it does not heal; times are event time."""

    signal: ErrorSignalled
    tries: int
    first_event_time: int
    last_event_time: int


@dataclass(frozen=True, slots=True)
class Bucket:
    """Tries and failures of one twelfth of a window; `number` counts such twelfths since 1970, in log time."""

    number: int
    tries: int
    failures: int


@dataclass(frozen=True, slots=True)
class Tally:
    """Tries and failures within a window: of the bucket that runs, and of those before it (at most eleven).

    `name` is a dependency's, or empty; `elevated` is what was last said of it.
    """

    name: str
    width_ms: int
    elevated: bool
    number: int
    tries: int
    failures: int
    older: tuple[Bucket, ...]


@dataclass(frozen=True, slots=True)
class Wrote:
    """Writes of one kind by one actor on a resource within a minute: `first` was told, `count` are they all."""

    first: WriteObserved
    count: int


@dataclass(frozen=True, slots=True)
class Writing:
    """Of how many writers of a tenant was told in this minute."""

    writers: int


PARTS = (Held, Tally, Wrote, Writing)


@lru_cache(maxsize=KEPT_KEYS)
def held_part(key: str, actor: str, kind: str, historical: bool) -> str:
    """Where the waiting failure of an actor and type on this resource is."""
    return f"{key}/held/{derive('held', actor, kind, int(historical)).hex()}"


@lru_cache(maxsize=KEPT_KEYS)
def dependency_part(key: str, name: str) -> str:
    """Where the tally of a dependency is; `key` is the tenant's."""
    return f"{key}/dependency/{derive('dependency', name).hex()}"


@lru_cache(maxsize=KEPT_KEYS)
def tries_part(key: str, kind: str) -> str:
    """Where the tally of a resource and action type is."""
    return f"{key}/tries/{derive('tries', kind).hex()}"


@lru_cache(maxsize=KEPT_KEYS)
def wrote_part(key: str, actor: str, kind: str) -> str:
    """Where the writes of an actor and kind on a resource are counted."""
    return f"{key}/wrote/{derive('wrote', actor, kind).hex()}"


@lru_cache(maxsize=KEPT_KEYS)
def writing_part(key: str) -> str:
    """Where a tenant's writers are counted; `key` is the tenant's."""
    return f"{key}/writing"


def encode_older(tally: Tally) -> tuple[bytes, bytes]:
    """What stands before the number of the running bucket, and behind its failures, as `codec.encode` gives them."""
    raw = tally.name.encode()
    before = codec.frame_of(Tally) + codec.long(len(raw)) + raw + codec.long(tally.width_ms)
    before += b"\x01" if tally.elevated else b"\x00"
    numbers = [codec.long(n) for b in tally.older for n in (b.number, b.tries, b.failures)]
    behind = b"".join((codec.long(len(tally.older)), *numbers, b"\x00")) if tally.older else b"\x00"
    return before, behind


def encode_first(wrote: Wrote) -> bytes:
    """What stands before the count, as `codec.encode` gives it."""
    whole = codec.encode(wrote)
    return whole[: len(whole) - len(codec.long(wrote.count))]
