"""The dedup read model, pure: which records say what of which id, and what leaves when its time or its room is over."""

from __future__ import annotations

import json
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from processors.host.places import Place
from projections.dedup import project as module
from projections.dedup.counted import Counted
from projections.dedup.fate import fate
from projections.dedup.project import SLOT_MS, WINDOW_MS, PlaceState, coordinates, kinds_of, project, sighting
from projections.dedup.queries import Seen, Sightings, spoken_since
from projections.errors import Refused
from projections.redis_store import Mark
from schemas import codec, topology
from schemas.codec import frame
from schemas.envelope import with_flags
from tests.unit.projections.records import T0, TENANT, Log, an_action
from tests.unit.projections.sightings import KINDS, a_drop, a_letter, event_id

RAW = Place("actions.raw", 0)


def test_the_kinds_come_from_the_map():
    assert kinds_of(topology.load()) == KINDS


def test_an_action_is_known_by_its_id_where_it_lies():
    found = sighting(Log("actions.raw", offset=41).add(an_action(1)), "accepted")
    assert found is not None
    assert (found.tenant, found.field, found.line) == (TENANT, event_id(1), f"41 {T0}")


def test_nothing_of_the_content_is_kept():
    action = an_action(1, result="the secret")
    for topic in ("actions.raw", "actions.unique"):
        found = sighting(Log(topic).add(action), KINDS[topic])
        assert found is not None
        assert "secret" not in found.line
    dropped = sighting(Log("actions.dropped").add(a_drop(1, 5, 0, original=codec.encode(action))), "dropped")
    assert dropped is not None
    assert "secret" not in dropped.line


def test_flags_of_an_admitted_action_are_said():
    record = Log("actions.unique").add_raw(codec.encode(an_action(1)), with_flags((), "repeated", "rerouted"))
    found = sighting(record, "admitted")
    assert found is not None
    assert json.loads(found.line.split(" ", 2)[2]) == {"flags": ["repeated", "rerouted"]}


def test_a_dead_letter_without_a_head_is_known_by_its_coordinates_under_the_keys_tenant():
    found = sighting(Log("dead.letters").add(a_letter(b"rubbish", 9)), "dead")
    assert found is not None
    assert (found.tenant, found.field) == ("shop", coordinates("actions.raw", 0, 9))
    assert "\n" not in found.line
    named = sighting(Log("dead.letters").add(a_letter(b"rubbish", key=b"a%2Fb/c")), "dead")
    assert named is not None
    assert named.tenant == "a/b"


@pytest.mark.parametrize("key", [None, b"", b"\xff\xfe"])
def test_a_dead_letter_of_nobody_is_passed_by(key):
    assert sighting(Log("dead.letters").add(a_letter(b"rubbish", key=key)), "dead") is None


def test_a_timer_that_failed_speaks_of_no_action():
    letter = a_letter(b"", tenant="shop", part="p", timer="t", due=1)
    assert sighting(Log("dead.letters").add(letter), "dead") is None


@pytest.mark.parametrize("value", [None, b"", b"rubbish", frame(999_999) + b"x" * 64])
def test_rubbish_on_the_input_is_passed_by_and_counted_by_the_processor(value):
    operations, _, rejected = project([Log("actions.raw").add_raw(value)], KINDS, {RAW: PlaceState()})
    assert (operations.words, rejected) == ([], 0)


def test_a_newer_schema_in_an_output_is_refused():
    record = Log("actions.dropped").add_raw(frame(999_999) + b"x")
    with pytest.raises(Refused) as caught:
        project([record], KINDS, {Place("actions.dropped", 0): PlaceState()})
    assert caught.value.code == "newer_schema"


def _run(records, batches):
    """The sizes of all slots after the records in batches that end at these places."""
    states = {RAW: PlaceState()}
    cuts = [0, *sorted(batches), len(records)]
    for start, end in pairwise(cuts):
        project(records[start:end], KINDS, states)
    return states


@given(
    st.lists(st.integers(-2, 60), min_size=1, max_size=60),
    st.lists(st.integers(0, 60), max_size=6),
    st.integers(1, 12),
)
def test_what_is_left_does_not_depend_on_batches(minutes, cuts, most):
    log = Log("actions.raw", step=0)
    for n, step in enumerate(minutes):
        log.now += step * 60_000
        log.add(an_action(n))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "SIGHTINGS_MAX", most)
        whole = _run(log.records, [])
        assert _run(log.records, [min(c, len(log.records)) for c in cuts]) == whole
    left = whole[RAW].sizes
    assert sum(counted.count for counted in left.values()) <= most or list(left) == [whole[RAW].slot]


