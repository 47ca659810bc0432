"""Words for tests about what may open an incident: observations, thresholds, suggestions, windows."""

from __future__ import annotations

from typing import Any

from schemas import ids, scaled
from schemas.messages.incidents import AcceptSuggestion, DismissSuggestion, FailureHealed, ObservationReported
from tests.support.desk import START, TENANT, Desk, Told


def observe(desk: Desk, value: Any, n: int | None = None, **changes: Any) -> Told:
    """The queue of payments-service has this many entries, now."""
    measured = scaled.of(value)
    assert measured is not None
    fields: dict[str, Any] = {
        "tenant": TENANT,
        "observation_id": ids.derive("observation", n if n is not None else len(desk.log["incidents.commands"])),
        "name": "queue_depth",
        "resource": "payments-service",
        "actor": None,
        "value": measured,
        "unit": None,
        "event_time": desk.now,
        "subject": "meter",
        "at": desk.now,
    }
    return desk.tell(ObservationReported(**(fields | changes)))


def heal(desk: Desk, n: int, **changes: Any) -> Told:
    """Failure number `n` of f1 healed, now."""
    fields: dict[str, Any] = {
        "tenant": TENANT,
        "resource": "payments-service",
        "fingerprint": "f1",
        "actor": "checkout-helper-1",
        "action_type": "payments.charge",
        "action_id": ids.derive("healed", n),
        "failed_tries": 1,
        "first_event_time": desk.now,
        "event_time": desk.now,
    }
    return desk.tell(FailureHealed(**(fields | changes)))


def accept(desk: Desk, suggestion_id: bytes, by: str = "bob", note: str | None = None) -> Told:
    """`by` says that it is an incident, now."""
    command_id = ids.derive("accept", desk.now, by, suggestion_id)
    return desk.tell(AcceptSuggestion(TENANT, command_id, bytes(16), by, suggestion_id, desk.now, note))


def dismiss(desk: Desk, suggestion_id: bytes, by: str = "bob", reason: str = "a load test") -> Told:
    """`by` says that it is none, now."""
    command_id = ids.derive("dismiss", desk.now, by, suggestion_id)
    return desk.tell(DismissSuggestion(TENANT, command_id, bytes(16), by, suggestion_id, desk.now, reason))


def windows(*spans: tuple[int, int], kind: str = "maintenance", **changes: Any) -> dict[str, Any]:
    """The document `occurrences` with one window of payments-*, in ms from START."""
    window: dict[str, Any] = {
        "kind": kind,
        "name": "Weekly" if kind == "maintenance" else "Holidays",
        "resources": ["payments-*"],
        "kinds": [],
        "message": "",
        "spans": [{"start": START + start, "end": START + end} for start, end in spans],
    }
    return {"windows": [window | changes], "until": 0}
