"""Flag what is late, missing or wrongly timed; pass every action on at once."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import cast

from processors.kernel.decider import Command, Decision, Event, SetTimer, TimerDue, View
from processors.ordering import rates
from processors.ordering.events import ActionOrdered, DriftNoted, GapKept, MarkMoved, PaceKept
from processors.ordering.rules import (
    DRIFT_EVERY_MS,
    GAP_WAIT_MS,
    MARK_MS,
    MAX_OPEN_GAPS,
    MAX_RANGES,
    clock,
    listed,
    size,
    without,
)
from processors.ordering.state import Drift, Gap, Mark, Pace, drift_part, gap_part, gaps_prefix, mark_part
from schemas.envelope import with_flags
from schemas.head import Head
from schemas.ids import key_of
from schemas.messages.actions import BACKFILL
from schemas.messages.ordering import (
    ClockDriftDetected,
    SequenceGapDeclared,
    SequenceGapFilled,
    SequenceGapOpened,
)

DECLARE = "declare"
FORGET = "forget"
FORGET_CLOCK = "forget_clock"
_LONG = 2**63 - 1


@dataclass(slots=True)
class _Draft:
    """A decision in the making."""

    events: list[Event] = field(default_factory=list)
    timers: list[SetTimer] = field(default_factory=list)
    reasons: list[str] = field(default_factory=list)
    flags: list[str] = field(default_factory=list)


def decide(command: Command, view: View) -> Decision:
    """An action, the end of a gap's wait, or a session that may be forgotten."""
    if isinstance(command.message, TimerDue):
        return _fired(command.message, view)
    head = cast(Head, command.message)
    draft = _Draft()
    if not head.traits & BACKFILL:
        _clock(command, head, view, draft)
        if head.sequence >= 0:
            _number(command, head, view, draft)
        counted = rates.count(command, head, view)
        draft.events += counted.events
        draft.timers += counted.timers
        draft.reasons += counted.reasons
    assert command.record is not None
    forwarded = Event(
        key_of(head.tenant, head.resource),
        ActionOrdered(),
        command.record.value,
        with_flags(command.record.headers, *draft.flags),
    )
    reasons = (*draft.reasons, *draft.flags) or ("in_order",)
    return Decision((forwarded, *draft.events), tuple(draft.timers), reasons)


def _clock(command: Command, head: Head, view: View, draft: _Draft) -> None:
    kind = clock(head)
    if kind is None:
        return
    draft.flags.append(kind)
    part = drift_part(command.key)
    known = cast("Drift | None", view.get(part))
    if known is not None and command.now - known.alerted_at < DRIFT_EVERY_MS:
        return
    # Two 64-bit times can be further apart than a 64-bit number holds.
    drift = max(-_LONG, min(_LONG, head.timestamp - head.received_at))
    draft.events += (
        Event(command.key, ClockDriftDetected(head.tenant, head.actor, kind, drift, head.event_id, command.now)),
        Event(command.key, DriftNoted(part, Drift(command.now))),
    )
    draft.timers.append(SetTimer(part, FORGET_CLOCK, command.now + DRIFT_EVERY_MS))
    draft.reasons.append("drift_alert")


def _number(command: Command, head: Head, view: View, draft: _Draft) -> None:
    part = mark_part(command.key, head.session)
    mark = cast("Mark | None", view.get(part))
    now = command.now
    if mark is None or now - mark.seen_at >= MARK_MS:
        draft.events.append(Event(command.key, MarkMoved(part, Mark(head.sequence, 0, now))))
        draft.timers.append(SetTimer(part, FORGET, now + MARK_MS))
        draft.reasons.append("session_began")
        return
    number = head.sequence
    if number <= mark.highest:
        mark = _late(command, head, view, mark, draft)
    elif number > mark.highest + 1:
        mark = _gap(command, head, mark, draft)
    draft.events.append(
        Event(command.key, MarkMoved(part, replace(mark, highest=max(mark.highest, number), seen_at=now)))
    )


