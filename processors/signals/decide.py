"""Tell errors, changes and effects apart; hold a failure only while another try is to be expected (seed 12.1)."""

from __future__ import annotations

from dataclasses import replace
from typing import cast

from processors.kernel.decider import Command, Decision, Event, Refuse, SetTimer, TimerDue, View
from processors.signals import tallies, writes
from processors.signals.events import FailureHeld, FailureReleased, TallyKept
from processors.signals.rules import NORMALISED_CHARACTERS, event_time, expects_another_try, grouped, normalise
from processors.signals.state import Held, Tally, held_part
from schemas.codec import Words
from schemas.envelope import flags as flags_of
from schemas.errors import SchemaError
from schemas.head import Head
from schemas.ids import key_of
from schemas.messages.actions import BACKFILL, CHANGE, EFFECT, ERROR, LABEL, Action, Labels
from schemas.messages.incidents import ChangeObserved, ErrorSignalled, FailureHealed
from schemas.messages.rml import EffectObserved, LabelObserved
from schemas.signal_rules import Signals

TIMER = "retry_window"
# What a waiting failure keeps of texts without a limit of their own: with the head's five (4 KB each at most) a part
# stays below 32 KB.
SAMPLE_CHARACTERS = 500
TYPE_CHARACTERS = 200
AFFECTED_CHARACTERS = 1_024
TRACE_CHARACTERS = 128
# An import has its retries close together in event time, but nobody knows how fast it is read: log time only ends the
# wait for a try that never comes.
HISTORY_WAIT_S = 60
_WORDS = Words((Action,))


def decide(command: Command, view: View) -> Decision:
    """An action, or the end of a retry window."""
    if isinstance(command.message, TimerDue):
        return _window_ended(command.message, view)
    head = cast(Head, command.message)
    settings = cast(Signals, view.config(head.tenant, "signals"))
    return writes.noted(command, head, view, settings, _acted(command, head, view, settings))


def _acted(command: Command, head: Head, view: View, settings: Signals) -> Decision:
    live = not head.traits & BACKFILL
    dependency = settings.dependency(head.resource) if live and settings.dependencies else None
    if dependency is not None:
        return _external(command, head, view, tallies.of_dependency(command, head, view, dependency), settings)
    part = held_part(command.key, head.actor, head.type, not live)
    held = cast("Held | None", view.get(part))
    if held is None and not head.traits & (ERROR | CHANGE | EFFECT | LABEL):
        rated = tallies.of_tries(command, head, view, settings.intermittent, False) if live else None
        return Decision(rated.events, rated.timers, ("normal",)) if rated else Decision(reasons=("normal",))
    action, at, events, reasons = _read(command, head, settings)
    if held is not None and at - held.last_event_time > settings.retry_window_s * 1000:
        # By event time the window was over before this try: what waited is a signal, and this one stands alone.
        events += (_unhealed(held), Event(command.key, FailureReleased(part)))
        reasons += ("retry_window_ended",)
        held = None
    if action.error is not None:
        more = _failure(command, head, action, at, part, held, settings)
    elif held is not None and at >= held.last_event_time:
        rated = _rated(command, head, view, settings, held.signal.error_type, False)
        more = _healed(action, at, part, held, rated)
    else:
        more = Decision()
    if live and (held is None or action.error is not None or at < held.last_event_time):
        waits = any(isinstance(e.message, FailureHeld) for e in more.events)
        rated = _rated(command, head, view, settings, action.error.type if action.error else "", waits)
        if rated is not None:
            more = Decision((*more.events, *rated.events), (*more.timers, *rated.timers), more.reasons)
    whole = (*reasons, *more.reasons) or ("normal",)
    return Decision((*events, *more.events), more.timers, whole)


def _read(command: Command, head: Head, settings: Signals) -> tuple[Action, int, tuple[Event, ...], tuple[str, ...]]:
    """The action, the time that groups it, and the facts in it with their reasons."""
    action = _decode(command)
    assert command.record is not None
    flags = flags_of(command.record.headers)
    at = event_time(head, flags)
    return action, at, *_facts(action, at, "repeated" in flags, settings)


def _rated(
    command: Command, head: Head, view: View, settings: Signals, error_type: str, begin: bool
) -> tallies.Rated | None:
    """One try more of what heals by retries, where it is counted; `begin`: a failure waits for its next try."""
    begin = begin and tallies.meant(settings.intermittent, head.resource, error_type[:TYPE_CHARACTERS])
    return tallies.of_tries(command, head, view, settings.intermittent, begin)


def _external(command: Command, head: Head, view: View, rated: tallies.Rated, settings: Signals) -> Decision:
    """A try of an external dependency: a failure is a signal while it fails more often than is normal."""
    if not head.traits & (ERROR | CHANGE | EFFECT | LABEL):
        return Decision(rated.events, rated.timers, rated.reasons or ("normal",))
    action, at, events, reasons = _read(command, head, settings)
    if action.error is not None and rated.elevated:
        signal = _signalled(action, at, None, 1, False, settings)
        said = f"{rated.words}: {signal.message}"[:NORMALISED_CHARACTERS]
        signal = replace(signal, reason="dependency_elevated", message=said, words=signal.message)
        events += (Event(key_of(action.tenant), signal),)
        reasons += ("dependency_failed",)
    elif action.error is not None:
        reasons += ("dependency_failed_as_expected",)
    return Decision((*events, *rated.events), rated.timers, (*reasons, *rated.reasons) or ("normal",))


def _decode(command: Command) -> Action:
    assert command.record is not None
    try:
        action: Action = _WORDS.decode(command.record.value)
    except SchemaError as error:
        raise Refuse("undecodable_body", error.why) from error
    return action


