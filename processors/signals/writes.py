"""Effects that write data: told to the incidents processor, which ranks them when somebody finds the data wrong."""

from __future__ import annotations

import re

from processors.kernel.decider import Event
from schemas.ids import key_of
from schemas.messages.actions import Action
from schemas.messages.incidents import WriteObserved

# What agents call a write; money has a currency and is none.
_WRITES = re.compile(
    r"\A(?:db|data|table|row|file|bulk|batch)?[_.-]?(?:write|insert|update|upsert|delete|truncate|import|backfill)"
)
_DIGITS = 12  # of a number of rows: more than any table has


def written(action: Action, at: int) -> tuple[Event, ...]:
    """The write that an action's effect is, or nothing. `amount` without a currency is the number of rows."""
    effect = action.effect
    if effect is None or effect.currency is not None or action.error is not None:
        return ()
    if not _WRITES.match(effect.kind.lower()):
        return ()
    amount = effect.amount or ""
    rows = int(amount) if amount.isascii() and amount.isdigit() and len(amount) <= _DIGITS else None
    said = WriteObserved(action.tenant, action.resource, effect.kind, action.actor, rows, action.event_id, at)
    return (Event(key_of(action.tenant), said),)
