"""Any bytes from strangers: a value or an error of ours, in bounded memory."""

from __future__ import annotations

import tracemalloc

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.fuzz_targets import TARGETS, corpus

# Bytes of ours for one of a stranger's: a JSON text of "[[],[],…" makes a list of 56 bytes and a pointer of two of it.
PER_BYTE = 256
# Tables that are made at the first use, and what one error takes.
FIRST = 2_000_000
LONG = 100_000


@pytest.mark.parametrize("name", TARGETS)
@settings(max_examples=150)
@given(data=st.data())
def test_any_bytes_and_any_change_to_bytes_that_are_read(name: str, data: st.DataObject) -> None:
    begun = [raw for raw in corpus(name) if len(raw) < LONG]
    raw = bytearray(data.draw(st.one_of(st.binary(max_size=400), st.sampled_from(begun))))
    for _ in range(data.draw(st.integers(0, 4))):
        at = data.draw(st.integers(0, len(raw)))
        piece = data.draw(st.one_of(st.binary(max_size=12), st.sampled_from([b"\xff" * 10, b"\x80" * 9, b"[" * 90])))
        raw[at : at + data.draw(st.integers(0, 8))] = piece
    TARGETS[name](bytes(raw))


@pytest.mark.parametrize("name", TARGETS)
def test_what_is_known_to_be_hostile_takes_no_more_memory_than_its_bytes_allow(name: str) -> None:
    inputs = list(corpus(name))
    TARGETS[name](inputs[0])
    for raw in inputs:
        tracemalloc.start()
        try:
            TARGETS[name](raw)
            peak = tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()
        assert peak <= FIRST + PER_BYTE * len(raw), (raw[:40], len(raw), peak)
