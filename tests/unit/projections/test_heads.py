"""Would break: a read model that reads a head otherwise than everybody else, or dies of one that nobody can read."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from projections.heads import SHORT_BYTES, head_of
from schemas import codec
from schemas.errors import SchemaError
from schemas.head import read_head
from schemas.messages.actions import Action

TEXT = st.text(max_size=12) | st.text(min_size=SHORT_BYTES, max_size=SHORT_BYTES + 40)
NUMBER = st.sampled_from([-1, 0, 63, 64, 8_191, 8_192, 2**62]) | st.integers(-(2**63), 2**63 - 1)
TIME = st.integers(1_700_000_000_000, 1_800_000_000_000) | NUMBER
IDS = st.binary(min_size=16, max_size=16)
ACTIONS = st.builds(Action, IDS, IDS, TEXT, TEXT, TEXT, NUMBER, TIME, TIME, NUMBER, TEXT, TEXT)


def answer(read: Any, value: bytes) -> Any:
    """The head, or the code of what is raised."""
    try:
        return read(value)
    except SchemaError as error:
        return error.code


@given(ACTIONS)
def test_what_is_whole_is_read_as_everywhere(action: Action) -> None:
    value = codec.encode(action)
    assert answer(head_of, value) == answer(read_head, value)


@given(ACTIONS, st.data())
def test_what_is_damaged_is_refused_as_everywhere(action: Action, data: st.DataObject) -> None:
    value = bytearray(codec.encode(action))
    for _ in range(data.draw(st.integers(1, 3))):
        value[data.draw(st.integers(0, len(value) - 1))] = data.draw(st.integers(0, 255))
    damaged = bytes(value[: data.draw(st.integers(0, len(value)))])
    assert answer(head_of, damaged) == answer(read_head, damaged)
