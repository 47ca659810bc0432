"""Marks of sessions' numbers in the dedup read model: as deduplication folds them, wherever batches end."""

from __future__ import annotations

import json
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from processors.dedup.rules import MARK_MS, advance, alive
from processors.dedup.state import Mark
from processors.host.places import Place
from projections.dedup import marks as module
from projections.dedup.counted import Counted
from projections.dedup.fate import fate, numbered
from projections.dedup.marks import (
    SLOT_MS,
    Folded,
    Held,
    Hours,
    Passed,
    bounded,
    data_key,
    decode,
    digest,
    encode,
    newest,
    owner,
    project,
    shown,
)
from projections.dedup.project import sighting
from projections.dedup.queries import Seen, Sightings
from projections.redis_script import Operations
from schemas import codec
from schemas.head import Head, read_head
from tests.unit.projections.records import T0, TENANT, Log, an_action
from tests.unit.projections.sightings import a_drop

PLACE = ("dedup", 3)


def head(number: int, session: str = "run-1") -> Head:
    return read_head(codec.encode(an_action(1, session=session, sequence=number)))


class Store:
    """What Redis would hold: hashes by key, and members by set."""

    def __init__(self) -> None:
        self.hashes: dict[str, dict[bytes, str]] = {}
        self.members: dict[str, set[str]] = {}

    def apply(self, operations: Operations) -> None:
        words = [*operations.words, *operations.last]
        while words:
            match words.pop(0):
                case "keep":
                    key, name, value, members = (words.pop(0) for _ in range(4))
                    self.hashes.setdefault(str(key), {})[name] = value  # type: ignore[index,assignment]  # words of one kind
                    self.members.setdefault(str(members), set()).add(str(key))
                case "set":
                    del words[:3]
                case "del":
                    del words[:2]
                case "drop":
                    for key in self.members.pop(str(words.pop(0)), set()):
                        del self.hashes[key]

    def mark(self, session: str = "run-1", partition: int = 0) -> Mark | None:
        texts = [
            text.encode()
            for key, fields in self.hashes.items()
            if key.startswith(data_key(*PLACE, TENANT, partition, 0)[:-1])
            for name, text in fields.items()
            if name == digest(an_action(1).actor, session)
        ]
        found = newest(texts)
        return None if found is None else found.mark


def passing(*steps: tuple[int, str, int]) -> list[Passed]:
    """Numbers of sessions at times, offset after offset."""
    return [Passed(head(number, session), 0, offset, at) for offset, (number, session, at) in enumerate(steps)]


def run(passed: list[Passed], cuts: list[int]) -> tuple[Store, dict[int, Hours]]:
    store, hours = Store(), {0: Hours()}
    known: dict[Held, Folded | None] = {}
    for start, end in pairwise([0, *sorted(cuts), len(passed)]):
        for each in passed[start:end]:
            who = owner(each.head)
            assert who is not None
            known.setdefault((who, each.partition), None)
        operations = Operations()
        project(passed[start:end], known, hours, operations, PLACE)
        store.apply(operations)
    return store, hours


@given(
    st.lists(st.tuples(st.integers(0, 40), st.integers(0, 200)), min_size=1, max_size=40),
    st.lists(st.integers(0, 40), max_size=5),
)
def test_the_mark_is_the_fold_of_what_passed_and_batches_do_not_matter(steps, cuts):
    passed: list[Passed] = []
    now = T0
    for number, minutes in steps:
        now += minutes * 60_000
        passed.append(Passed(head(number), 0, len(passed), now))
    expected = None
    for each in passed:
        expected = advance(alive(expected, each.at), each.head.sequence, each.at)
    store, hours = run(passed, [min(c, len(passed)) for c in cuts])
    assert store.mark() == expected
    whole, same = run(passed, [])
    assert (store.hashes, store.members, hours) == (whole.hashes, whole.members, same)


