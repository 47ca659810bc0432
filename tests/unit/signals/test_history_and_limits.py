"""Imported history beside live failures, and texts without a limit of their own."""

from __future__ import annotations

from typing import Any

import pytest

from processors.signals import DECIDER
from processors.signals.rules import fingerprint, normalise
from schemas.messages.actions import BACKFILL, ERROR, RETRYABLE, Effect, ErrorInfo
from schemas.messages.incidents import ErrorSignalled, FailureHealed
from tests.support.actions import T0, action, arrives
from tests.support.spec import Spec, Until

LAST_YEAR = T0 - 31_536_000_000
FAIL: dict[str, Any] = {"error": ErrorInfo("Timeout", "no answer"), "traits": ERROR | RETRYABLE, "attempt_limit": 3}
PAST: dict[str, Any] = {**FAIL, "traits": ERROR | RETRYABLE | BACKFILL, "timestamp": LAST_YEAR}


def at(moment: int, name: str, **given: Any):
    given.setdefault("timestamp", T0 + moment)
    return arrives(action(name, **given), moment, topic="actions.ordered", resource_key=True)


def told(events: list[Any]) -> list[tuple[str, Any]]:
    out: list[tuple[str, Any]] = []
    for m in (e.message for e in events):
        if isinstance(m, ErrorSignalled):
            out.append((m.reason, m.historical))
        elif isinstance(m, FailureHealed):
            out.append(("healed", None))
    return out


def test_history_neither_heals_nor_hides_a_live_failure():
    spec = Spec(DECIDER)
    history = (at(0, "live", **FAIL), at(1, "past", **PAST), at(2, "past2", traits=BACKFILL, timestamp=LAST_YEAR + 9))
    assert told(spec.given(*history)) == [("healed", None)]
    assert told(spec.given(Until(T0 + 5_000))) == [("retry_window_ended", False)]


def test_history_heals_by_event_time_however_slowly_it_is_read():
    slow = at(50_000, "ok", traits=BACKFILL, timestamp=LAST_YEAR + 4_000)
    assert told(Spec(DECIDER).given(at(0, "past", **PAST), slow)) == [("healed", None)]
    late = at(1, "ok", traits=BACKFILL, timestamp=LAST_YEAR + 6_000)
    ok_by_log_time = Spec(DECIDER).given(at(0, "past", **PAST), late, Until(T0 + 70_000))
    assert told(ok_by_log_time) == [("retry_window_ended", True)]


def test_history_whose_next_try_never_comes_ends_in_a_signal():
    assert told(Spec(DECIDER).given(at(0, "past", **PAST), Until(T0 + 60_000))) == [("retry_window_ended", True)]


def test_a_waiting_failure_with_endless_texts_fits_its_part():
    long = "é" * 30_000
    given = {**FAIL, "error": ErrorInfo(long, long), "trace_id": long, "on_behalf_of": long}
    names = dict.fromkeys(("actor", "session", "resource", "type"), "n" * 4_096)
    spec = Spec(DECIDER)  # checks every part against the limit of a part
    spec.given(at(0, "a", **given, **names))
    (signal,) = [e.message for e in spec.given(Until(T0 + 5_000)) if isinstance(e.message, ErrorSignalled)]
    assert (len(signal.error_type), len(signal.affected or ""), len(signal.sample)) == (200, 1_024, 500)


def test_who_is_affected():
    def affected(**given: Any) -> list[str | None]:
        events = Spec(DECIDER).given(at(0, "a", error=ErrorInfo("E", "m"), traits=ERROR, **given))
        return [e.message.affected for e in events if isinstance(e.message, ErrorSignalled)]

    paid = Effect("charge", counterparty="shop-9")
    assert affected() == [None]
    assert affected(effect=paid) == ["shop-9"]
    assert affected(effect=paid, on_behalf_of="ann") == ["ann"]


@pytest.mark.parametrize(
    ("a", "b", "meet"),
    [
        ("status=503 path=/a/b", "status=404 path=/a/c", False),
        ("status=503 path=/a/b", "status=503 path=/x/y", True),
        ("denied: " + "-Yb" * 30 + "==", "denied: " + "Zq_" * 40, True),
        ("role team-red-prod-reader not found", "role team-blue-test-writer not found", True),
        ("user deadbeefcafe unknown", "user cafe0123beef unknown", True),
        ("read-only file system", "non-blocking file system", False),
    ],
)
def test_which_messages_meet(a: str, b: str, meet: bool):
    assert (fingerprint("E", a) == fingerprint("E", b)) is meet, (normalise(a), normalise(b))
