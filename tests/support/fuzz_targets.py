"""What takes bytes from strangers, as functions that any bytes may be given to: they return, or something is wrong.

A value or an error of ours with a stable code, nothing else; and where two ways read the same bytes, the same.
Called by the property tests and by `make fuzz` (fuzzing.py).
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Any

from gateway.http import action_avro, json_text
from gateway.http.action_json import values
from gateway.http.errors import HttpError
from gateway.http.fields import Warnings
from schemas import codec
from schemas.errors import SchemaError
from schemas.head import drift_of, glance, read_head, what_of, who_of
from schemas.messages.actions import Action
from schemas.messages.tables import STREAMS
from tests.support.poisons import BODIES, ITEMS, JSON, RECORDS, WHOLE

NOW_MS = 1_700_000_000_000
_CLASSES = tuple(sorted({c for classes in STREAMS.values() for c in classes}, key=codec.schema_id))
_ALL = codec.Words(_CLASSES)
_ACTION = codec.Words((Action,))


def head(data: bytes) -> None:
    """The head of an action: read with care, and at a glance."""
    value = codec.frame_of(Action) + data
    seen = glance(value)
    try:
        found = read_head(value)
    except SchemaError as error:
        _is(error.code == "undecodable_head", error)
        # What a glance vouches for it does not vouch for alone: who_of and what_of are asked, and they refuse.
        if seen is not None:
            assert who_of(seen[0]) is None or what_of(seen[4]) is None
        return
    if seen is None:
        return
    who, sequence, times, traits, what = seen
    if who_of(who) is not None and what_of(what) is not None:
        assert (sequence, traits) == (found.sequence, found.traits)
        assert who_of(who) == (found.tenant, found.actor, found.session)
        assert what_of(what) == (found.resource, found.type)
        assert drift_of(value, times) == found.timestamp - found.received_at


def message(data: bytes) -> None:
    """A message of any class, chosen by the first byte: what is read is written and read again alike."""
    if not data:
        return
    cls = _CLASSES[data[0] % len(_CLASSES)]
    try:
        found = _ALL.decode(codec.frame_of(cls) + data[1:])
    except SchemaError as error:
        _is(error.code == "undecodable", error)
        return
    again = codec.encode(found)
    assert codec.encode(_ALL.decode(again)) == again


def body(data: bytes) -> None:
    """A body of `POST /v1/actions` in JSON: what is taken can be written, and is read again alike."""
    try:
        plain = json_text.parse(data)
    except HttpError as error:
        _is(400 <= error.status < 500, error)
        return
    for item in plain if isinstance(plain, list) else [plain]:
        with suppress(HttpError):
            json_text.check(item, "actions[0]")
            _taken(values(item, "shop", NOW_MS, bytes(16), place="actions[0]", warnings=Warnings()))


def single(data: bytes) -> None:
    """A body of `POST /v1/actions` in Avro."""
    mark = next(iter(sorted(action_avro.fingerprints())))
    with suppress(HttpError, SchemaError):
        said = action_avro.read(action_avro.MARKER + mark + data)
        _taken(action_avro.taken(said, "shop", NOW_MS, bytes(16), Warnings()))


def _is(right: bool, error: Exception) -> None:
    assert right, error


def _taken(found: tuple[Any, ...]) -> None:
    action = Action(*found)
    value = codec.encode(action)
    assert codec.encode_values(Action, found) == value
    assert _ACTION.decode(value) == action
    assert read_head(value).event_id == action.event_id


TARGETS: dict[str, Callable[[bytes], None]] = {"head": head, "message": message, "body": body, "single": single}


def corpus(name: str) -> Iterator[bytes]:
    """First inputs of a target."""
    if name == "body":
        yield from (raw for headers, raw in BODIES.values() if headers.get("Content-Type") == JSON)
        yield from (text.encode() for text, _ in ITEMS.values())
        yield json.dumps([{"actor": {"id": "a"}, "type": "t", "resource": "r", "id": "i", "sequence": 1}]).encode()
        return
    records = [WHOLE, *(poison.value for poison in RECORDS.values() if poison.value)]
    if name == "message":
        yield from (bytes((n,)) + record[codec.PREFIX_BYTES :] for n in range(len(_CLASSES)) for record in records[:1])
        at = _CLASSES.index(Action)
        yield from (bytes((at,)) + record[codec.PREFIX_BYTES :] for record in records)
    else:
        yield from (record[codec.PREFIX_BYTES :] for record in records)