def test_done_again_after_half_of_it_was_written_it_is_the_same():
    passed = passing(*((n, "run-1", T0 + n) for n in (0, 1, 5, 3)))
    store, _ = run(passed, [])
    before = store.mark()
    # The writer lost its answer: the marks are read back as written, and the same numbers are folded again.
    who = owner(passed[0].head)
    assert who is not None
    assert before is not None
    operations = Operations()
    hours = {0: Hours(T0 // SLOT_MS, {T0 // SLOT_MS: Counted(1, 1)})}
    project(passed, {(who, 0): Folded(before, 4)}, hours, operations, PLACE)
    assert operations == Operations()
    assert hours[0].sizes == {T0 // SLOT_MS: Counted(1, 1)}


def test_a_session_that_was_silent_for_a_day_begins_anew_and_its_hour_goes():
    store, hours = run(passing((7, "run-1", T0), (0, "run-1", T0 + MARK_MS + SLOT_MS)), [1])
    assert store.mark() == Mark(0, 0, (), T0 + MARK_MS + SLOT_MS)
    assert list(hours[0].sizes) == [(T0 + MARK_MS + SLOT_MS) // SLOT_MS]


def test_there_is_a_limit_and_the_hour_of_now_is_never_cut(monkeypatch):
    monkeypatch.setattr(module, "MARKS_MAX", 2)
    passed = passing(*((0, f"run-{n}", T0 + n * SLOT_MS // 2) for n in range(8)))
    store, hours = run(passed, [])
    assert sum(counted.count for counted in hours[0].sizes.values()) == 2
    assert store.mark("run-0") is None
    assert store.mark("run-7") is not None
    whole = passing(*((0, f"run-{n}", T0) for n in range(8)))
    assert run(whole, [])[1][0].sizes == {T0 // SLOT_MS: Counted(8, 8)}


def test_too_many_open_ranges_raise_the_floor():
    mark = None
    for number in range(0, 400, 2):
        mark = bounded(advance(mark, number, T0))
    assert mark is not None
    assert len(mark.holes) == 2 * module.RANGES_MAX
    assert mark.floor == mark.holes[0] - 1
    assert decode(encode(Folded(mark, 7)).encode()) == Folded(mark, 7)
    said = shown(mark, 1)
    assert (said["standing"], said["highest"], said["open"][-1]) == ("unknown", 398, [397, 397])
    assert [shown(mark, n)["standing"] for n in (396, 397, 399)] == ["seen", "open", "open"]


@pytest.mark.parametrize("changes", [{"session": ""}, {"sequence": -1}])
def test_without_a_number_of_a_session_there_is_no_mark(changes):
    found = read_head(codec.encode(an_action(1, **({"session": "run-1", "sequence": 1} | changes))))
    assert owner(found) is None
    operations = Operations()
    project([Passed(found, 0, 0, T0)], {}, {}, operations, PLACE)
    assert operations.words == []


def test_the_fate_of_a_copy_that_was_dropped_by_its_number_says_what_the_mark_knows():
    action = an_action(1, session="run-1", sequence=2)
    record = Log("actions.dropped").add(a_drop(1, 5, None, rule="sequence", original=codec.encode(action)))
    line = sighting(record, "dropped")
    assert line is not None
    assert "run-1" not in line.line
    seen = _seen(line.line)
    which = numbered(seen, None)
    assert which == (digest(action.actor, "run-1"), 2)
    said = fate("x", None, seen, None, shown(Mark(5, 0, (3, 4), T0), which[1]))
    assert said["text"].endswith("It has number 2 of its session, of which 5 is the highest passed.")
    assert said["session"]["open"] == [[3, 4]]
    assert numbered(seen, {"session": "", "sequence": None, "actor": "a"}) is None
    assert numbered(None, {"session": "run-1", "sequence": 3, "actor": action.actor}) == (which[0], 3)
    assert numbered(None, None) is None


def _seen(line: str) -> Sightings:
    offset, at, said = line.split(" ", 2)
    return Sightings((Seen("dropped", Place("actions.dropped", 0), int(offset), int(at), json.loads(said)),), T0, {})
