"""What was written once is read for ever: golden bytes of every version, upcast, equal what today's reader gives.

And the other way: what is written today is read by a reader that knows only an older version of the same major.
"""

from __future__ import annotations

import io
from dataclasses import fields
from typing import Any

import pytest
from fastavro import schemaless_reader, schemaless_writer

from schemas import codec, registry
from schemas.avro_types import to_plain
from schemas.messages.actions import Action, ModelUse, Tool
from schemas.messages.tables import STREAMS
from tests.support.versions import GOLDEN, written_as

CLASSES = {(registry.home_of(c), c.__name__): c for stream in STREAMS.values() for c in stream}
SEVERAL = [name for name in CLASSES if len(registry.versions(*name)) > 1]


def today(home: str, name: str, value: bytes) -> Any:
    return codec.Words((CLASSES[home, name],)).decode(value)


def resolved(value: bytes, reader: registry.Written) -> Any:
    """As a stock client reads: the writer's schema by its id, the reader's own, Avro's resolution between them."""
    writer = registry.by_id()[codec.id_of(value)].parsed
    return schemaless_reader(io.BytesIO(value[codec.PREFIX_BYTES :]), writer, reader.parsed)


@pytest.mark.parametrize("name", SEVERAL, ids="/".join)
def test_every_version_that_has_a_successor_has_golden_bytes(name: tuple[str, str]) -> None:
    kept = {version for home, message, version in GOLDEN if (home, message) == name}
    assert kept == {f"{w.version[0]}.{w.version[1]}" for w in registry.versions(*name)}


@pytest.mark.parametrize("key", GOLDEN, ids="/".join)
def test_golden_bytes_are_read_as_today(key: tuple[str, str, str]) -> None:
    home, name, version = key
    value = bytes.fromhex(GOLDEN[key])
    written = registry.by_id()[codec.id_of(value)]
    assert (written.home, written.name, f"{written.version[0]}.{written.version[1]}") == (home, name, version)
    read = today(home, name, value)
    again = codec.encode(read)
    assert codec.id_of(again) == registry.latest(home, name).id
    assert today(home, name, again) == read


@pytest.mark.parametrize("key", GOLDEN, ids="/".join)
def test_a_stock_reader_of_today_sees_in_golden_bytes_what_our_reader_sees(key: tuple[str, str, str]) -> None:
    home, name, _ = key
    value = bytes.fromhex(GOLDEN[key])
    ours = to_plain(CLASSES[home, name])(today(home, name, value))
    assert resolved(value, registry.latest(home, name)) == ours


def test_an_action_of_1_0_has_neither_tool_nor_model() -> None:
    old = today("actions", "Action", bytes.fromhex(GOLDEN["actions", "Action", "1.0"]))
    new = today("actions", "Action", bytes.fromhex(GOLDEN["actions", "Action", "1.1"]))
    assert (old.tool, old.model) == (None, None)
    assert (new.tool, new.model) == (Tool("payments.charge", "function", "call_9"), ModelUse("m-1", "acme", 1200, 80))
    same = [f.name for f in fields(Action) if f.name not in ("tool", "model")]
    assert [getattr(old, f) for f in same] == [getattr(new, f) for f in same]


def test_an_action_of_today_is_read_by_a_reader_of_1_0() -> None:
    new = bytes.fromhex(GOLDEN["actions", "Action", "1.1"])
    first = registry.versions("actions", "Action")[0]
    assert first.version == (1, 0)
    seen = resolved(new, first)
    assert seen == resolved(bytes.fromhex(GOLDEN["actions", "Action", "1.0"]), first)
    assert "tool" not in seen


def test_what_a_reader_of_1_0_writes_again_is_an_action_of_1_0() -> None:
    action = today("actions", "Action", bytes.fromhex(GOLDEN["actions", "Action", "1.1"]))
    old = written_as(action, (1, 0))
    assert old.hex() == GOLDEN["actions", "Action", "1.0"]
    first = registry.versions("actions", "Action")[0]
    out = io.BytesIO()
    schemaless_writer(out, first.parsed, resolved(bytes.fromhex(GOLDEN["actions", "Action", "1.1"]), first))
    assert out.getvalue() == old[codec.PREFIX_BYTES :]
