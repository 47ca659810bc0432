"""The packed window and the ranges of a mark, apart from decisions."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from processors.dedup import rules
from processors.dedup.events import ActionAdmitted, Sighted
from processors.dedup.evolve import evolve
from processors.dedup.rules import (
    BUCKETS,
    ENTRY_BYTES,
    PIECE_BYTES,
    SLOT_S,
    Sighting,
    advance,
    append,
    bucket_of,
    digest,
    find,
    standing,
)
from processors.dedup.state import Mark, Window, window_part
from schemas.configuration import DEFAULTS, Document


class Parts:
    """Parts in a dict, as a view."""

    def __init__(self) -> None:
        self.parts: dict[str, Any] = {}

    def get(self, part: str) -> Any | None:
        return self.parts.get(part)

    def scan(self, prefix: str) -> Iterator[tuple[str, Any]]:
        return iter(sorted((k, v) for k, v in self.parts.items() if k.startswith(prefix)))

    def config(self, _tenant: str, document: str) -> Document:
        return DEFAULTS[document]

    def see(self, what: bytes, second: int, offset: int = 0, times: int = 0) -> None:
        part, window = append(self, what, times, second, offset)
        self.parts[part] = window


def same_bucket(n: int) -> list[bytes]:
    return [bytes((0, 5)) + i.to_bytes(14, "big") for i in range(n)]


def test_a_full_piece_opens_the_next_and_all_are_searched():
    view = Parts()
    many = same_bucket(PIECE_BYTES // ENTRY_BYTES * 2 + 1)
    for i, what in enumerate(many):
        view.see(what, 10, i)
    assert sorted(view.parts) == [window_part(5, 0, n) for n in range(3)]
    assert [find(view, what, 10) for what in many] == [Sighting(10, i, 0) for i in range(len(many))]
    assert find(view, bytes((0, 5)) + b"\xff" * 14, 10) is None


def test_an_expired_slot_is_not_read_and_its_key_is_used_again():
    view = Parts()
    old, new = same_bucket(2)
    view.see(old, 0)
    view.see(new, 3 * SLOT_S)
    assert list(view.parts) == [window_part(5, 0, 0)]
    assert find(view, old, 3 * SLOT_S) is None
    assert find(view, new, 3 * SLOT_S) == Sighting(3 * SLOT_S, 0, 0)


def test_an_expired_next_piece_is_not_read():
    view = Parts()
    stale = same_bucket(PIECE_BYTES // ENTRY_BYTES + 1)
    for what in stale:
        view.see(what, 0)
    for i in range(PIECE_BYTES // ENTRY_BYTES):
        view.see(bytes((0, 5)) + (1 << 40 | i).to_bytes(14, "big"), 3 * SLOT_S)
    assert find(view, stale[-1], 3 * SLOT_S) is None


def test_a_digest_that_only_appears_across_two_entries_is_not_found():
    view = Parts()
    # The tail of the first entry (second, times, offset) and the head of the second spell the digest looked for.
    first = bytes((0, 5)) + b"\x01" * 14
    second = bytes((0, 5)) + b"\x02" * 14
    view.see(first, 0, 0)
    view.see(second, 0, 0)
    entries: bytes = view.parts[window_part(5, 0, 0)].entries
    across = entries[ENTRY_BYTES - 1 : ENTRY_BYTES + 15]
    view.parts[window_part(bucket_of(across), 0, 0)] = Window(0, entries)
    assert across in entries
    assert find(view, across, 0) is None


def test_the_latest_sighting_of_several_is_found():
    view = Parts()
    (what,) = same_bucket(1)
    view.see(what, 1, 11)
    view.see(what, 7, 17)
    assert find(view, what, 8) == Sighting(7, 17, 0)


def test_digests_keep_kind_owner_and_content_apart():
    assert digest(b"i", b"ab", b"c") != digest(b"i", b"a", b"bc")
    assert digest(b"i", b"ab", b"c") != digest(b"n", b"ab", b"c")
    assert len({bucket_of(digest(b"i", b"k", b"%d" % i)) for i in range(20_000)}) == BUCKETS


def test_a_mark_against_a_plain_set_of_numbers():
    """Every order of arrival of a small range gives the standing that a set would give."""
    orders = [(3, 9, 5, 4, 0, 9, 7), (0, 1, 2, 3), (9, 8, 7, 6), (5, 5, 5), (2, 8, 4, 6, 3, 5, 7)]
    for order in orders:
        mark: Mark | None = None
        seen: set[int] = set()
        for number in order:
            assert (standing(mark, number) == "seen") == (number in seen), (order, number)
            mark = advance(mark, number, 0)
            seen.add(number)
        assert [n for n in range(12) if standing(mark, n) == "seen"] == sorted(seen)


def test_holes_are_apart_ascending_and_bounded(monkeypatch):
    monkeypatch.setattr(rules, "MAX_HOLES", 2)
    mark = advance(None, 10, 0)
    assert mark.holes == (0, 9)
    mark = advance(mark, 5, 1)
    assert (mark.holes, mark.floor) == ((0, 4, 6, 9), 0)
    mark = advance(mark, 12, 2)
    assert (mark.holes, mark.floor) == ((6, 9, 11, 11), 5)
    assert standing(mark, 3) == "unknown"
    assert standing(mark, 5) == "seen"
    mark = advance(mark, 7, 3)
    assert (mark.holes, mark.floor) == ((8, 9, 11, 11), 7)
    assert advance(mark, 2, 4) == Mark(12, 7, mark.holes, 4)


def test_digests_of_one_action_in_one_part_are_all_remembered():
    view = Parts()
    one, other = same_bucket(2)
    changes = evolve(view, ActionAdmitted((Sighted(one), Sighted(other)), 4, 9_000))
    view.parts.update(changes)
    assert [find(view, what, 9) for what in (one, other)] == [Sighting(9, 4, 0)] * 2
