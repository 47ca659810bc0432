"""A glance at a head says what care says, or nothing; numbers written by hand are Avro's."""

from __future__ import annotations

import io

from fastavro import schemaless_writer
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas import codec
from schemas.errors import SchemaError
from schemas.head import drift_of, glance, read_head, what_of, who_of
from tests.support.actions import T0, action

# Lengths on both sides of one byte of length (63) and of two (8,191); what care refuses is among them.
_texts = st.sampled_from(["", "a", "séance", "x" * 63, "x" * 64, "é" * 40, "x" * 4_096, "x" * 4_097])
_times = st.sampled_from([T0, T0 + 900, 0, -1, 2**34 - 1, 2**34, 2**41 - 1, 2**41, 2**63 - 1])
_numbers = st.sampled_from([-1, 0, 1, 63, 64, 8_191, 8_192, 2**40, -(2**63)])
_heads = st.builds(
    lambda t, a, s, n, at, r, traits, res, kind: codec.encode(
        action(
            1,
            tenant=t,
            actor=a,
            session=s,
            sequence=n,
            timestamp=at,
            received_at=r,
            traits=traits,
            resource=res,
            type=kind,
        )
    ),
    _texts,
    _texts,
    _texts,
    _numbers,
    _times,
    _times,
    st.integers(0, 600),
    _texts,
    _texts,
)


def agrees(value: bytes) -> bool:
    """Whether a glance that three readers vouch for says what care says; False where it says nothing."""
    seen = glance(value)
    if seen is None:
        return False
    who, sequence, times, traits, what = seen
    texts, more = who_of(who), what_of(what)
    if texts is None or more is None:
        return False
    head = read_head(value)
    assert (*texts, sequence, traits, *more) == (*head[2:6], head.traits, head.resource, head.type)
    assert drift_of(value, times) == head.timestamp - head.received_at
    return True


@settings(max_examples=300, deadline=None)
@given(_heads)
def test_a_glance_says_what_care_says(value: bytes) -> None:
    agrees(value)


@settings(max_examples=300, deadline=None)
@given(_heads, st.data())
def test_a_glance_at_a_broken_head_vouches_for_nothing_that_care_refuses(whole: bytes, data: st.DataObject) -> None:
    value = bytearray(whole)
    value[data.draw(st.integers(5, min(len(value), 200) - 1))] = data.draw(st.integers(0, 255))
    cut = bytes(value[: data.draw(st.integers(5, len(value)))])
    vouched = agrees(cut)
    try:
        read_head(cut)
    except SchemaError:
        assert not vouched


def test_a_usual_head_is_read_at_a_glance() -> None:
    assert agrees(codec.encode(action(1, session="s", sequence=700, traits=320, resource="arn:" + "x" * 100)))


@settings(max_examples=500, deadline=None)
@given(st.integers(-(2**63), 2**63 - 1) | st.integers(-(2**22), 2**22) | st.integers(2**33, 2**43))
def test_a_number_written_by_hand_is_avros(number: int) -> None:
    out = io.BytesIO()
    schemaless_writer(out, {"type": "long"}, number)
    assert codec.long(number) == out.getvalue()
