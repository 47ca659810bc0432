"""decide, for how much is done: an actor's rate and habits, and a partition's share of its tenant's (seed 8.2, 18.6).

Counted in log time, imports of the past excepted. Each report leaves with the record that reaches a rung, so nothing
waits for the end of a second and what is said does not depend on batches; between two rungs nothing is said, which is
the price: what others sum is short by at most one rung a partition, a tenth of the limit in all.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, cast

from processors.kernel.decider import Command, Event, SetTimer, View
from processors.ordering.events import PaceKept, TrafficKept
from processors.ordering.state import Kind, Pace, Traffic, pace_part, traffic_part
from schemas.flood_rules import Floods, Unusual
from schemas.head import Head
from schemas.ids import key_of
from schemas.messages.incidents.flooding import ActorRateExceeded, ActorUnusual, NewActorsCounted, TrafficCounted

FORGET_PACE = "forget_pace"
# How long an actor without a history (one window or less) and one with it are known after their last action.
BRIEF_MS = 86_400_000
KNOWN_MS = 30 * 86_400_000
# A pace is at most 8 kinds of 32 characters with 8 windows each: below 1 KB. The last kind holds all further ones.
MAX_KINDS = 8
KIND_CHARACTERS = 32
OTHER = "other"
WINDOWS = 8
# New actors are counted in tens of seconds, and not while a tenant itself is new to the partition.
BUCKET_S = 10
TENANT_WARM_UP_MS = 3_600_000
# Rungs below the limit, over all partitions together.
RUNGS = 10


@dataclass(slots=True)
class Counted:
    """What an action adds to a decision."""

    events: list[Event]
    timers: list[SetTimer]
    reasons: list[str]


def kind_of(action_type: str) -> str:
    """The class of a type: `file` of `file.write`, `s3` of `s3:GetObject`; the type itself where nothing parts it."""
    for i, character in enumerate(action_type[:KIND_CHARACTERS]):
        if character in ".:/" and i:
            return action_type[:i]
    return action_type[:KIND_CHARACTERS]


def exceeds(count: int, limit: int) -> bool:
    """Whether it is said now that a limit is passed: at the first above it, and at every doubling of it."""
    if limit <= 0 or count <= limit:
        return False
    return count == limit + 1 or (count % limit == 0 and (count // limit).bit_count() == 1)


def step_of(limit: int, partitions: int) -> int:
    """How many lie between two rungs of one partition's ladder up to the tenant's limit; 0: it has none."""
    return max(1, limit // (RUNGS * max(1, partitions))) if limit > 0 else 0


def on_rung(count: int, limit: int, step: int) -> bool:
    """Whether a partition says its count now: at every step up to the limit, above it as `exceeds`."""
    if not step:
        return False
    return count % step == 0 if count <= limit else exceeds(count, limit)


def limit_of(history: tuple[int, ...], unusual: Unusual) -> int:
    """The count from which a window is unusual beside these active windows; 0: it cannot be said (warm-up)."""
    if unusual.minimum <= 0 or len(history) < unusual.warm_up:
        return 0
    return max(unusual.minimum, unusual.factor * max(history) + 1)


def rolled(kinds: tuple[Kind, ...]) -> tuple[Kind, ...]:
    """The kinds at the beginning of a new window."""
    return tuple(Kind(k.name, 0, (*k.history, k.count)[-WINDOWS:] if k.count else k.history) for k in kinds)


def count(command: Command, head: Head, view: View) -> Counted:
    """One action more of its actor and tenant."""
    floods = cast(Floods, view.config(head.tenant, "floods"))
    out = Counted([], [], [])
    part = pace_part(command.key)
    pace = cast("Pace | None", view.get(part))
    new = pace is None
    if pace is None:
        pace = Pace(0, 0, 0, ())
        out.timers.append(SetTimer(part, FORGET_PACE, command.now + BRIEF_MS))
        out.reasons.append("actor_new")
    after, found = _counted(command, head, pace, floods)
    out.events += [Event(command.key, PaceKept(part, after)), *(Event(key_of(head.tenant), m) for m in found)]
    out.reasons += [_REASONS[type(m)] for m in found]
    _traffic(command, head, view, floods, new, out)
    return out


_REASONS: dict[type, str] = {ActorRateExceeded: "actor_rate_exceeded", ActorUnusual: "actor_unusual"}


def _counted(command: Command, head: Head, pace: Pace, floods: Floods) -> tuple[Pace, list[Any]]:
    now, second = command.now, command.now // 1_000
    window_ms = floods.unusual.window_s * 1_000
    window = now // window_ms
    in_second = pace.in_second + 1 if pace.second == second else 1
    said: list[Any] = []
    if exceeds(in_second, floods.actor_per_second):
        limit = floods.actor_per_second
        said.append(ActorRateExceeded(head.tenant, head.actor, second, in_second, limit, now))
    kinds = pace.kinds if pace.window == window else rolled(pace.kinds)
    at = _place(kinds, kind_of(head.type))
    if at == len(kinds):
        name = kind_of(head.type) if at < MAX_KINDS - 1 else OTHER
        kinds = (*kinds, Kind(name, 0, ()))
    kind = kinds[at]
    counted = Kind(kind.name, kind.count + 1, kind.history)
    limit = limit_of(kind.history, floods.unusual)
    if limit and counted.count == limit:
        said.append(
            ActorUnusual(
                tenant=head.tenant,
                actor=head.actor,
                kind=kind.name,
                count=counted.count,
                normal=max(kind.history),
                windows=len(kind.history),
                window_s=floods.unusual.window_s,
                limit=limit,
                resource=head.resource,
                action_id=head.event_id,
                since=window * window_ms,
                at=now,
            )
        )
    return Pace(second, in_second, window, (*kinds[:at], counted, *kinds[at + 1 :])), said


def _place(kinds: tuple[Kind, ...], name: str) -> int:
    """Where a kind is counted; `len(kinds)` where it is to be added."""
    for at, kind in enumerate(kinds):
        if kind.name == name:
            return at
    return len(kinds) if len(kinds) < MAX_KINDS else MAX_KINDS - 1


def _traffic(command: Command, head: Head, view: View, floods: Floods, new: bool, out: Counted) -> None:
    now, second = command.now, command.now // 1_000
    part = traffic_part(key_of(head.tenant))
    before = cast("Traffic | None", view.get(part)) or Traffic(now, 0, 0, 0, 0)
    actions = before.actions + 1 if before.second == second else 1
    bucket, actors = before.bucket, before.actors
    assert command.record is not None
    partition, key = command.record.partition, key_of(head.tenant)
    if new and now - before.first_at >= TENANT_WARM_UP_MS:
        actors = actors + 1 if bucket == second // BUCKET_S else 1
        bucket = second // BUCKET_S
    out.events.append(Event(command.key, TrafficKept(part, Traffic(before.first_at, second, actions, bucket, actors))))
    limit = floods.tenant_per_second
    if on_rung(actions, limit, step_of(limit, command.partitions)):
        out.events.append(Event(key, TrafficCounted(head.tenant, partition, second, actions, now)))
        out.reasons.append("traffic_counted")
    limit = floods.new_actors_per_minute
    counted = (bucket, actors) != (before.bucket, before.actors)
    if counted and on_rung(actors, limit, step_of(limit, command.partitions)):
        since = bucket * BUCKET_S
        out.events.append(Event(key, NewActorsCounted(head.tenant, partition, since, actors, head.actor, now)))
        out.reasons.append("new_actors_counted")


def known_until(pace: Pace) -> int:
    """When an actor who does nothing further is forgotten (ms of log time)."""
    known = any(kind.history for kind in pace.kinds)
    return pace.second * 1_000 + (KNOWN_MS if known else BRIEF_MS)
