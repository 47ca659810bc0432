"""Pure calculations of rml: what is alike, what is near in time, what moved money, what a label says."""

from __future__ import annotations

import re
from dataclasses import replace

from processors.rml.state import Alike, Sighting
from schemas.configuration import Rml
from schemas.ids import Id, derive
from schemas.messages.rml import (
    CaseEntriesAdded,
    CaseOpened,
    EffectEntered,
    EffectObserved,
    EffectObservedAgain,
    LabelObserved,
    NamedEntry,
    Outcome,
)

# Effects are compared by event time but kept by log time. An event time lags the log by at most an hour unless it is
# flagged (ordering's limit), plus what the pipeline itself was behind: this allows an outage of half a day.
SLACK_MS = 43_200_000
# 64 tellings of about 120 bytes are 8 KB, an eighth of the limit of a part. When more effects of one content come
# within the window, the oldest are not compared any more; a movement told again then counts as suspected, not as known.
SIGHTINGS = 64
CLIPPED_CHARACTERS = 200
HISTORY = "RML3"
ESCALATE = "escalate-history"

_WHOLE = re.compile(r"-?[0-9]{1,38}")
_UNTOLD = "\x00"


def cleaned(effect: EffectObserved) -> EffectObserved:
    """The effect as the ledger says it: amounts and currencies in one spelling, no character that a store refuses."""
    amount = effect.amount
    if amount is not None and _WHOLE.fullmatch(amount):
        amount = str(int(amount))
    return replace(
        effect,
        actor=_storable(effect.actor),
        resource=_storable(effect.resource),
        action_type=_storable(effect.action_type),
        kind=_storable(effect.kind),
        amount=_storable_some(amount),
        currency=None if effect.currency is None else _storable(effect.currency).upper(),
        counterparty=_storable_some(effect.counterparty),
        external_reference=_storable_some(effect.external_reference),
        reversibility=_storable(effect.reversibility),
    )


def cleaned_label(label: LabelObserved) -> LabelObserved:
    """The labelled action as a case says it."""
    return replace(
        label,
        actor=_storable(label.actor),
        resource=_storable(label.resource),
        action_type=_storable(label.action_type),
    )


def _storable(text: str) -> str:
    # Postgres stores no NUL; what the read model replaced could never be verified, so it is replaced before hashing.
    return text.replace("\x00", "\ufffd")


def _storable_some(text: str | None) -> str | None:
    return None if text is None else _storable(text)


def content(effect: EffectObserved | EffectEntered | EffectObservedAgain | CaseOpened | CaseEntriesAdded) -> Id:
    """What two effects alike share: kind, counterparty, currency, amount and resource. A missing one is like another
    missing one: unknown counts as the same."""
    five = (effect.kind, effect.counterparty, effect.currency, effect.amount, effect.resource)
    return derive("content", *(_UNTOLD if text is None else text for text in five))


def told(effect: EffectObserved | EffectEntered | EffectObservedAgain | LabelObserved | CaseOpened) -> Id:
    """One telling: the same action of the same actor, however often it is sent, is one."""
    return derive("told", effect.actor, effect.action_id)


def reference(effect: EffectObserved | EffectEntered | EffectObservedAgain) -> Id | None:
    """The external reference, hashed; None when there is none (an empty one is none)."""
    return derive("reference", effect.external_reference) if effect.external_reference else None


def outcome(effect: EffectObserved, settings: Rml) -> Outcome:
    """What is known of the effect: an action that failed says that there is none, unless its error leaves it open."""
    if effect.succeeded:
        return "applied"
    return "unknown" if effect.error_type in settings.uncertain_errors else "failed"


def moved(amount: str | None, what: Outcome) -> bool:
    """Whether money moved, or may have. Two mails alike are no second charge, nor are two charges of nothing."""
    return amount not in (None, "", "0") and what != "failed"


def same_movement(alike: Alike, effect: EffectObserved, window_ms: int) -> Sighting | None:
    """The last telling of the movement with this effect's external reference within the window, or None."""
    mark = reference(effect)
    if mark is None:
        return None
    found = [s for s in _near(alike, effect.event_time, window_ms) if s.reference == mark]
    return found[-1] if found else None


def others(alike: Alike, effect: EffectObserved, window_ms: int) -> tuple[Sighting, ...]:
    """The movements within the window of this one, each once (its first telling), in the order of the ledger."""
    first: dict[int, Sighting] = {}
    for sighting in _near(alike, effect.event_time, window_ms):
        first.setdefault(sighting.number, sighting)
    return tuple(first[number] for number in sorted(first))


def _near(alike: Alike, event_time: int, window_ms: int) -> list[Sighting]:
    return [s for s in alike.sightings if s.moved and abs(event_time - s.event_time) < window_ms]


def grown(alike: Alike | None, sighting: Sighting) -> Alike:
    """With one more telling; the oldest ones go when there are too many."""
    before = alike.sightings if alike is not None else ()
    return Alike((*before, sighting)[-SIGHTINGS:])


def named(sighting: Sighting) -> NamedEntry:
    """The entry of a sighting as a case names it."""
    return NamedEntry(sighting.number, sighting.entry_id, sighting.hash)


def keep_ms(settings: Rml) -> int:
    """How long of log time an effect is kept for comparison."""
    return settings.window_s * 1000 + SLACK_MS


def is_history(world: str | None, action: str | None) -> bool:
    """Whether a label opens a case. A label is a claim of code: it can raise a world, never lower it."""
    spelled = (world or "").strip().upper().replace("-", "").replace("_", "").replace(" ", "")
    return spelled == HISTORY or (action or "").strip().lower() == ESCALATE


def clip(text: str | None) -> str | None:
    """A text of no limit of its own as a case keeps it."""
    return None if text is None else _storable(text[:CLIPPED_CHARACTERS])


def why_second(effect: EffectObserved, before: Sighting, number: int, window_s: int) -> str:
    """One sentence: what came twice, how far apart, and why it is not one movement told twice."""
    what = f"{clip(effect.kind)} of {clip(effect.amount)} {clip(effect.currency) or 'of no currency'} (minor units)"
    who = f"with {clip(effect.counterparty)}" if effect.counterparty else "with nobody named"
    window = f"{window_s} s" if window_s % 3600 else f"{window_s // 3600} h"
    apart_s = abs(effect.event_time - before.event_time) // 1000
    missing = before.reference is None or not effect.external_reference
    told_apart = "an external reference is missing" if missing else "their external references differ"
    return (
        f"{what} {who} on {clip(effect.resource)} came twice within {window}: entries {before.number} and"
        f" {number}, {apart_s} s apart; {told_apart}, so they are not known to be one movement."
    )


def why_label(said: EffectObserved | LabelObserved) -> str:
    """One sentence: what the action's labels say."""
    named = (("world", clip(said.label_world)), ("action", clip(said.label_action)))
    labels = ", ".join(f"{name} {value}" for name, value in named if value)
    return f"{clip(said.actor)} labelled its {clip(said.action_type)} on {clip(said.resource)} as history: {labels}."
