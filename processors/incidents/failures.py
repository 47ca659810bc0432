"""The failures of an incident, remembered whole: what a split, a merge and their undo recount, in bounded parts.

A failure is 72 bytes: the action's id (16), its event time (8) and how long before it its first try was (4), when it
was attached (log time, 8), whom it hit (16, zeros for nobody), its problem and its actor (the first 8 bytes of their
ids), and its ordinal in this incident (4). They stand in 16 buckets by a hash of the action's id, each a chain of parts
of at most 112 (8 KB of the 64 KB of a part, because a part is written again for each failure), in the order of their
ordinals: so the parts follow from the failures alone, and a split that is undone gives the same bytes.
An incident remembers 16,384 failures (1.2 MB); of those beyond only the action's id is kept (sets.py), so that they
count once. Such an incident cannot be split any more, and says so.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Sequence
from functools import lru_cache
from typing import Any, NamedTuple

from processors.incidents import sets
from processors.incidents.state import Failures, Incident, Kind, Kinds, Names, incident_part
from processors.kernel.changed import changed
from processors.kernel.decider import View
from schemas.ids import ID_BYTES, Id, derive

REMEMBERED_MAX = 16_384
PER_PART = 112
# 16 buckets of 1,024 on average; a bucket that is ten times as full ends its chain.
PARTS_PER_BUCKET = 96
# 8 x (1,024 + 3 x 200 + 300 characters of up to 4 bytes + 100) < 63 KB of a 64 KB part.
KINDS_MAX = 8
# 64 x 64 characters of up to 4 bytes < 17 KB.
NAMES_MAX = 64
SHORT = 8
# Ids of actors kept ready, about 150 bytes each.
KEPT_ACTORS = 1_024
NOBODY = bytes(ID_BYTES)
_ENTRY = struct.Struct(">16sqIq16s8s8sI")
ENTRY_BYTES = _ENTRY.size
_MOVED = struct.Struct(">16sBI")
_FIRST_MAX = 2**32 - 1


class Failure(NamedTuple):
    """One failure. `problem` and `actor` are the first 8 bytes of their ids, `affected` is zeros for nobody.

    `first` is how many ms before `event_time` its first try was, where that counts (of the one that opened it).
    """

    action_id: Id
    event_time: int
    first: int
    at: int
    affected: Id
    problem: bytes
    actor: bytes
    ordinal: int

    @property
    def first_at(self) -> int:
        """Event time of its first try."""
        return self.event_time - self.first


@lru_cache(maxsize=KEPT_ACTORS)
def actor_id(actor: str) -> bytes:
    """An actor as failures know it."""
    return derive("actor", actor)[:SHORT]


def span(event_time: int, first_event_time: int) -> int:
    """How long before it its first try was, within what an entry holds (49 days)."""
    return max(0, min(event_time - first_event_time, _FIRST_MAX))


def contains(view: View, part: str, action_id: Id) -> bool:
    """Whether the incident at `part` has this failure, remembered whole or by its id alone."""
    bucket = _bucket(part, action_id)
    for n in range(PARTS_PER_BUCKET):
        kept = view.get(f"{bucket}/{n:03d}")
        if kept is None:
            break
        if _holds(kept.entries, action_id):
            return True
    return sets.contains(view, sets.actions_of(part), action_id)


def added(view: View, part: str, incident: Incident, failure: Failure, **totals: Any) -> dict[str, Any | None]:
    """The parts to write so that the incident has one failure more, the incident's own among them.

    `totals` are the fields of `incident` that change with it, but for `attached` and `remembered`; `failure.ordinal` is
    not looked at.
    """
    attached = incident.attached + 1
    out: dict[str, Any | None] = {}
    if failure.affected != NOBODY:
        out |= sets.added(view, sets.affected_of(part), failure.affected)
    name = None if incident.remembered >= REMEMBERED_MAX else _free(view, part, failure.action_id)
    if name is None:
        return (
            out
            | {part: changed(incident, attached=attached, **totals)}
            | sets.added(view, sets.actions_of(part), failure.action_id)
        )
    kept = view.get(name)
    entry = _ENTRY.pack(*failure[:-1], incident.attached)
    out[name] = Failures(entry if kept is None else kept.entries + entry)
    out[part] = changed(incident, attached=attached, remembered=incident.remembered + 1, **totals)
    return out


def known(view: View, part: str, kind: Kind, actor: str) -> dict[str, Any | None]:
    """The parts to write so that the words of a problem and an actor are known; nothing when they are, or beyond."""
    out: dict[str, Any | None] = {}
    kinds: tuple[Kind, ...] = kinds_of(view, part)
    if len(kinds) < KINDS_MAX and all(k.problem != kind.problem for k in kinds):
        out[f"{part}/kinds"] = Kinds((*kinds, kind))
    names = names_of(view, part)
    if actor and len(names) < NAMES_MAX and actor not in names:
        out[f"{part}/names"] = Names((*names, actor))
    return out


def kinds_of(view: View, part: str) -> tuple[Kind, ...]:
    """The problems whose failures an incident has."""
    found = view.get(f"{part}/kinds")
    return found.kinds if found is not None else ()


def names_of(view: View, part: str) -> tuple[str, ...]:
    """The actors whose failures an incident has."""
    found = view.get(f"{part}/names")
    return found.actors if found is not None else ()


def all_of(view: View, part: str) -> list[Failure]:
    """The remembered failures at one home, in the order in which they were attached."""
    out: list[Failure] = []
    for _, kept in view.scan(f"{part}/failures/"):
        out += map(Failure._make, _ENTRY.iter_unpack(kept.entries))
    out.sort(key=lambda f: f.ordinal)
    return out


def rewritten(view: View, part: str, failures: Sequence[Failure]) -> dict[str, Any | None]:
    """The parts to write (None: delete) so that a home has exactly these failures, in the order of their ordinals."""
    buckets: dict[str, list[bytes]] = {}
    for failure in failures:
        buckets.setdefault(_bucket(part, failure.action_id), []).append(_ENTRY.pack(*failure))
    out: dict[str, Any | None] = {}
    for bucket, entries in buckets.items():
        for n in range(0, len(entries), PER_PART):
            out[f"{bucket}/{n // PER_PART:03d}"] = Failures(b"".join(entries[n : n + PER_PART]))
    hit = [f.affected for f in failures if f.affected != NOBODY]
    out |= sets.packed(sets.affected_of(part), hit)
    for prefix in ("failures", "affected"):
        for name, _ in view.scan(f"{part}/{prefix}/"):
            out.setdefault(name, None)
    return out


def homes_of(view: View, key: str, incident: Incident) -> list[tuple[Id, str]]:
    """Where an incident's failures are: its own home and those of the incidents merged into it, as (id, part)."""
    return [(i, incident_part(key, i)) for i in (incident.incident_id, *incident.members)]


def pack_moved(moved: Iterable[tuple[Id, int, int]]) -> bytes:
    """Failures that were moved: (action, index of the home it came from, its ordinal there)."""
    return b"".join(_MOVED.pack(*m) for m in moved)


def moved_of(packed: bytes) -> dict[Id, tuple[int, int]]:
    """What `pack_moved` was given: by action (index of the home, ordinal)."""
    return {action: (home, ordinal) for action, home, ordinal in _MOVED.iter_unpack(packed)}


def _bucket(part: str, action_id: Id) -> str:
    return f"{part}/failures/{sets.bucket_of(action_id)}"


def _free(view: View, part: str, action_id: Id) -> str | None:
    """The piece that takes the next failure of this bucket; None when its chain is full."""
    bucket = _bucket(part, action_id)
    for n in range(PARTS_PER_BUCKET):
        name = f"{bucket}/{n:03d}"
        kept = view.get(name)
        if kept is None or len(kept.entries) < PER_PART * ENTRY_BYTES:
            return name
    return None


def _holds(entries: bytes, action_id: Id) -> bool:
    at = entries.find(action_id)
    while at >= 0 and at % ENTRY_BYTES:  # a match inside an entry is none
        at = entries.find(action_id, at + 1)
    return at >= 0
