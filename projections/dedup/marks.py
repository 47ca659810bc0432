"""Pure: the marks of sessions' numbers, as deduplication has them, folded again from what it admitted.

A mark says which numbers of one (actor, session) passed: the highest, the unseen ranges below it, and the floor under
which nothing is known. It is one field of a hash a tenant, partition of actions.unique and hour: the hour of the last
number that passed. A mark moves to a new hour with its next number; what is left behind goes with its hour, and the
newest copy counts. A copy says up to which offset it was folded: the same record again changes nothing.
"""

from __future__ import annotations

import json
from collections import OrderedDict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from processors.dedup.rules import MARK_MS, advance, alive, standing
from processors.dedup.state import Mark
from projections.dedup.counted import NONE, Counted
from projections.plain import Json, time_text
from projections.redis_keys import own_key, tenant_key
from projections.redis_script import Operations
from schemas import ids
from schemas.head import Head

SLOT_MS = 3_600_000
# A mark without holes is about 150 bytes of Redis, one with all its ranges 1.4 KB; the four partitions hold at most
# 30 MB of usual marks. The hour of now is never cut.
MARKS_MAX = 50_000
# Deduplication keeps 1,024 unseen ranges, this the newest 64 of them: below them the floor rises, and "not known" is
# said where deduplication may know.
RANGES_MAX = 64
# Marks at hand in the writer, the latest used: 20 MB at most. Another one is read again.
KNOWN_MAX = 50_000

Owner = tuple[str, bytes]


@dataclass(frozen=True, slots=True)
class Folded:
    """A mark, and the offset up to which its partition's numbers are in it."""

    mark: Mark
    to: int


# Whose mark in which partition of actions.unique: offsets of another partition say nothing.
Held = tuple[Owner, int]


@dataclass(slots=True)
class Hours:
    """Of one partition: how many marks were put into each hour, and the hour of its latest log time."""

    hour: int = 0
    sizes: dict[int, Counted] = field(default_factory=dict)

    def copy(self) -> Hours:
        """Another one to work on."""
        return Hours(self.hour, dict(self.sizes))


def sizes_key(name: str, version: int) -> str:
    """The hash of `<partition>:<hour>` to how many marks were put there."""
    return own_key(name, version, "marks")


def members_key(name: str, version: int, partition: int, hour: int) -> str:
    """The set of all tenants' keys of one partition and hour."""
    return own_key(name, version, f"marks:{partition}:{hour}")


def data_key(name: str, version: int, tenant: str, partition: int, hour: int) -> str:
    """Where a tenant's marks of one partition and hour are."""
    return tenant_key(tenant, name, version, f"marks:{partition}:{hour}")


def digest(actor: str, session: str) -> bytes:
    """The field of a session's mark: names may be long, and are nobody's to read here."""
    return ids.derive("session mark", actor, session)


def owner(head: Head) -> Owner | None:
    """Whose mark an admitted action moves; None when it has no number of a session."""
    return (head.tenant, digest(head.actor, head.session)) if head.session and head.sequence >= 0 else None


