"""What the store writes to the changelog (DESIGN 5: parts)."""

from __future__ import annotations

import pytest

from processors.kernel.store import stored
from schemas import codec
from schemas.messages.kernel import StoredPart, Timer


@pytest.mark.parametrize("size", [0, 1, 63, 64, 8_191, 8_192, 65_536])
def test_a_part_without_timers_is_written_as_the_codec_would(size: int) -> None:
    raw = bytes(i % 251 for i in range(size))
    assert stored(raw, {}) == codec.encode(StoredPart(raw))


def test_timers_are_written_by_name() -> None:
    value = stored(b"part", {"b": (2, bytes(16)), "a": (1, bytes(16))})
    assert value == codec.encode(StoredPart(b"part", (Timer("a", 1, bytes(16)), Timer("b", 2, bytes(16)))))
