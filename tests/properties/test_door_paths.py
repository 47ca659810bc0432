"""What the door does quickly it does as it does slowly: the same fields, bytes, warnings and refusals for any action.

The quick looks (an ordinary text, a sound value, a group of absent fields) only ever say "nothing is wrong here"; taken
away, every value goes the long way, which must end alike.
"""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gateway.http import action_json, fields, json_text
from gateway.http.errors import HttpError
from gateway.http.fields import Fields, Warnings
from schemas import codec
from schemas.messages.actions import Action

NOW = 1_763_784_000_123
TEXTS = st.sampled_from(["", "a", "é", "x" * 1_024, "x" * 1_025, "x" * 4_097, "\x00", "a\x00b", "\ud800", "7", "EUR"])
ODD: st.SearchStrategy[Any] = st.sampled_from(
    [None, True, False, 0, 1, -1, 2**63, 1.5, json_text._TOO_LARGE, [], {}, [1], "2026-11-22T04:00Z"]
)
LEAVES = TEXTS | ODD | st.text(max_size=8) | st.integers(-5, 2**40)
TREES = st.recursive(
    LEAVES, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3)
)


def nested(levels: int) -> Any:
    found: Any = 1
    for _ in range(levels):
        found = [found]
    return found


DEEP = st.integers(60, 67).map(nested)
TWICE = st.dictionaries(st.sampled_from("ab"), LEAVES, min_size=1).map(json_text.Twice)
NAMES = st.sampled_from(
    [
        *sorted(action_json._MORE),
        "actor",
        "type",
        "resource",
        "timestamp",
        "id",
        "sequence",
        "session",
        "tenant",
        "other",
    ]
)
INSIDE = st.sampled_from(
    ["id", "name", "version", "kind", "amount", "currency", "type", "message", "content", "size", "hash", "world"]
)
OBJECTS = st.dictionaries(INSIDE, LEAVES | st.just("charge"), max_size=4)
ACTIONS = st.builds(
    lambda base, more: base | more,
    st.just({"actor": "agent", "type": "work.do", "resource": "till", "id": "a-1"}),
    st.dictionaries(NAMES, TEXTS | TEXTS | LEAVES | OBJECTS | TREES | DEEP | TWICE, max_size=2),
)


def outcome(plain: Any) -> Any:
    """The bytes, the fields and the warnings, or the refusal whole."""
    warnings = Warnings()
    try:
        json_text.check(plain, "[3]")
        found = action_json.values(plain, "shop", NOW, None, place="[3]", warnings=warnings)
    except HttpError as error:
        return error.status, error.code, error.field, error.why, error.remedy
    value = codec.encode_values(Action, found)
    assert value == codec.encode(Action(*found)) == codec.encode(action_json.translate(plain, "shop", NOW))
    return found, value, warnings.plain()


@settings(
    max_examples=400, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
@given(plain=ACTIONS | TREES)
def test_the_short_way_ends_where_the_long_one_does(plain: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    quick = outcome(plain)
    with monkeypatch.context() as slowly:
        slowly.setattr(fields, "ordinary", lambda *_: False)
        slowly.setattr(action_json, "ordinary", lambda *_: False)
        slowly.setattr(Fields, "any", lambda *_: True)
        slowly.setattr(json_text, "_LEAVES", frozenset())
        assert outcome(plain) == quick
