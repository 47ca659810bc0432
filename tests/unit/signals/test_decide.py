"""Which errors become one signal, and when (seed 12.1; DESIGN 9)."""

from __future__ import annotations

from typing import Any

import pytest

from processors.kernel.decider import Command
from processors.signals import DECIDER
from schemas import codec
from schemas.head import read_head
from schemas.ids import derive, key_of
from schemas.messages.actions import (
    BACKFILL,
    CHANGE,
    EFFECT,
    ERROR,
    RETRYABLE,
    Action,
    Change,
    Effect,
    ErrorInfo,
)
from schemas.messages.incidents import ChangeObserved, ErrorSignalled, FailureHealed
from schemas.messages.rml import EffectObserved
from schemas.record import Record
from tests.support.spec import Spec, Until

T0 = 1_700_000_000_000


def action(number: int, at: int, *, now: int | None = None, flags: str = "", **given: Any) -> Command:
    traits = given.pop("traits", 0)
    traits |= ERROR if given.get("error") else 0
    traits |= EFFECT if given.get("effect") else 0
    traits |= CHANGE if given.get("change") else 0
    plain: dict[str, Any] = {
        "event_id": derive("a", number),
        "content_key": bytes(16),
        "tenant": "t",
        "actor": "agent",
        "session": "s",
        "sequence": number,
        "timestamp": T0 + at,
        "received_at": T0 + at,
        "traits": traits,
        "resource": "r",
        "type": "charge",
        **given,
    }
    value = codec.encode(Action(**plain))
    key = key_of("t", str(plain["resource"]))
    headers = (("flags", flags.encode()),) if flags else ()
    record = Record("actions.ordered", 0, number, T0 + (at if now is None else now), key.encode(), value, headers)
    return Command(derive("a", number), key, record.append_time, read_head(value), record)


FAIL: dict[str, Any] = {"error": ErrorInfo("Timeout", "no answer in 800 ms")}
TRY: dict[str, Any] = {**FAIL, "traits": RETRYABLE, "attempt_limit": 3}


def spec() -> Spec:
    return Spec(DECIDER)


def kinds(events: list[Any]) -> list[tuple[str, Any]]:
    out: list[tuple[str, Any]] = []
    for event in events:
        m = event.message
        if isinstance(m, ErrorSignalled):
            out.append((m.reason, m.failed_tries))
        elif isinstance(m, FailureHealed):
            out.append(("healed", m.failed_tries))
    return out


@pytest.mark.parametrize(
    ("history", "expected"),
    [
        ([action(1, 0, **FAIL)], [("not_retryable", 1)]),
        ([action(1, 0, **TRY), action(2, 1_000, attempt=2)], [("healed", 1)]),
        ([action(1, 0, **TRY), action(2, 1_000, attempt=2, **TRY), action(3, 2_000, attempt=3)], [("healed", 2)]),
        (
            [action(1, 0, **TRY), action(2, 1_000, attempt=2, **TRY), action(3, 2_000, attempt=3, **TRY)],
            [("last_try_failed", 3)],
        ),
        ([action(1, 0, **TRY), action(2, 1_000, **FAIL)], [("last_try_failed", 2)]),
        ([action(1, 0, **TRY), Until(T0 + 5_000)], [("retry_window_ended", 1)]),
        ([action(1, 0, **TRY), action(2, 1_000, type="other")], []),
        ([action(1, 0, **TRY), action(2, 1_000, actor="other")], []),
        ([action(1, 0, **TRY), action(2, 9_000, now=4_000)], [("retry_window_ended", 1)]),
        ([action(1, 2_000, **TRY), action(2, 1_000, now=3_000)], []),
        ([action(1, 0)], []),
    ],
    ids=[
        "no other try",
        "healed by the second",
        "healed by the third",
        "all three failed",
        "the second says it is the last",
        "nothing came",
        "another type heals nothing",
        "another actor heals nothing",
        "too late by event time",
        "a success from before heals nothing",
        "a success",
    ],
)
def test_given_tries_then_they_end_in_a_signal_or_a_count(history: list[Any], expected: list[Any]) -> None:
    assert kinds(spec().given(*history)) == expected


def test_given_a_configured_transient_error_then_it_waits_without_the_agents_word() -> None:
    s = spec()
    s.config("t", "signals", b'{"transient_errors":["Timeout"],"retry_window_s":2}')
    assert kinds(s.given(action(1, 0, **FAIL))) == []
    assert kinds(s.given(Until(T0 + 2_000))) == [("retry_window_ended", 1)]


def test_given_an_import_of_the_past_then_its_signal_is_historical() -> None:
    events = spec().given(action(1, 0, traits=BACKFILL, **FAIL))
    assert [m.historical for m in (e.message for e in events) if isinstance(m, ErrorSignalled)] == [True]


def test_given_a_flagged_clock_then_the_gateways_time_groups() -> None:
    events = spec().given(action(1, -7_200_000, now=0, flags="stale_timestamp", received_at=T0, **FAIL))
    assert [m.event_time for m in (e.message for e in events) if isinstance(m, ErrorSignalled)] == [T0]


def test_changes_and_effects_are_facts_for_others_also_of_a_failed_action() -> None:
    change = action(1, 0, change=Change("deploy", "v1", "v2"))
    effect = action(2, 1, effect=Effect("charge", "4900", "EUR", "c-1"), flags="repeated", **FAIL)
    messages = [e.message for e in spec().given(change, effect)]
    assert isinstance(messages[0], ChangeObserved)
    assert isinstance(messages[1], EffectObserved)
    assert (messages[1].succeeded, messages[1].repeated) == (False, True)
    assert isinstance(messages[2], ErrorSignalled)
    assert messages[2].affected == "c-1"


def test_given_a_body_that_cannot_be_read_then_it_is_refused_and_nothing_changes() -> None:
    whole = action(1, 0, **FAIL)
    assert whole.record is not None
    assert whole.record.value is not None
    r = whole.record
    broken = Record(r.topic, r.partition, r.offset, r.append_time, r.key, r.value[:-3] if r.value else None)
    spec().refused(when=Command(whole.id, whole.key, whole.now, whole.message, broken), code="undecodable_body")


def test_given_a_restart_while_a_failure_waits_then_it_still_becomes_a_signal() -> None:
    s = spec()
    s.given(action(1, 0, **TRY))
    s.restore()
    assert kinds(s.given(Until(T0 + 5_000))) == [("retry_window_ended", 1)]