def hours_of(stored: Mapping[bytes, bytes], latest: Mapping[int, int]) -> dict[int, Hours]:
    """The hours of each partition; `latest` is the log time (ms) that each has come to."""
    out = {partition: Hours(at // SLOT_MS) for partition, at in latest.items()}
    for name, count in stored.items():
        partition, _, hour = name.decode().partition(":")
        if int(partition) in out:
            out[int(partition)].sizes[int(hour)] = Counted.of(count)
    return out


@dataclass(frozen=True, slots=True)
class Passed:
    """A number that passed deduplication: where in actions.unique, and when (ms of log time)."""

    head: Head
    partition: int
    offset: int
    at: int


def project(
    passed: Iterable[Passed],
    known: dict[Held, Folded | None],
    hours: dict[int, Hours],
    operations: Operations,
    place: tuple[str, int],
) -> None:
    """Marks after these numbers, into `operations`. Changes `known` (which has every owner) and `hours`.

    `place` is the read model's name and version.
    """
    sizes = sizes_key(*place)
    touched: dict[tuple[Held, int], Folded] = {}
    grown: dict[tuple[int, int], None] = {}
    gone: list[tuple[int, int]] = []
    for each in passed:
        who = owner(each.head)
        if who is None:
            continue
        state = hours.setdefault(each.partition, Hours())
        state.hour = max(state.hour, each.at // SLOT_MS)
        held = (who, each.partition)
        stored = known.get(held)
        if stored is not None and stored.to > each.offset:
            # It was written, and the batch was not: it is read again.
            gone += [(each.partition, hour) for hour in expired(state)]
            continue
        before = alive(None if stored is None else stored.mark, each.at)
        if before is not None and before.seen_at // SLOT_MS not in state.sizes:
            before = None
        # Log time does not go back, whatever a broker's clock does.
        mark = bounded(advance(before, each.head.sequence, max(each.at, state.hour * SLOT_MS)))
        if before is None or before.seen_at // SLOT_MS != state.hour:
            state.sizes[state.hour] = state.sizes.get(state.hour, NONE).with_one(each.offset)
            grown[each.partition, state.hour] = None
        known[held] = touched[held, state.hour] = Folded(mark, each.offset + 1)
        # With each number, not with each batch: else what is left would depend on where batches end.
        gone += [(each.partition, hour) for hour in expired(state)]
    # Counts first: a mark in an hour that has none would not be found when this is done again.
    for partition, hour in grown:
        if hour in hours[partition].sizes:
            operations.set(sizes, f"{partition}:{hour}", hours[partition].sizes[hour].text())
    for ((who, partition), hour), folded in touched.items():
        if hour in hours[partition].sizes:
            key = data_key(*place, who[0], partition, hour)
            operations.keep(key, who[1], encode(folded), members_key(*place, partition, hour))
    for partition, hour in gone:
        operations.drop(members_key(*place, partition, hour), sizes, f"{partition}:{hour}")


def expired(state: Hours) -> Iterator[int]:
    """Takes out the hours that are too old, or too many; oldest first."""
    total = sum(counted.count for counted in state.sizes.values())
    for hour in sorted(state.sizes):
        if hour == state.hour or (hour >= state.hour - MARK_MS // SLOT_MS and total <= MARKS_MAX):
            return
        total -= state.sizes.pop(hour).count
        yield hour


def bounded(mark: Mark) -> Mark:
    """With its newest RANGES_MAX unseen ranges."""
    gone = mark.holes[: -2 * RANGES_MAX]
    return Mark(mark.highest, gone[-1] + 1, mark.holes[-2 * RANGES_MAX :], mark.seen_at) if gone else mark


def encode(folded: Folded) -> str:
    """One text for one mark."""
    mark = folded.mark
    return json.dumps([mark.highest, mark.floor, list(mark.holes), mark.seen_at, folded.to], separators=(",", ":"))


def decode(text: bytes) -> Folded:
    """What `encode` gave."""
    highest, floor, holes, seen_at, to = json.loads(text)
    return Folded(Mark(highest, floor, tuple(holes), seen_at), to)


def newest(texts: Iterable[bytes]) -> Folded | None:
    """Of the copies in several hours the one that counts."""
    found = (decode(text) for text in texts)
    return max(found, key=lambda folded: (folded.mark.seen_at, folded.mark.highest), default=None)


class Known:
    """Marks at hand; `load` reads those that are not, in one round trip."""

    def __init__(self, name: str, version: int) -> None:
        self._place = (name, version)
        self._marks: OrderedDict[Held, Folded | None] = OrderedDict()

    def load(self, client: Any, wanted: Sequence[Held], hours: Mapping[int, Hours]) -> dict[Held, Folded | None]:
        """These marks; None where there is none."""
        missing = dict.fromkeys(held for held in wanted if held not in self._marks)
        out = {held: self._marks[held] for held in wanted if held in self._marks}
        if missing:
            asked = [
                (held, data_key(*self._place, held[0][0], held[1], hour))
                for held in missing
                for hour in (hours[held[1]].sizes if held[1] in hours else ())
            ]
            copies: dict[Held, list[bytes]] = {held: [] for held in missing}
            for (held, _), text in zip(asked, client.hgets([(key, held[0][1]) for held, key in asked]), strict=True):
                copies[held] += [text] if text else []
            out |= {held: newest(texts) for held, texts in copies.items()}
        return out

    def adopt(self, marks: Mapping[Held, Folded | None]) -> None:
        """These are written."""
        for held, folded in marks.items():
            self._marks[held] = folded
            self._marks.move_to_end(held)
        while len(self._marks) > KNOWN_MAX:
            self._marks.popitem(last=False)


def shown(mark: Mark, number: int) -> Json:
    """A mark as /v1 shows it, and where one number stands: `seen`, `open` (unseen so far), `unknown` (below the floor).

    `open` of it are the unseen ranges as pairs of first and last.
    """
    word = {"new": "open"}.get(stands := standing(mark, number), stands)
    pairs = [list(pair) for pair in zip(mark.holes[::2], mark.holes[1::2], strict=True)]
    numbers = {"sequence": number, "standing": word, "highest": mark.highest, "floor": mark.floor, "open": pairs}
    return numbers | {"passed_at": time_text(mark.seen_at)}
