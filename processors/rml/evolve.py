"""Fold the events of rml into its parts. Total, without rules."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from processors.kernel.decider import View
from processors.rml.events import AlikeForgotten, LabelForgotten
from processors.rml.rules import content, grown, moved, reference, told
from processors.rml.state import Alike, Labelled, Ledger, Sighting, alike_part, labelled_part, ledger_part
from schemas.ids import key_of
from schemas.ledger import GENESIS
from schemas.messages.rml import CaseEntriesAdded, CaseOpened, EffectEntered, EffectObservedAgain

Parts = Mapping[str, Any | None]
NO_LEDGER = Ledger(0, GENESIS, 0)


def evolve(view: View, event: Any) -> Parts:
    """The parts that `event` writes, or deletes (None)."""
    match event:
        case EffectEntered():
            return _entered(view, event)
        case EffectObservedAgain():
            return _observed_again(view, event)
        case CaseOpened():
            return _opened(view, event)
        case CaseEntriesAdded():
            return _in_case(view, event)
        case AlikeForgotten() | LabelForgotten():
            return {event.part: None}
        case _:
            return {}


def _entered(view: View, event: EffectEntered) -> Parts:
    key = key_of(event.tenant)
    part = alike_part(key, content(event))
    sighting = Sighting(
        number=event.number,
        entry_id=event.entry_id,
        hash=event.hash,
        told=told(event),
        reference=reference(event),
        moved=moved(event.amount, event.outcome),
        observations=1,
        event_time=event.event_time,
        at=event.at,
    )
    head = view.get(ledger_part(key)) or NO_LEDGER
    return {
        ledger_part(key): replace(head, entries=event.number, hash=event.hash),
        part: grown(view.get(part), sighting),
    }


def _observed_again(view: View, event: EffectObservedAgain) -> Parts:
    part = alike_part(key_of(event.tenant), content(event))
    alike: Alike | None = view.get(part)
    known = [s for s in alike.sightings if s.number == event.number] if alike else []
    if not known:
        return {}
    again = replace(
        known[-1], told=told(event), observations=event.observations, event_time=event.event_time, at=event.at
    )
    return {part: grown(alike, again)}


def _opened(view: View, event: CaseOpened) -> Parts:
    key = key_of(event.tenant)
    head = view.get(ledger_part(key)) or NO_LEDGER
    out: dict[str, Any | None] = {ledger_part(key): replace(head, cases=event.number)}
    if event.reason == "second_charge":
        return out | _in_case(view, event)
    if not event.entries:
        out[labelled_part(key, told(event))] = Labelled(event.at)
    return out


def _in_case(view: View, event: CaseOpened | CaseEntriesAdded) -> dict[str, Any | None]:
    part = alike_part(key_of(event.tenant), content(event))
    alike: Alike | None = view.get(part)
    if alike is None:
        return {}
    numbers = [entry.number for entry in event.entries]
    marked = (
        replace(s, case_id=event.case_id, case=event.number) if s.number in numbers else s for s in alike.sightings
    )
    return {part: Alike(tuple(marked))}