def test_what_is_older_than_the_window_goes_and_is_not_spoken_for():
    log = Log("actions.raw", step=WINDOW_MS + SLOT_MS)
    log.add(an_action(1))
    log.add(an_action(2))
    states = {RAW: PlaceState()}
    operations, since, _ = project(log.records, KINDS, states)
    first = T0 // SLOT_MS
    assert list(states[RAW].sizes) == [(T0 + WINDOW_MS + SLOT_MS) // SLOT_MS]
    assert since == {RAW: (first + 1) * SLOT_MS}
    assert "drop" in operations.last


def test_a_clock_that_steps_back_opens_no_slot_that_is_gone():
    log = Log("actions.raw", step=WINDOW_MS * 2)
    log.add(an_action(1))
    late = log.add(an_action(2))
    log.now = T0
    log.add(an_action(3))
    states = {RAW: PlaceState()}
    project(log.records, KINDS, states)
    assert states[RAW].sizes == {late.append_time // SLOT_MS: Counted(2, 3)}


def _seen(kind, at=T0, said=None):
    return Seen(kind, Place("actions.raw", 0), 1, at, said or {})


_COPY = {
    "reason": "redelivered",
    "rule": "event_id",
    "topic": "actions.raw",
    "partition": 0,
    "offset": 5,
    "first_offset": 1,
}
_LETTER = {"processor": "signals", "code": "x", "detail": "y", "topic": "t", "partition": 0, "offset": 1}


@pytest.mark.parametrize(
    ("seen", "row", "word"),
    [
        ((), None, "unknown"),
        ((_seen("accepted"),), None, "accepted"),
        ((_seen("accepted"), _seen("admitted")), None, "admitted"),
        ((_seen("accepted"), _seen("dropped", T0, _COPY | {"first_offset": None})), None, "dropped"),
        ((_seen("admitted"), _seen("dropped", T0, _COPY)), None, "admitted"),
        ((_seen("admitted"), _seen("dead", T0 + 1, _LETTER)), None, "dead_letter"),
        ((_seen("dead", T0, _LETTER), _seen("admitted", T0 + 1)), None, "admitted"),
        ((_seen("accepted"),), {"appended_at": "then"}, "in_timeline"),
        ((_seen("admitted"), _seen("dead", T0 + 1, _LETTER)), {"appended_at": "then"}, "in_timeline"),
    ],
)
def test_one_word_and_one_sentence_for_each_fate(seen, row, word):
    said = fate("x", None, Sightings(seen, T0, {RAW: Mark(9, T0, T0)}), row)
    assert said["fate"] == word
    assert said["text"].endswith((".", "y"))


def test_unknown_is_said_with_what_can_be_spoken_for():
    text = fate("x", None, Sightings((), T0, {RAW: Mark(9, T0, T0)}), None)["text"]
    assert "since 2026-09-21" in text
    assert "read nothing yet" in fate("x", None, Sightings((), None, {}), None)["text"]
    assert "could not be asked" in fate("x", None, None, None)["text"]


@pytest.mark.parametrize(
    ("positions", "since"),
    [
        ([], None),
        ([Mark(0)], None),
        ([Mark(9, 50, 10, True), Mark(1, 40, 40, True)], 10),
        ([Mark(9, 50, 10), Mark(1, 40, 40, True)], 10),
        ([Mark(9, 50, 10), Mark(9, 50, 20), Mark(1, 40, 40, True), Mark(0, whole=True)], 20),
    ],
)
def test_a_topic_that_has_just_begun_shortens_the_window_of_nobody(positions, since):
    assert spoken_since(positions) == since
    assert all(Mark.of(mark.text()) == mark for mark in positions)


def test_the_copies_that_were_dropped_are_said_beside_the_first():
    copies = tuple(_seen("dropped", T0 + n, _COPY) for n in range(2))
    said = fate("x", None, Sightings((_seen("accepted"), *copies), T0, {}), {"appended_at": "then"})
    assert "delivered again 2 times" in said["text"]
    assert said["dropped"][0]["first"] == {"topic": "actions.raw", "partition": 0, "offset": 1}
