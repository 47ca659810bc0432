"""Rows are packed as COPY BINARY wants them, and nothing an agent says can break the statement."""

from __future__ import annotations

import json
import struct
from typing import Any

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
