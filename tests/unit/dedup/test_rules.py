"""The packed window and the ranges of a mark, apart from decisions."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from processors.dedup import rules
from processors.dedup.events import ActionAdmitted, Sighted
from processors.dedup.evolve import evolve
from processors.dedup.rules import PIECE_BYTES, Sighting, advance, append, digest, find, standing
from processors.dedup.sightings import ENTRY_BYTES, RING, SLOT_S, Sightings
from processors.dedup.state import Mark, Window, window_part
from schemas.configuration import DEFAULTS, Document


class Parts:
    """Parts in a dict, as a view, with the index over them."""

    def __init__(self) -> None:
        self.parts: dict[str, Any] = {}
        self.index = Sightings()

    def put(self, part: str, window: Window) -> None:
        self.parts[part] = window
        self.index.changed(part, window)

    def get(self, part: str) -> Any | None:
        return self.parts.get(part)

    def scan(self, prefix: str) -> Iterator[tuple[str, Any]]:
        return iter(sorted((k, v) for k, v in self.parts.items() if k.startswith(prefix)))

    def config(self, _tenant: str, document: str) -> Document:
        return DEFAULTS[document]

    def see(self, what: bytes, second: int, offset: int = 0, times: int = 0) -> None:
        self.put(*append(self, what, times, second, offset))


def digests(n: int) -> list[bytes]:
    return [i.to_bytes(16, "big") for i in range(n)]


PIECE = PIECE_BYTES // ENTRY_BYTES


def test_a_full_piece_opens_the_next_and_all_are_searched():
    view = Parts()
    many = digests(PIECE * 2 + 1)
    for i, what in enumerate(many):
        view.see(what, 10, i)
    assert sorted(view.parts) == [window_part(0, n) for n in range(3)]
    assert [find(view, what, 10) for what in many] == [Sighting(10, i, 0) for i in range(len(many))]
    assert find(view, b"\xff" * 16, 10) is None


def test_an_expired_slot_is_not_read_and_its_key_is_used_again():
    view = Parts()
    old, new = digests(2)
    view.see(old, 0)
    view.see(new, RING * SLOT_S)
    assert list(view.parts) == [window_part(0, 0)]
    assert find(view, old, RING * SLOT_S) is None
    assert find(view, new, RING * SLOT_S) == Sighting(RING * SLOT_S, 0, 0)


def test_an_expired_next_piece_is_not_read():
    view = Parts()
    stale = digests(PIECE + 1)
    for what in stale:
        view.see(what, 0)
    for what in digests(3 * PIECE)[2 * PIECE :]:
        view.see(what, RING * SLOT_S)
    assert find(view, stale[-1], RING * SLOT_S) is None


def test_two_slots_ago_is_known_and_three_are_not():
    view = Parts()
    (what,) = digests(1)
    view.see(what, SLOT_S - 1, 7)
    assert find(view, what, 2 * SLOT_S) == Sighting(SLOT_S - 1, 7, 0)
    assert find(view, what, 3 * SLOT_S - 2) == Sighting(SLOT_S - 1, 7, 0)
    assert find(view, what, 3 * SLOT_S - 1) is None
    assert find(view, what, 3 * SLOT_S) is None


@given(
    st.lists(st.tuples(st.integers(0, 7), st.integers(0, 400), st.integers(0, 255)), max_size=300),
    st.randoms(use_true_random=False),
)
def test_the_index_is_the_same_in_whatever_order_the_pieces_come(seen, chance):
    view, second = Parts(), 0
    for offset, (name, later, times) in enumerate(seen):
        second += later
        view.see(digests(8)[name], second, offset, times)
    pieces = list(view.parts.items())
    chance.shuffle(pieces)
    again = Sightings()
    for part, window in pieces:
        again.changed(part, window)
    slots = range(second // SLOT_S - RING + 1, second // SLOT_S + 1)
    for what in digests(8):
        assert [again.find(what, slot) for slot in slots] == [view.index.find(what, slot) for slot in slots]
    if seen:
        assert (
            append(view, b"\xff" * 16, 0, second, 999)[0]
            == append(at_rest(view, again), b"\xff" * 16, 0, second, 999)[0]
        )


def test_what_an_earlier_version_packed_by_bucket_is_found_too():
    view = Parts()
    one, other = digests(2)
    view.put("window/0ab/1/0", Window(1, one + (7).to_bytes(2, "big") + b"\x01" + (11).to_bytes(8, "big")))
    assert find(view, one, SLOT_S + 8) == Sighting(SLOT_S + 7, 11, 1)
    view.see(other, SLOT_S + 9, 12)
    assert sorted(view.parts) == ["window/0ab/1/0", window_part(1, 0)]


def at_rest(view: Parts, index: Sightings) -> Parts:
    restored = Parts()
    restored.parts, restored.index = view.parts, index
    return restored


def test_the_latest_sighting_of_several_is_found():
    view = Parts()
    (what,) = digests(1)
    view.see(what, 1, 11)
    view.see(what, 7, 17)
    assert find(view, what, 8) == Sighting(7, 17, 0)


def test_digests_keep_kind_owner_and_content_apart():
    assert digest(b"i", b"ab", b"c") != digest(b"i", b"a", b"bc")
    assert digest(b"i", b"ab", b"c") != digest(b"n", b"ab", b"c")


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
    one, other = digests(2)
    changes = evolve(view, ActionAdmitted((Sighted(one), Sighted(other)), 4, 9_000))
    for part, window in changes.items():
        assert isinstance(window, Window)
        view.put(part, window)
    assert [find(view, what, 9) for what in (one, other)] == [Sighting(9, 4, 0)] * 2
