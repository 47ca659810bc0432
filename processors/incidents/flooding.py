"""decide and evolve, for floods (seed 8.2): what ordering's partitions counted is summed, an episode begins, grows, is
judged by a person, and ends. Flagged, never dropped: nothing here keeps an action from being decided.

What was first seen or counted comes in rungs, so a sum may be short by a tenth of its limit (ordering's rates.py).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, cast

from processors.incidents.flood_state import (
    Flood,
    FloodCounts,
    FloodRunning,
    PartitionCount,
    counts_part,
    flood_part,
    running_part,
)
from processors.incidents.rules import clip
from processors.kernel.decider import Command, Decision, Event, SetTimer, TimerDue, View
from schemas.flood_rules import Floods
from schemas.ids import Id, child_id, key_of, unescape
from schemas.messages.incidents import CommandRefused
from schemas.messages.incidents.flooding import (
    ActorRateExceeded,
    ActorUnusual,
    FloodEnded,
    FloodGrew,
    FloodJudged,
    FloodKind,
    FloodSuspected,
    JudgeFlood,
    NewActorsCounted,
    TrafficCounted,
)

# An actor's name is in evidence and keys of limits; the rest of a longer one says nothing more.
ACTOR_CHARACTERS = 256
# Counts that are kept: 256 x 30 bytes. A second of 64 partitions, or six tens of seconds of 40; the oldest go first.
MAX_COUNTS = 256
# Partitions are read one after the other: what is this much older than the newest is no longer summed.
SECONDS = 60
TENS = 6
# Episodes of one tenant at a time: 1,000 x 400 bytes. Beyond it only the tenant's own flood is told.
MAX_FLOODS = 1_000
KEEP_MS = 86_400_000
END, FORGET = "flood_end", "flood_forget"
UNUSUAL: FloodKind = "unusual_behaviour"
Parts = Mapping[str, Any | None]


@dataclass(frozen=True, slots=True)
class FloodNoted:
    """The episode was told again; only the state changes."""

    key: str
    flood_id: Id
    count: int
    at: int


@dataclass(frozen=True, slots=True)
class CountsKept:
    """What partitions counted; only the state changes."""

    key: str
    counts: FloodCounts


@dataclass(frozen=True, slots=True)
class FloodForgotten:
    """The episode leaves the state."""

    key: str
    flood_id: Id


@dataclass(frozen=True, slots=True)
class _Seen:
    """What flags an episode. `rate` is what the gateway shall let pass a second, 0: all of it."""

    tenant: str
    kind: FloodKind
    actor: str
    count: int
    limit: int
    evidence: str
    rate: int


def _rate(command: Command, fact: ActorRateExceeded, view: View) -> Decision:
    evidence = f"{fact.count:,} actions of {fact.actor} in one second, more than {fact.limit:,}"
    seen = _Seen(fact.tenant, "suspicious_volume", fact.actor, fact.count, fact.limit, evidence, fact.limit)
    return _suspected(command, seen, view)


def _unusual(command: Command, fact: ActorUnusual, view: View) -> Decision:
    evidence = (
        f"{fact.count:,} actions of kind {fact.kind} by {fact.actor} within {fact.window_s} s "
        f"(normal: at most {fact.normal:,} in each of the last {fact.windows} active windows)"
    )
    return _suspected(command, _Seen(fact.tenant, UNUSUAL, fact.actor, fact.count, fact.limit, evidence, 0), view)


def _traffic(command: Command, fact: TrafficCounted, view: View) -> Decision:
    key, floods = key_of(fact.tenant), _settings(view, fact.tenant)
    counts = _counts(view, key)
    kept, total, parts = _summed(counts.actions, PartitionCount(fact.partition, fact.second, fact.actions), 1, SECONDS)
    noted = CountsKept(key, replace(counts, actions=kept))
    limit = floods.tenant_per_second
    if not limit or total <= limit:
        return Decision((Event(key, noted),), reasons=("traffic_noted",))
    evidence = f"at least {total:,} actions of the tenant in one second, more than {limit:,} ({_spread(parts)})"
    seen = _Seen(fact.tenant, "possible_attack", "", total, limit, evidence, limit)
    return _suspected(command, seen, view, noted)


def _newcomers(command: Command, fact: NewActorsCounted, view: View) -> Decision:
    key, floods = key_of(fact.tenant), _settings(view, fact.tenant)
    counts = _counts(view, key)
    found = PartitionCount(fact.partition, fact.second, fact.actors)
    kept, total, parts = _summed(counts.newcomers, found, 10 * TENS, 10 * TENS)
    noted = CountsKept(key, replace(counts, newcomers=kept))
    limit = floods.new_actors_per_minute
    if not limit or total <= limit:
        return Decision((Event(key, noted),), reasons=("newcomers_noted",))
    evidence = (
        f"at least {total:,} actors seen for the first time within a minute, more than {limit:,} "
        f"({_spread(parts)}; the last: {clip(fact.actor, ACTOR_CHARACTERS)})"
    )
    rate = floods.tenant_per_second
    seen = _Seen(fact.tenant, "possible_credential_stuffing", "", total, limit, evidence, rate)
    return _suspected(command, seen, view, noted)


def _summed(
    kept: tuple[PartitionCount, ...], new: PartitionCount, within: int, keep: int
) -> tuple[tuple[PartitionCount, ...], int, int]:
    """The counts with a newer one, the sum over the `within` seconds that end with it, and over how many partitions."""
    others = [
        c for c in kept if (c.partition, c.second) != (new.partition, new.second) and c.second > new.second - keep
    ]
    after = (*others, new)[-MAX_COUNTS:]
    summed = [c for c in after if new.second - within < c.second <= new.second]
    return after, sum(c.count for c in summed), len({c.partition for c in summed})


def _spread(partitions: int) -> str:
    return "on one partition" if partitions == 1 else f"summed over {partitions} partitions"


def _suspected(command: Command, seen: _Seen, view: View, noted: CountsKept | None = None) -> Decision:
    key, floods = key_of(seen.tenant), _settings(view, seen.tenant)
    before = () if noted is None else (Event(key, noted),)
    actor = clip(seen.actor, ACTOR_CHARACTERS)
    running: FloodRunning | None = view.get(running_part(key, seen.kind, actor))
    flood: Flood | None = None if running is None else view.get(flood_part(key, running.flood_id))
    until = command.now + floods.limit_s * 1_000 if seen.rate and floods.limit_s else 0
    if flood is not None:
        return _again(command, seen, flood, until, before)
    counts = noted.counts if noted is not None else _counts(view, key)
    if counts.floods >= MAX_FLOODS and seen.actor:
        return Decision(before, reasons=("too_many_floods",))
    suspected = FloodSuspected(
        tenant=seen.tenant,
        flood_id=child_id(command.id, "incidents.Flood", key, 0),
        kind=seen.kind,
        actor=actor,
        count=seen.count,
        limit=seen.limit,
        evidence=seen.evidence,
        rate_limit=seen.rate if until else 0,
        limited_until=until,
        security_owner="" if seen.kind == UNUSUAL else floods.security_owner,
        at=command.now,
    )
    more = CountsKept(key, replace(counts, floods=counts.floods + 1))
    end = SetTimer(flood_part(key, suspected.flood_id), END, command.now + floods.quiet_s * 1_000)
    return Decision((Event(key, more), Event(key, suspected)), (end,), ("flood_suspected",))


def _again(command: Command, seen: _Seen, flood: Flood, until: int, before: tuple[Event, ...]) -> Decision:
    """The episode goes on: said again at twice the count, and when its limit at the gateway is over."""
    key = key_of(seen.tenant)
    events = [*before, Event(key, FloodNoted(key, flood.flood_id, seen.count, command.now))]
    lapsed = bool(until) and not flood.verdict and command.now >= flood.limited_until
    if seen.count < 2 * flood.said and not lapsed:
        return Decision(tuple(events), reasons=("flood_goes_on",))
    limited = until if lapsed else flood.limited_until
    grew = FloodGrew(
        seen.tenant, flood.flood_id, flood.kind, flood.actor, seen.count, seen.evidence, command.now, limited
    )
    return Decision((*events, Event(key, grew)), reasons=("flood_grew",))


def _judged(command: Command, wish: JudgeFlood, view: View) -> Decision:
    key = key_of(wish.tenant)
    flood: Flood | None = view.get(flood_part(key, wish.flood_id))
    if flood is None:
        why = "nothing that was flagged has this id, or it was over more than a day ago"
        return _refused(command, wish, "unknown_or_closed", why, "See `mandate review list`.")
    if flood.verdict == wish.verdict:
        why = f"it is already {flood.verdict}"
        return _refused(command, wish, "already_judged", why, "Give the other verdict, or leave it.")
    blocked = wish.verdict == "confirmed" and flood.kind != UNUSUAL
    seconds = _settings(view, wish.tenant).confirmed_s if blocked else 0
    judged = FloodJudged(
        tenant=wish.tenant,
        flood_id=flood.flood_id,
        kind=flood.kind,
        actor=flood.actor,
        verdict=wish.verdict,
        subject=wish.subject,
        note=wish.note,
        limited_until=command.now + seconds * 1_000,
        at=command.now,
    )
    return Decision((Event(key, judged),), reasons=(f"flood_{wish.verdict}",), answer="accepted")


def _refused(command: Command, wish: JudgeFlood, code: str, why: str, remedy: str) -> Decision:
    refused = CommandRefused(
        tenant=wish.tenant,
        command_id=wish.command_id,
        subject=wish.subject,
        incident_id=wish.flood_id,
        command="JudgeFlood",
        code=code,
        why=why,
        remedy=remedy,
        at=command.now,
    )
    return Decision((Event(key_of(wish.tenant), refused),), reasons=(code,), answer=code)


def timer(command: Command, due: TimerDue, view: View) -> Decision:
    """An episode was quiet for a while, or was over for a day."""
    key = due.part.split("/", 1)[0]
    flood = cast(Flood, view.get(due.part))
    if due.name == FORGET:
        return Decision((Event(key, FloodForgotten(key, flood.flood_id)),), reasons=("flood_forgotten",))
    tenant = unescape(key)
    end = flood.last_at + _settings(view, tenant).quiet_s * 1_000
    if end > due.due:
        return Decision((), (SetTimer(due.part, END, end),), ("flood_runs",))
    ended = FloodEnded(tenant, flood.flood_id, flood.kind, flood.actor, flood.peak, flood.reports, due.due)
    return Decision((Event(key, ended),), (SetTimer(due.part, FORGET, due.due + KEEP_MS),), ("flood_ended",))


def _settings(view: View, tenant: str) -> Floods:
    return cast(Floods, view.config(tenant, "floods"))


def _counts(view: View, key: str) -> FloodCounts:
    return cast("FloodCounts | None", view.get(counts_part(key))) or FloodCounts()


# --- evolve -------------------------------------------------------------------------------------------------------


def _began(view: View, event: FloodSuspected) -> Parts:
    key = key_of(event.tenant)
    flood = Flood(
        flood_id=event.flood_id,
        kind=event.kind,
        actor=event.actor,
        count=event.count,
        said=event.count,
        peak=event.count,
        reports=1,
        started_at=event.at,
        last_at=event.at,
        limited_until=event.limited_until,
    )
    return {
        flood_part(key, event.flood_id): flood,
        running_part(key, event.kind, event.actor): FloodRunning(event.flood_id),
    }


def _with(view: View, key: str, flood_id: Id, change: Callable[[Flood], Flood]) -> Parts:
    part = flood_part(key, flood_id)
    flood: Flood | None = view.get(part)
    return {} if flood is None else {part: change(flood)}


def _noted(view: View, event: FloodNoted) -> Parts:
    def change(flood: Flood) -> Flood:
        peak = max(flood.peak, event.count)
        return replace(flood, count=event.count, peak=peak, reports=flood.reports + 1, last_at=event.at)

    return _with(view, event.key, event.flood_id, change)


def _grew(view: View, event: FloodGrew) -> Parts:
    def change(flood: Flood) -> Flood:
        return replace(flood, said=max(flood.said, event.count), limited_until=event.limited_until)

    return _with(view, key_of(event.tenant), event.flood_id, change)


def _verdict(view: View, event: FloodJudged) -> Parts:
    def change(flood: Flood) -> Flood:
        return replace(flood, verdict=event.verdict, limited_until=event.limited_until)

    return _with(view, key_of(event.tenant), event.flood_id, change)


def _over(view: View, event: FloodEnded) -> Parts:
    key = key_of(event.tenant)
    ended = _with(view, key, event.flood_id, lambda flood: replace(flood, ended_at=event.at))
    return {**ended, running_part(key, event.kind, event.actor): None}


def _gone(view: View, event: FloodForgotten) -> Parts:
    counts = _counts(view, event.key)
    fewer = replace(counts, floods=max(0, counts.floods - 1))
    return {flood_part(event.key, event.flood_id): None, counts_part(event.key): fewer}


Handler = Callable[[Command, Any, View], Decision]
HANDLERS: Mapping[type, Handler] = {
    ActorRateExceeded: _rate,
    ActorUnusual: _unusual,
    TrafficCounted: _traffic,
    NewActorsCounted: _newcomers,
    JudgeFlood: _judged,
}
TIMERS: Mapping[str, Handler] = {END: timer, FORGET: timer}
EVOLVE: Mapping[type, Callable[[View, Any], Parts]] = {
    FloodSuspected: _began,
    FloodNoted: _noted,
    FloodGrew: _grew,
    FloodJudged: _verdict,
    FloodEnded: _over,
    FloodForgotten: _gone,
    CountsKept: lambda view, event: {counts_part(event.key): event.counts},
}
