"""Rows are packed as COPY BINARY wants them, and nothing an agent says can break the statement."""

from __future__ import annotations

import json
import struct
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from projections.tables import CHUNK_BYTES, Table, packed

TABLE = Table(
    "t",
    (("a", "text"), ("b", "int8"), ("c", "bool"), ("d", "uuid"), ("e", "bytea"), ("f", "jsonb")),
)


def _unpacked(raw: bytes) -> list[list[bytes | None]]:
    """An independent reading of the format's documentation."""
    assert raw[:11] == b"PGCOPY\n\xff\r\n\x00"
    assert raw[11:19] == bytes(8)
    at = 19
    rows: list[list[bytes | None]] = []
    while True:
        (count,) = struct.unpack_from(">h", raw, at)
        at += 2
        if count == -1:
            assert at == len(raw)
            return rows
        row: list[bytes | None] = []
        for _ in range(count):
            (length,) = struct.unpack_from(">i", raw, at)
            at += 4
            if length == -1:
                row.append(None)
            else:
                row.append(raw[at : at + length])
                at += length
        rows.append(row)


def _one(*row: Any) -> list[bytes | None]:
    (found,) = _unpacked(b"".join(packed(TABLE, [row])))
    return found


def test_every_type():
    found = _one("é", -2, True, bytes(range(16)), b"\x00\xff", {"b": [1], "a": "x"})
    assert found == ["é".encode(), struct.pack(">q", -2), b"\x01", bytes(range(16)), b"\x00\xff", found[5]]
    assert found[5] == b'\x01{"a":"x","b":[1]}'


def test_nothing_is_null():
    assert _one(None, None, None, None, None, None) == [None] * 6


def test_nul_in_text_becomes_a_replacement_character():
    found = _one("a\x00b", 0, False, bytes(16), b"", {"k": ["x\x00"]})
    assert found[0] == "a\ufffdb".encode()
    assert found[5] is not None
    assert json.loads(found[5][1:]) == {"k": ["x\ufffd"]}


def test_numbers_beyond_the_column_are_clamped():
    assert _one(None, 2**70, None, None, None, None)[1] == struct.pack(">q", 2**63 - 1)
    assert _one(None, -(2**70), None, None, None, None)[1] == struct.pack(">q", -(2**63))


NUMBERS = st.one_of(st.none(), st.integers(-(2**66), 2**66))


@given(st.integers(1, 10).flatmap(lambda n: st.lists(st.tuples(*[NUMBERS] * n), max_size=4)))
def test_neighbouring_numbers_are_packed_as_each_alone(rows):
    size = len(rows[0]) if rows else 1
    table = Table("t", (("a", "text"), *((f"n{i}", "int8") for i in range(size)), ("z", "bool")))
    alone = Table("t", (("n", "int8"),))
    found = _unpacked(b"".join(packed(table, [("x", *row, True) for row in rows])))
    expected = [[_unpacked(b"".join(packed(alone, [(n,)])))[0][0] for n in row] for row in rows]
    assert [row[1:-1] for row in found] == expected
    assert all((row[0], row[-1]) == (b"x", b"\x01") for row in found)


def test_a_row_of_another_length_is_refused():
    with pytest.raises(ValueError, match="5 values for 6 columns"):
        list(packed(TABLE, [(None,) * 5]))


def test_chunks_are_bounded_and_join_to_the_whole():
    rows = [("x" * 1000, n, None, None, None, None) for n in range(1_000)]
    chunks = list(packed(TABLE, rows))
    assert len(chunks) > 2
    assert max(len(c) for c in chunks) <= CHUNK_BYTES + 2_000
    assert len(_unpacked(b"".join(chunks))) == 1_000


@given(st.lists(st.tuples(st.text(), st.integers(-(2**63), 2**63 - 1), st.binary(min_size=16, max_size=16))))
def test_rows_survive(rows):
    found = _unpacked(b"".join(packed(TABLE, [(a, b, None, d, None, None) for a, b, d in rows])))
    for (text, number, identity), row in zip(rows, found, strict=True):
        assert row[0] == text.replace("\x00", "\ufffd").encode()
        assert row[1] == struct.pack(">q", number)
        assert row[3] == identity