def _facts(action: Action, at: int, repeated: bool, settings: Signals) -> tuple[tuple[Event, ...], tuple[str, ...]]:
    """Changes, effects and labels are facts for others, whether the action failed or not."""
    events: list[Event] = []
    reasons: list[str] = []
    key = key_of(action.tenant)
    change, effect, labels = action.change, action.effect, action.labels or Labels()
    if change is not None and action.error is None:
        events.append(
            Event(
                key,
                ChangeObserved(
                    action.tenant,
                    action.resource,
                    change.kind,
                    change.before,
                    change.after,
                    change.summary,
                    action.actor,
                    action.event_id,
                    at,
                ),
            )
        )
        reasons.append("change")
    if effect is not None:
        events.append(
            Event(
                key,
                EffectObserved(
                    action.tenant,
                    action.event_id,
                    action.actor,
                    action.resource,
                    action.type,
                    effect.kind,
                    effect.amount,
                    effect.currency,
                    effect.counterparty,
                    effect.external_reference,
                    effect.reversibility,
                    action.error is None,
                    repeated,
                    at,
                    None if action.error is None else action.error.type[:TYPE_CHARACTERS],
                    labels.world,
                    labels.action,
                ),
            )
        )
        reasons.append("effect")
        events += writes.written(action, at, settings)
    elif labels != Labels():
        events.append(Event(key, _label(action, labels, at)))
        reasons.append("label")
    return tuple(events), tuple(reasons)


def _label(action: Action, labels: Labels, at: int) -> LabelObserved:
    return LabelObserved(
        action.tenant,
        action.event_id,
        action.actor,
        action.resource,
        action.type,
        labels.world,
        labels.action,
        at,
    )


def _failure(
    command: Command, head: Head, action: Action, at: int, part: str, held: Held | None, settings: Signals
) -> Decision:
    tries = (held.tries if held else 0) + 1
    signal = _signalled(action, at, held, tries, bool(head.traits & BACKFILL), settings)
    if expects_another_try(head, action, settings, tries):
        first = held.first_event_time if held else at
        waiting = Held(signal, tries, first, max(at, held.last_event_time if held else at))
        wait_s = max(settings.retry_window_s, HISTORY_WAIT_S) if signal.historical else settings.retry_window_s
        timer = SetTimer(part, TIMER, command.now + wait_s * 1000)
        return Decision((Event(command.key, FailureHeld(part, waiting)),), (timer,), ("held_for_retry",))
    if held is None:
        return Decision((Event(key_of(action.tenant), signal),), (), ("not_retryable",))
    last = replace(signal, reason="last_try_failed")
    return Decision(
        (Event(key_of(action.tenant), last), Event(command.key, FailureReleased(part))), (), ("last_try_failed",)
    )


def _signalled(
    action: Action, at: int, held: Held | None, tries: int, historical: bool, settings: Signals
) -> ErrorSignalled:
    assert action.error is not None
    counterparty = action.effect.counterparty if action.effect is not None else None
    affected = action.on_behalf_of or counterparty
    error_type = action.error.type[:TYPE_CHARACTERS]
    return ErrorSignalled(
        tenant=action.tenant,
        resource=action.resource,
        fingerprint=grouped(settings, action.resource, error_type, action.error.message),
        error_type=error_type,
        message=normalise(action.error.message),
        sample=action.error.message[:SAMPLE_CHARACTERS],
        actor=action.actor,
        session=action.session,
        action_type=action.type,
        action_id=action.event_id,
        affected=affected[:AFFECTED_CHARACTERS] if affected else None,
        event_time=at,
        first_event_time=held.first_event_time if held else at,
        failed_tries=tries,
        reason="not_retryable",
        historical=historical,
        trace_id=action.trace_id[:TRACE_CHARACTERS] if action.trace_id else None,
        received_at=max(0, action.received_at),
    )


def _healed(action: Action, at: int, part: str, held: Held, rated: tallies.Rated | None) -> Decision:
    """It healed: a count, or a signal all the same where too many tries fail."""
    more, timers = (rated.events, rated.timers) if rated is not None else ((), ())
    released = Event(part, FailureReleased(part))
    if rated is not None and rated.elevated:
        said = f"{rated.words}: {held.signal.message}"[:NORMALISED_CHARACTERS]
        signal = replace(held.signal, reason="intermittent", message=said, words=held.signal.message)
        return Decision((Event(key_of(action.tenant), signal), released, *more), timers, ("intermittent",))
    healed = FailureHealed(
        action.tenant,
        action.resource,
        held.signal.fingerprint,
        action.actor,
        action.type,
        action.event_id,
        held.tries,
        held.first_event_time,
        at,
        rated.words if rated is not None else "",
    )
    return Decision((Event(key_of(action.tenant), healed), released, *more), timers, ("healed_by_retry",))


def _unhealed(held: Held) -> Event:
    return Event(key_of(held.signal.tenant), replace(held.signal, reason="retry_window_ended"))


def _window_ended(due: TimerDue, view: View) -> Decision:
    if due.name in (writes.WROTE, writes.WRITING):
        return writes.over(due, view)
    if due.name == tallies.FORGET:
        return _tally_over(due, cast(Tally, view.get(due.part)))
    held = cast(Held, view.get(due.part))
    return Decision((_unhealed(held), Event(due.part, FailureReleased(due.part))), (), ("retry_window_ended",))


def _tally_over(due: TimerDue, tally: Tally) -> Decision:
    end = tallies.forgotten_at(tally)
    if end > due.due:
        return Decision((), (SetTimer(due.part, tallies.FORGET, end),), ("tally_lives",))
    return Decision((Event(due.part, TallyKept(due.part, None)),), (), ("tally_over",))
