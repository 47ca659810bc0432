"""Actions as tests write them: small, valid, and in the shape in which the engine gives them to a processor."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from processors.kernel.decider import Command
from schemas import codec
from schemas.head import read_head
from schemas.ids import derive, key_of
from schemas.messages.actions import NO_SEQUENCE, Action
from schemas.partitioning import partition_of
from schemas.record import Headers, Record

T0 = 1_700_000_000_000
PARTITIONS = 4


def action(name: str | int, **given: Any) -> Action:
    """An action whose event id comes from `name`; times default to T0."""
    plain: dict[str, Any] = {
        "event_id": derive("action", name),
        "content_key": derive("content", name),
        "tenant": "t",
        "actor": "agent",
        "session": "",
        "sequence": NO_SEQUENCE,
        "timestamp": T0,
        "received_at": T0,
        "traits": 0,
        "resource": "r",
        "type": "x",
    }
    return Action(**(plain | given))


def arrives(
    what: Action,
    at: int,
    *,
    offset: int = 0,
    topic: str = "actions.raw",
    partition: int | None = None,
    headers: Headers = (),
    key: bytes | str | None = "its own",
    resource_key: bool = False,
) -> Command:
    """The command for a record with this action at `at` ms after T0, on its right partition unless one is given."""
    owner = what.resource if resource_key else what.actor
    raw = key_of(what.tenant, owner).encode() if key == "its own" else key
    assert raw is None or isinstance(raw, bytes)
    if partition is None:
        partition = partition_of(raw or b"", PARTITIONS)
    value = codec.encode(what)
    record = Record(topic, partition, offset, T0 + at, raw, value, headers)
    return Command(what.event_id, (raw or b"").decode(), T0 + at, read_head(value), record, PARTITIONS)


def again(what: Action, name: str | int) -> Action:
    """The same content under another event id."""
    return replace(what, event_id=derive("action", name))
