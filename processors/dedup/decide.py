"""Is this action new, sent again, or in the wrong place? One record, on its head alone."""

from __future__ import annotations

from processors.dedup.events import ActionAdmitted, ActionRerouted, MarkForgotten, MarkTouched, Sighted
from processors.dedup.rules import (
    MARK_MS,
    MAX_TIMES,
    Sighting,
    alive,
    digest,
    find,
    in_window,
    raises_floor,
    standing,
)
from processors.dedup.state import Mark, mark_part
from processors.kernel.decider import Command, Decision, Event, Refuse, SetTimer, TimerDue, View
from schemas.envelope import FLAGS, flags, with_flags
from schemas.head import Head
from schemas.ids import key_of
from schemas.messages.actions import EFFECT, ActionDropped
from schemas.partitioning import partition_of
from schemas.record import Headers, Record

EXPIRE = "expire"


def decide(command: Command, view: View) -> Decision:
    """Admitted, dropped as redelivered, or sent to its right partition. Refuses wrong_key and rerouted_twice."""
    message = command.message
    if isinstance(message, TimerDue):
        return _expire(message, view)
    head: Head = message
    record = command.record
    assert record is not None
    if record.key is None or command.key != key_of(head.tenant, head.actor):
        raise Refuse("wrong_key", f"the key is {command.key!r}, the action belongs to {head.tenant!r}/{head.actor!r}")
    if partition_of(record.key, command.partitions) != record.partition:
        return _reroute(command, record)
    second = command.now // 1000
    id_digest = digest(b"i", record.key, head.event_id)
    known = find(view, id_digest, second)
    part = mark_part(command.key, head.session) if head.session and head.sequence >= 0 else None
    mark: Mark | None = alive(view.get(part), command.now) if part else None
    if in_window(known, second):
        return _drop(command, head, record, known, "event_id", part if mark else None)
    return _number(command, head, record, view, id_digest, known, part, mark)


def _number(
    command: Command,
    head: Head,
    record: Record,
    view: View,
    id_digest: bytes,
    known: Sighting | None,
    part: str | None,
    mark: Mark | None,
) -> Decision:
    """The id is new; what does its number say?"""
    assert record.key is not None
    second = command.now // 1000
    words: list[str] = []
    times = 0 if known is None else min(known.times + 1, MAX_TIMES)
    sightings = [Sighted(id_digest, times)]
    if part is not None:
        number_digest = digest(b"n", record.key, b"%d:" % head.sequence + head.session.encode())
        stands = standing(mark, head.sequence)
        # A number of the window is in the mark too (which lives longer), or below its floor.
        in_use = stands != "new" and in_window(find(view, number_digest, second), second)
        if stands == "seen" and not in_use:
            return _drop(command, head, record, None, "sequence", part)
        if in_use:
            words.append("sequence_reused")
        else:
            sightings.append(Sighted(number_digest))
        if mark is not None and raises_floor(mark, head.sequence):
            words.append("floor_raised")
    if head.traits & EFFECT:
        content = digest(b"c", record.key, head.content_key)
        if in_window(find(view, content, second), second):
            words.append("repeated")
        # Each passing counts, not the first only: a third charge is compared with the second.
        sightings.append(Sighted(content))
    if times:
        words.append(f"id_reused:{times}")
    admitted = ActionAdmitted(tuple(sightings), record.offset, command.now, part, head.sequence if part else -1)
    event = Event(command.key, admitted, record.value, _headers(record.headers, words))
    timers = (SetTimer(part, EXPIRE, command.now + MARK_MS),) if part and mark is None else ()
    return Decision((event,), timers, ("admitted", *(w.partition(":")[0] for w in words)))


def _headers(headers: Headers, words: list[str]) -> Headers:
    """The record's headers with our flags. Of those that came only `rerouted` is kept: a producer sets no verdicts."""
    if not headers and not words:
        return headers
    came = flags(headers)
    if came and came != ("rerouted",):
        headers = tuple(h for h in headers if h[0] != FLAGS)
        if "rerouted" in came:
            words = ["rerouted", *words]
    return with_flags(headers, *words) if words else headers


def _drop(
    command: Command, head: Head, record: Record, first: Sighting | None, rule: str, mark: str | None
) -> Decision:
    assert record.value is not None
    dropped = ActionDropped(
        tenant=head.tenant,
        actor=head.actor,
        event_id=head.event_id,
        reason="redelivered",
        rule="event_id" if rule == "event_id" else "sequence",
        topic=record.topic,
        partition=record.partition,
        offset=record.offset,
        first_offset=first.offset if first else None,
        at=command.now,
        original=record.value,
    )
    events = [Event(command.key, dropped, about=record.offset)]
    if mark is not None:
        events.append(Event(command.key, MarkTouched(mark, command.now)))
    return Decision(tuple(events), reasons=("redelivered", f"redelivered_{rule}"))


def _reroute(command: Command, record: Record) -> Decision:
    if "rerouted" in flags(record.headers):
        raise Refuse(
            "rerouted_twice",
            f"partition {record.partition} is not that of key {command.key!r} and it was sent on once already",
        )
    moved = Event(command.key, ActionRerouted(record.offset), record.value, with_flags(record.headers, "rerouted"))
    return Decision((moved,), reasons=("rerouted",))


def _expire(due: TimerDue, view: View) -> Decision:
    """The timer is set once per mark and runs after the last record from then: not one timer per record."""
    mark: Mark | None = view.get(due.part)
    if mark is not None and alive(mark, due.due) is not None:
        return Decision(timers=(SetTimer(due.part, EXPIRE, mark.seen_at + MARK_MS),), reasons=("mark_in_use",))
    return Decision((Event(due.part, MarkForgotten(due.part)),), reasons=("mark_forgotten",))