def _gap(command: Command, head: Head, mark: Mark, draft: _Draft) -> Mark:
    first, last = mark.highest + 1, head.sequence - 1
    draft.flags.append("gap")
    now = command.now
    opened = SequenceGapOpened(head.tenant, head.actor, head.session, first, last, head.event_id, now)
    gap = Gap(head.tenant, head.actor, head.session, first, last, (first, last), now)
    draft.events.append(Event(command.key, opened))
    if mark.open_gaps >= MAX_OPEN_GAPS:
        draft.events.append(Event(command.key, _declared(gap, now)))
        draft.reasons.append("too_many_gaps")
        return mark
    part = gap_part(command.key, head.session, first)
    draft.events.append(Event(command.key, GapKept(part, gap)))
    draft.timers.append(SetTimer(part, DECLARE, now + GAP_WAIT_MS))
    return replace(mark, open_gaps=mark.open_gaps + 1)


def _late(command: Command, head: Head, view: View, mark: Mark, draft: _Draft) -> Mark:
    draft.flags.append("late")
    if not mark.open_gaps:
        return mark
    for part, gap in view.scan(gaps_prefix(command.key, head.session)):
        if not gap.first <= head.sequence <= gap.last:
            continue
        missing = without(gap.missing, head.sequence)
        if missing and len(missing) <= 2 * MAX_RANGES:
            draft.events.append(Event(command.key, GapKept(part, replace(gap, missing=missing))))
            return mark
        now = command.now
        if missing:
            draft.events.append(Event(command.key, _declared(replace(gap, missing=missing), now)))
            draft.reasons.append("too_many_ranges")
        else:
            late_ms = now - gap.opened_at
            filled = SequenceGapFilled(
                gap.tenant, gap.actor, gap.session, gap.first, gap.last, head.event_id, late_ms, now
            )
            draft.events.append(Event(command.key, filled))
            draft.reasons.append("gap_filled")
        draft.events.append(Event(command.key, GapKept(part, None)))
        return replace(mark, open_gaps=mark.open_gaps - 1)
    return mark


def _declared(gap: Gap, at: int) -> SequenceGapDeclared:
    return SequenceGapDeclared(
        gap.tenant,
        gap.actor,
        gap.session,
        gap.first,
        gap.last,
        listed(gap.missing),
        size(gap.missing),
        gap.opened_at,
        at,
    )


def _fired(due: TimerDue, view: View) -> Decision:
    if due.name == DECLARE:
        return _declare(due, view)
    if due.name == FORGET_CLOCK:
        return Decision((Event(due.part, DriftNoted(due.part, None)),), (), ("clock_forgotten",))
    if due.name == rates.FORGET_PACE:
        return _forget_pace(due, view)
    return _forget(due, view)


def _forget_pace(due: TimerDue, view: View) -> Decision:
    end = rates.known_until(cast(Pace, view.get(due.part)))
    if end > due.due:
        return Decision((), (SetTimer(due.part, rates.FORGET_PACE, end),), ("actor_lives",))
    return Decision((Event(due.part, PaceKept(due.part, None)),), (), ("actor_forgotten",))


def _declare(due: TimerDue, view: View) -> Decision:
    gap = cast(Gap, view.get(due.part))
    key = key_of(gap.tenant, gap.actor)
    events = [Event(key, _declared(gap, due.due)), Event(key, GapKept(due.part, None))]
    part = mark_part(key, gap.session)
    mark = cast("Mark | None", view.get(part))
    if mark is not None:
        events.append(Event(key, MarkMoved(part, replace(mark, open_gaps=max(0, mark.open_gaps - 1)))))
    return Decision(tuple(events), (), ("gap_declared",))


def _forget(due: TimerDue, view: View) -> Decision:
    """A day after a session began, and then a day after its last record: forget it, or look again later."""
    mark = cast(Mark, view.get(due.part))
    end = mark.seen_at + MARK_MS
    if end > due.due:
        return Decision((), (SetTimer(due.part, FORGET, end),), ("session_lives",))
    return Decision((Event(due.part, MarkMoved(due.part, None)),), (), ("session_forgotten",))
