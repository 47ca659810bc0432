"""Enter every effect in the ledger; open a case for a suspected second charge, or when a label says so."""

from __future__ import annotations

from dataclasses import replace
from typing import cast

from processors.kernel.decider import Command, Decision, Event, SetTimer, TimerDue, View
from processors.rml import rules
from processors.rml.events import AlikeForgotten, LabelForgotten
from processors.rml.evolve import NO_LEDGER
from processors.rml.state import Alike, Labelled, Ledger, Sighting, alike_part, labelled_part, ledger_part
from schemas.configuration import Rml
from schemas.ids import child_id, key_of, unescape
from schemas.ledger import entry_hash, shown
from schemas.messages.rml import (
    CaseEntriesAdded,
    CaseOpened,
    CaseReason,
    EffectEntered,
    EffectObserved,
    EffectObservedAgain,
    LabelObserved,
    NamedEntry,
)

FORGET = "forget"
NOTHING = Alike(())


def decide(command: Command, view: View) -> Decision:
    """What follows from one effect, one label, or the end of what is kept."""
    match command.message:
        case EffectObserved() as effect:
            return _effect(command, rules.cleaned(effect), view)
        case LabelObserved() as label:
            return _label(command, label, view)
        case TimerDue() as timer:
            return _forget(timer, view)
        case _:
            return Decision(reasons=("not_for_rml",))


def _effect(command: Command, effect: EffectObserved, view: View) -> Decision:
    key = key_of(effect.tenant)
    settings = cast(Rml, view.config(effect.tenant, "rml"))
    part = alike_part(key, rules.content(effect))
    known: Alike | None = view.get(part)
    alike = known or NOTHING
    # Told by the same action again, after deduplication's window: a retry whose answer was lost, one movement.
    if any(s.told == rules.told(effect) for s in alike.sightings):
        return Decision(reasons=("already_entered",))
    moved = rules.moved(effect.amount, rules.outcome(effect, settings))
    window_ms = settings.window_s * 1000
    same = rules.same_movement(alike, effect, window_ms) if moved else None
    if same is not None:
        again = _again(command, effect, same)
        labelled, reasons = _labelled(command, effect, view, (rules.named(same),))
        return Decision((again, *labelled), (), ("observed_again", *reasons))
    entered = _entered(command, effect, view, settings)
    entry = NamedEntry(entered.number, entered.entry_id, entered.hash)
    others = rules.others(alike, effect, window_ms) if moved else ()
    if others:
        cases, reasons = _second_charge(command, effect, view, others, entry, settings.window_s)
    else:
        cases, reasons = _labelled(command, effect, view, (entry,))
    timers = (SetTimer(part, FORGET, command.now + rules.keep_ms(settings)),) if known is None else ()
    return Decision((Event(key, entered), *cases), timers, ("entered", *reasons))


def _entered(command: Command, effect: EffectObserved, view: View, settings: Rml) -> EffectEntered:
    key = key_of(effect.tenant)
    head: Ledger = view.get(ledger_part(key)) or NO_LEDGER
    entered = EffectEntered(
        tenant=effect.tenant,
        number=head.entries + 1,
        entry_id=child_id(command.id, "rml.Entry", key, 0),
        action_id=effect.action_id,
        actor=effect.actor,
        action_type=effect.action_type,
        kind=effect.kind,
        outcome=rules.outcome(effect, settings),
        amount=effect.amount,
        currency=effect.currency,
        counterparty=effect.counterparty,
        external_reference=effect.external_reference,
        resource=effect.resource,
        reversibility=effect.reversibility,
        event_time=effect.event_time,
        at=command.now,
        previous_hash=head.hash,
        hash=b"",
    )
    return replace(entered, hash=entry_hash(head.hash, effect.tenant, shown(entered)))


def _again(command: Command, effect: EffectObserved, same: Sighting) -> Event:
    return Event(
        key_of(effect.tenant),
        EffectObservedAgain(
            tenant=effect.tenant,
            number=same.number,
            entry_id=same.entry_id,
            observations=same.observations + 1,
            action_id=effect.action_id,
            actor=effect.actor,
            action_type=effect.action_type,
            kind=effect.kind,
            amount=effect.amount,
            currency=effect.currency,
            counterparty=effect.counterparty,
            external_reference=effect.external_reference,
            resource=effect.resource,
            event_time=effect.event_time,
            at=command.now,
        ),
    )


