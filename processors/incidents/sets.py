"""Sets of 16-byte ids that grow with an incident (actions attached, people affected), exact and in bounded parts.

An id belongs to one of 16 buckets by a hash of it (ids of senders may share their first bytes); a bucket is a chain of
parts of at most 512 ids (8 KB, far below the 64 KB of a part, because a part is written again for each id added).
16 buckets x 128 parts x 512 ids = 1,048,576 ids a set; beyond it an id is no longer remembered, so a repeat of it
would count again.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import lru_cache

from processors.incidents.state import Packed
from processors.kernel.decider import View
from schemas.ids import ID_BYTES, Id, derive

IDS_PER_PART = 512
PARTS_PER_BUCKET = 128
KEPT_BUCKETS = 256


def actions_of(incident: str) -> str:
    """The set of actions attached to the incident whose part is `incident`."""
    return f"{incident}/actions"


def affected_of(incident: str) -> str:
    """The set of people or accounts that the incident hit."""
    return f"{incident}/affected"


def affected_id(affected: str) -> Id:
    """An affected person or account as an id: a hash, because the set needs no names."""
    return derive("affected", affected)


def contains(view: View, name: str, member: Id) -> bool:
    """Whether `member` is in the set `name`."""
    for n in range(PARTS_PER_BUCKET):
        packed = view.get(_part(name, member, n))
        if packed is None:
            return False
        if _holds(packed.ids, member):
            return True
    return False


def added(view: View, name: str, member: Id) -> dict[str, Packed]:
    """The part to write so that `member` is in the set; nothing when it is, or when its bucket is full."""
    for n in range(PARTS_PER_BUCKET):
        part = _part(name, member, n)
        packed = view.get(part)
        if packed is None:
            return {part: Packed(member)}
        if _holds(packed.ids, member):
            return {}
        if len(packed.ids) < IDS_PER_PART * ID_BYTES:
            return {part: Packed(packed.ids + member)}
    return {}


def packed(name: str, members: Iterable[Id]) -> dict[str, Packed]:
    """The parts of a set with these members, as if they had been added one after the other."""
    buckets: dict[str, list[Id]] = {}
    for member in dict.fromkeys(members):
        buckets.setdefault(_bucket(name, member), []).append(member)
    return {
        f"{bucket}/{n // IDS_PER_PART:03d}": Packed(b"".join(ids[n : n + IDS_PER_PART]))
        for bucket, ids in buckets.items()
        for n in range(0, len(ids), IDS_PER_PART)
    }


def members(view: View, name: str) -> Iterator[Id]:
    """All members of the set."""
    for _, kept in view.scan(f"{name}/"):
        for at in range(0, len(kept.ids), ID_BYTES):
            yield kept.ids[at : at + ID_BYTES]


@lru_cache(maxsize=KEPT_BUCKETS)
def bucket_of(member: Id) -> str:
    """The name of the bucket to which an id belongs; it is asked for some times in one decision."""
    return f"{derive('bucket', member)[0] & 15:x}"


def _bucket(name: str, member: Id) -> str:
    return f"{name}/{bucket_of(member)}"


def _part(name: str, member: Id, n: int) -> str:
    return f"{_bucket(name, member)}/{n:03d}"


def _holds(ids: bytes, member: Id) -> bool:
    at = ids.find(member)
    while at >= 0 and at % ID_BYTES:  # a match across two ids is none
        at = ids.find(member, at + 1)
    return at >= 0
