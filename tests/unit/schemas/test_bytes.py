"""Written by hand, read by anybody: the codec's bytes are fastavro's, for every message and every part of a state."""

from __future__ import annotations

import importlib
import io
import types
from collections.abc import Mapping
from dataclasses import fields, is_dataclass, replace
from typing import Annotated, Any, Literal, Union, get_args, get_origin, get_type_hints

import pytest
from fastavro import schemaless_writer
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from schemas import codec, registry, topology
from schemas.avro_types import to_plain
from schemas.errors import SchemaError
from schemas.messages.actions import Action, Effect, Labels
from schemas.messages.tables import STREAMS

PARTS = [c for room in topology.load().rooms for c in importlib.import_module(f"processors.{room}.state").PARTS]
CLASSES = tuple(dict.fromkeys([*(c for stream in STREAMS.values() for c in stream), *PARTS]))
# Lengths and numbers about every step of Avro's variable-length integers, and a time of our days.
_EDGES = [0, 1, 63, 64, 127, 128, 8_191, 8_192, 1 << 20, 1 << 34, 1 << 35, 1_763_784_000_123, 1 << 41, 2**63 - 1]
INTEGERS = st.sampled_from(_EDGES + [-n - 1 for n in _EDGES]) | st.integers(-(2**63), 2**63 - 1)
TEXTS = st.text(max_size=20) | st.sampled_from([63, 64, 200]).map(lambda n: "é" * n)
PLAIN = {str: TEXTS, int: INTEGERS, bool: st.booleans(), bytes: st.binary(max_size=80)}


def values(hint: Any) -> st.SearchStrategy[Any]:
    """Values of a field's type, drawn from the annotations themselves."""
    origin, inside = get_origin(hint), get_args(hint)
    if origin in (Union, types.UnionType):
        return st.none() | values(next(a for a in inside if a is not type(None)))
    if origin is Annotated:
        return values(inside[0]) if get_origin(inside[0]) is Literal else st.binary(min_size=16, max_size=16)
    if origin is Literal:
        return st.sampled_from(inside)
    if origin is tuple:
        return st.lists(values(inside[0]), max_size=3).map(tuple)
    if origin is not None and issubclass(origin, Mapping):
        return st.dictionaries(TEXTS, values(inside[1]), max_size=3)
    if isinstance(hint, type) and is_dataclass(hint):
        hints = get_type_hints(hint, include_extras=True)
        # The registry's classes name themselves nowhere, so this ends.
        return st.builds(hint, **{f.name: values(hints[f.name]) for f in fields(hint)})
    return PLAIN[hint]


def by_fastavro(message: Any) -> bytes:
    cls: type = type(message)
    written = registry.latest(registry.home_of(cls), cls.__name__)
    out = io.BytesIO()
    schemaless_writer(out, written.parsed, to_plain(cls)(message))
    return codec.frame(written.id) + out.getvalue()


@pytest.mark.parametrize("cls", CLASSES, ids=lambda c: f"{c.__module__.split('.')[-2]}.{c.__name__}")
def test_every_message_is_written_as_fastavro_writes_it(cls: type) -> None:
    @settings(max_examples=12, deadline=None, suppress_health_check=list(HealthCheck))
    @given(values(cls))
    def held(message: Any) -> None:
        expected = by_fastavro(message)
        assert codec.encode(message) == expected
        whole = tuple(getattr(message, f.name) for f in fields(message))
        assert codec.encode_values(cls, whole) == expected

    held()


ACTION = Action(bytes(16), bytes(16), "shop", "agent", "", -1, 0, 0, 0, "till", "charge")


@pytest.mark.parametrize(
    "wrong",
    [
        {"tenant": None},
        {"tenant": 7},
        {"tenant": "\ud800"},
        {"source_id": 7},
        {"sequence": 2**63},
        {"sequence": -(2**63) - 1},
        {"sequence": "7"},
        {"sequence": 1.0},
        {"event_id": bytes(15)},
        {"event_id": bytes(17)},
        {"labels": Effect("mail")},
        {"effect": Effect("mail", reversibility="perhaps")},  # type: ignore[arg-type]  # what is refused
        {"effect": Labels()},
    ],
    ids=str,
)
def test_a_value_of_another_type_is_refused_and_never_half_written(wrong: dict[str, Any]) -> None:
    with pytest.raises(SchemaError) as refused:
        codec.encode(replace(ACTION, **wrong))
    assert refused.value.code == "value_does_not_fit"
