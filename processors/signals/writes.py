"""What writes data: told to the incidents processor, which ranks it when somebody finds the data wrong (seed 18.5).

An effect of a writing kind is told each time, with its rows. A plain action of a writing type (`writes` of the document
`signals`) is told at once, and further ones of its kind, actor and resource are counted: when a minute is over they
are told as one, with their number. So a busy writer costs two commands a minute, and the batch face counts in place.
"""

from __future__ import annotations

import re
from dataclasses import replace
from typing import cast

from processors.kernel.decider import Command, Decision, Event, SetTimer, TimerDue, View
from processors.signals.events import WritingSeen, WroteKept
from processors.signals.rules import event_time
from processors.signals.state import Writing, Wrote, writing_part, wrote_part
from schemas.envelope import flags as flags_of
from schemas.head import Head
from schemas.ids import key_of
from schemas.messages.actions import BACKFILL, ERROR, Action
from schemas.messages.incidents import WriteObserved
from schemas.signal_rules import Signals
from schemas.write_rules import write_points

# What agents call a write; money has a currency and is none.
_WRITES = re.compile(
    r"\A(?:db|data|table|row|file|bulk|batch)?[_.-]?(?:write|insert|update|upsert|delete|truncate|import|backfill)"
)
_DIGITS = 12  # of a number of rows: more than any table has
WROTE, WRITING = "wrote", "writing"
WITHIN_MS = 60_000
# Writers (actor, kind, resource) that are told in a minute, a tenant and partition: with 4 partitions and a count for
# each these are 40 commands of some 100 µs a second, however many files an agent writes. Further ones are not told.
WRITERS_PER_MINUTE = 300
# Of a kind, which the incidents processor clips to 32: with the head's texts (4 KB each) a part stays below 16 KB.
KIND_CHARACTERS = 200


def written(action: Action, at: int, settings: Signals) -> tuple[Event, ...]:
    """The write that an action's effect is, or nothing. `amount` without a currency is the number of rows."""
    effect = action.effect
    if effect is None or effect.currency is not None or action.error is not None:
        return ()
    points = write_points(settings.writes, effect.kind)
    if points is None and not _WRITES.match(effect.kind.lower()):
        return ()
    amount = effect.amount or ""
    rows = int(amount) if amount.isascii() and amount.isdigit() and len(amount) <= _DIGITS else None
    said = WriteObserved(
        action.tenant, action.resource, effect.kind, action.actor, rows, action.event_id, at, points=points
    )
    return (Event(key_of(action.tenant), said),)


def noted(command: Command, head: Head, view: View, settings: Signals, decided: Decision) -> Decision:
    """What was decided of an action, and that it wrote data where its type says so and no effect of it did."""
    points = None if head.traits & (ERROR | BACKFILL) else write_points(settings.writes, head.type)
    if points is None or any(isinstance(e.message, WriteObserved) for e in decided.events):
        return decided
    part = wrote_part(command.key, head.actor, head.type)
    known = cast("Wrote | None", view.get(part))
    if known is not None:
        return _with(decided, Event(command.key, WroteKept(part, replace(known, count=known.count + 1))))
    minute = writing_part(key_of(head.tenant))
    seen = cast(Writing, view.get(minute) or Writing(0))
    if seen.writers >= WRITERS_PER_MINUTE:
        return decided
    assert command.record is not None
    at = event_time(head, flags_of(command.record.headers))
    kind = head.type[:KIND_CHARACTERS]
    said = WriteObserved(head.tenant, head.resource, kind, head.actor, None, head.event_id, at, points=points)
    events = (
        Event(key_of(head.tenant), said),
        Event(command.key, WroteKept(part, Wrote(said, 1))),
        Event(command.key, WritingSeen(minute, Writing(seen.writers + 1))),
    )
    timers = [SetTimer(part, WROTE, command.now + WITHIN_MS)]
    if not seen.writers:
        timers.append(SetTimer(minute, WRITING, command.now + WITHIN_MS))
    reasons = ("write", *(("writers_full",) if seen.writers + 1 == WRITERS_PER_MINUTE else ()))
    before = tuple(r for r in decided.reasons if r != "normal")
    return Decision((*decided.events, *events), (*decided.timers, *timers), (*before, *reasons))


def _with(decided: Decision, event: Event) -> Decision:
    return replace(decided, events=(*decided.events, event))


def over(due: TimerDue, view: View) -> Decision:
    """A minute is over: of a writer, who is told of again where there was more; of a tenant's count of writers."""
    if due.name == WRITING:
        return Decision((Event(due.part, WritingSeen(due.part, None)),), (), ("minute_over",))
    wrote = cast(Wrote, view.get(due.part))
    gone = Event(due.part, WroteKept(due.part, None))
    if wrote.count == 1:
        return Decision((gone,), (), ("write_over",))
    said = replace(wrote.first, count=wrote.count)
    return Decision((Event(key_of(said.tenant), said), gone), (), ("writes_counted",))