def _second_charge(
    command: Command, effect: EffectObserved, view: View, others: tuple[Sighting, ...], entry: NamedEntry, window_s: int
) -> tuple[tuple[Event, ...], tuple[str, ...]]:
    """A case of the movements near this one; where one of them is in a case already, this one joins it."""
    key = key_of(effect.tenant)
    in_case = [s for s in others if s.case_id is not None]
    if not in_case:
        entries = (*(rules.named(s) for s in others), entry)
        why = rules.why_second(effect, others[-1], entry.number, window_s)
        return (_case(command, effect, view, "second_charge", why, entries),), ("second_charge",)
    newest = in_case[-1]
    assert newest.case_id is not None
    added = CaseEntriesAdded(
        tenant=effect.tenant,
        case_id=newest.case_id,
        number=newest.case,
        resource=effect.resource,
        kind=effect.kind,
        counterparty=effect.counterparty,
        amount=effect.amount,
        currency=effect.currency,
        entries=(*(rules.named(s) for s in others if s.case_id is None), entry),
        action_id=effect.action_id,
        actor=effect.actor,
        event_time=effect.event_time,
        at=command.now,
    )
    return (Event(key, added),), ("another_charge",)


def _labelled(
    command: Command, said: EffectObserved | LabelObserved, view: View, entries: tuple[NamedEntry, ...]
) -> tuple[tuple[Event, ...], tuple[str, ...]]:
    """A case when the action's labels say history."""
    if not rules.is_history(said.label_world, said.label_action):
        return (), ()
    return (_case(command, said, view, "label", rules.why_label(said), entries),), ("labelled",)


def _case(
    command: Command,
    said: EffectObserved | LabelObserved,
    view: View,
    reason: CaseReason,
    why: str,
    entries: tuple[NamedEntry, ...],
) -> Event:
    key = key_of(said.tenant)
    head: Ledger = view.get(ledger_part(key)) or NO_LEDGER
    effect = said if isinstance(said, EffectObserved) else None
    opened = CaseOpened(
        tenant=said.tenant,
        case_id=child_id(command.id, "rml.Case", key, 0),
        number=head.cases + 1,
        world="RML3",
        reason=reason,
        why=why,
        resource=said.resource,
        kind=effect.kind if effect else None,
        counterparty=effect.counterparty if effect else None,
        amount=effect.amount if effect else None,
        currency=effect.currency if effect else None,
        entries=entries,
        action_id=said.action_id,
        actor=said.actor,
        label_world=rules.clip(said.label_world),
        label_action=rules.clip(said.label_action),
        event_time=said.event_time,
        at=command.now,
    )
    return Event(key, opened)


def _label(command: Command, label: LabelObserved, view: View) -> Decision:
    label = rules.cleaned_label(label)
    part = labelled_part(key_of(label.tenant), rules.told(label))
    if view.get(part) is not None:
        return Decision(reasons=("already_labelled",))
    cases, reasons = _labelled(command, label, view, ())
    if not cases:
        return Decision(reasons=("label_of_no_case",))
    settings = cast(Rml, view.config(label.tenant, "rml"))
    return Decision(cases, (SetTimer(part, FORGET, command.now + rules.keep_ms(settings)),), reasons)


def _forget(timer: TimerDue, view: View) -> Decision:
    """Set once for a part; when it fires, what came later starts the wait again from its own time."""
    kept = view.get(timer.part)
    if isinstance(kept, Labelled):
        return Decision((Event(timer.part, LabelForgotten(timer.part)),), (), ("label_forgotten",))
    alike = cast(Alike, kept)
    tenant = unescape(timer.part.partition("/")[0])
    settings = cast(Rml, view.config(tenant, "rml"))
    end = alike.sightings[-1].at + rules.keep_ms(settings)
    if end > timer.due:
        return Decision((), (SetTimer(timer.part, FORGET, end),), ("still_compared",))
    return Decision((Event(timer.part, AlikeForgotten(timer.part)),), (), ("alike_forgotten",))
