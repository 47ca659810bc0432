"""Records of the four topics that the dedup read model reads, for its tests."""

from __future__ import annotations

from typing import Any

from schemas import codec, ids
from schemas.messages.actions import ActionDropped
from schemas.messages.kernel import DeadLetter
from tests.unit.projections.records import T0, TENANT, Log, an_action

KINDS: dict[str, Any] = {
    "actions.raw": "accepted",
    "actions.unique": "admitted",
    "actions.dropped": "dropped",
    "dead.letters": "dead",
}


def event_id(n: int) -> bytes:
    """The event id of `an_action(n)`."""
    return ids.derive("action", n)


def a_drop(n: int, offset: int, first: int | None, **changes: Any) -> ActionDropped:
    """Deduplication dropped the copy of action n at actions.raw[0]@offset."""
    fields: dict[str, Any] = {
        "tenant": TENANT,
        "actor": "catalog-sync",
        "event_id": event_id(n),
        "reason": "redelivered",
        "rule": "event_id",
        "topic": "actions.raw",
        "partition": 0,
        "offset": offset,
        "first_offset": first,
        "at": T0,
        "original": codec.encode(an_action(n)),
    }
    return ActionDropped(**(fields | changes))


def a_letter(original: bytes, offset: int = 7, **changes: Any) -> DeadLetter:
    """Something on actions.raw[0] was set aside."""
    fields: dict[str, Any] = {
        "room": "dedup",
        "topic": "actions.raw",
        "partition": 0,
        "offset": offset,
        "append_time": T0,
        "code": "wrong_key",
        "detail": "the key is not\nthe action's",
        "key": b"shop/catalog-sync",
        "original": original,
        "original_hash": "0",
        "original_length": len(original),
    }
    return DeadLetter(**(fields | changes))


def a_story(redeliveries: int = 2) -> dict[str, Log]:
    """Action 1 is sent again `redeliveries` times, action 2 once only, action 3 becomes a dead letter; rubbish too."""
    logs = {topic: Log(topic) for topic in KINDS}
    raw = logs["actions.raw"]
    for n in (1, 2, 3):
        raw.add(an_action(n))
    for _ in range(redeliveries):
        copy = raw.add(an_action(1))
        logs["actions.dropped"].add(a_drop(1, copy.offset, 0))
    raw.add_raw(b"rubbish")
    logs["actions.unique"].add(an_action(1))
    logs["actions.unique"].add(an_action(2))
    logs["dead.letters"].add(a_letter(codec.encode(an_action(3)), 2))
    logs["dead.letters"].add(a_letter(b"rubbish", raw.offset - 1, code="undecodable"))
    return logs
