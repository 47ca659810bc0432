"""A replay is equal to the record; and whatever was changed in the record is named."""

from __future__ import annotations

from dataclasses import replace

import pytest

from processors.host.places import Place
from processors.host.replay import outputs_of, verify
from processors.host.replay_explain import explain
from processors.host.replay_feed import Window
from processors.kernel.engine import PROGRESS_KEY
from schemas import codec
from schemas.errors import MandateError
from schemas.messages.incidents import ErrorSignalled, IncidentOpened
from schemas.record import header
from tests.support.histories import ListHistory, flipped, recorded
from tests.support.world import START_MS, World


@pytest.fixture(scope="module")
def world() -> World:
    told = World()
    for number in range(40):
        told.act(f"agent-{number % 5}", "deploy", f"res-{number % 3}")
        if number % 7 == 0:
            told.fail(f"agent-{number % 5}", "call", "res-1", "Timeout", "no answer")
        if number % 11 == 0:
            told.act("agent-1", "read", "res-2", sequence=500 + 3 * number)
        told.run_to(told.now + 0.5)
    told.run_to(told.now + 60)
    return told


@pytest.fixture
def history(world) -> ListHistory:
    return recorded(world.log, {t.name: t.partitions for t in world.map.topics.values()})


WHOLE = Window()


def both(world, history, name, window=WHOLE):
    return verify(world.rooms[name].room, history, window)


NAMES = ("dedup", "ordering", "signals", "incidents", "notifications")


@pytest.mark.parametrize("name", NAMES)
def test_what_was_recorded_is_equal(world, history, name):
    found = both(world, history, name)
    assert found.first is None
    assert found.events == found.equal > 0
    assert found.states > 0


@pytest.mark.parametrize("name", NAMES)
def test_one_bit_of_any_output_is_named(world, history, name):
    room = world.rooms[name].room
    for topic in outputs_of(room):
        for record in history.of(topic)[::7]:
            source = header(record.headers, "ce_source")
            if source not in (None, f"/mandate/{name}".encode()) or record.key is None:
                continue
            place = Place(topic, record.partition)
            kept = history.records[place]
            history.change(place, record.offset, flipped)
            first = verify(room, history, Window()).first
            history.records[place] = kept
            if topic == room.input:
                continue  # from outside
            assert first is not None, (topic, record.offset)
            assert first.recorded is not None
            assert (first.kind, first.recorded.offset, first.recorded.topic) == ("different", record.offset, topic)


@pytest.mark.parametrize("name", NAMES)
def test_one_bit_of_any_state_is_named(world, history, name):
    room = world.rooms[name].room
    for record in history.of(room.changelog)[::9]:
        if record.value is None or record.key == PROGRESS_KEY:
            continue
        place = Place(room.changelog, record.partition)
        kept = history.records[place]
        history.change(place, record.offset, flipped)
        found = verify(room, history, Window())
        history.records[place] = kept
        assert found.states_different == 1
        assert found.first is not None
        assert found.first.recorded is not None
        assert (found.first.kind, found.first.recorded.offset) == ("state", record.offset)


def test_a_missing_an_extra_and_a_swapped_output(world, history):
    topic = "actions.unique"
    place = Place(topic, max(range(4), key=lambda p: len(history.records[Place(topic, p)])))
    kept = history.records[place]
    history.drop(place, kept[3].offset)
    found = both(world, history, "dedup")
    assert (found.first.kind, found.different, found.equal + 1) == ("missing", 1, found.events)
    assert found.first.replayed.value == kept[3].value

    history.records[place] = [*kept, kept[3]._replace(offset=kept[-1].offset + 1)]
    history.ends[place] += 1
    found = both(world, history, "dedup")
    assert (found.first.kind, found.first.recorded.offset, found.different) == ("extra", kept[-1].offset + 1, 1)

    one, two = kept[3], kept[4]
    swapped = [two._replace(offset=one.offset), one._replace(offset=two.offset)]
    history.records[place] = [*kept[:3], *swapped, *kept[5:]]
    found = both(world, history, "dedup")
    assert (found.first.kind, found.different) == ("order", 1)


def test_an_id_that_was_damaged_is_one_difference(world, history):
    record = next(r for r in history.of("actions.unique") if r.key)
    place = Place("actions.unique", record.partition)
    history.change(place, record.offset, lambda r: flipped(r, 7))
    found = both(world, history, "dedup")
    assert (found.different, found.first.kind, found.first.recorded.offset) == (1, "different", record.offset)
    assert found.first.replayed.value == record.value


@pytest.mark.parametrize("name", NAMES)
def test_from_and_to_the_middle(world, history, name):
    whole = both(world, history, name)
    middle = START_MS + 10_000
    late = both(world, history, name, Window(since=middle))
    early = both(world, history, name, Window(until=middle))
    assert (late.first, early.first) == (None, None)
    assert 0 < early.records < whole.records
    assert early.records + late.records == whole.records
    assert early.states + late.states == whole.states


def test_a_decision_that_changed_is_shown_with_its_state_and_reasons(world, history):
    room = world.rooms["incidents"].room

    def louder(command, view):
        decision = room.decider.decide(command, view)
        events = tuple(
            replace(e, message=replace(e.message, title="LOUD")) if isinstance(e.message, IncidentOpened) else e
            for e in decision.events
        )
        return replace(decision, events=events)

    changed = replace(room, decider=replace(room.decider, decide=louder))
    found = verify(changed, history, Window())
    assert found.first is not None
    assert found.first.kind == "different"
    why = explain(changed, history, Window(), found.first)
    assert why is not None
    seen = why.decided
    assert seen[-1].what == "ErrorSignalled"
    (cause,) = [
        r for r in history.of("incidents.commands") if (r.partition, r.offset) == (found.first.partition, why.cause)
    ]
    assert codec.id_of(cause.value) in codec.schema_ids(ErrorSignalled)
    assert "IncidentOpened" in seen[-1].events
    assert seen[-1].reasons
    assert seen[-1].parts

    raised = replace(changed, decider=replace(changed.decider, version=room.decider.version + 1))
    found = verify(raised, history, Window())
    assert found.first is not None
    assert (found.different, found.first.declared) == (0, True)
    assert found.declared > 0


def test_what_raises_today_is_an_extra_dead_letter(world, history):
    room = world.rooms["signals"].room

    def broken(command, view):
        if command.record is not None and command.record.offset == 3:
            raise ValueError("today's bug")
        return room.decider.decide(command, view)

    found = verify(replace(room, decider=replace(room.decider, decide=broken, face=None)), history, Window())
    busy = [p for p in range(4) if any(r.offset == 3 for r in history.records.get(Place(room.input, p), ()))]
    whole = both(world, history, "signals")
    # A dead letter that nobody wrote, on each partition, and what the record should have led to; the rest is as it was.
    assert len(busy) <= found.different - found.states_different <= 2 * len(busy)
    assert found.equal >= whole.equal - len(busy)


def test_holes_and_ends_are_refused_with_their_place(world, history):
    topic = "actions.raw"
    place = Place(topic, max(range(4), key=lambda p: len(history.records[Place(topic, p)])))
    kept = history.records[place]
    history.drop(place, kept[2].offset)
    with pytest.raises(MandateError) as caught:
        both(world, history, "dedup")
    assert caught.value.code == "history_hole"
    assert caught.value.what.startswith(f"{topic}[{place.partition}]@")
    history.records[place] = kept
    history.lows[place] = kept[2].offset
    with pytest.raises(MandateError) as caught:
        both(world, history, "dedup")
    assert (caught.value.code, caught.value.what) == ("history_begins_later", f"{topic}[{place.partition}]@0")


def test_a_compacted_changelog_replays_from_the_beginning_and_not_from_the_middle(world, history):
    for partition in range(4):
        place = Place("dedup.changelog", partition)
        last = {r.key: r.offset for r in history.records[place]}
        history.records[place] = [r for r in history.records[place] if last[r.key] == r.offset]
    found = both(world, history, "dedup")
    assert found.first is None
    assert found.boundaries_lost > 0
    with pytest.raises(MandateError) as caught:
        both(world, history, "dedup", Window(since=START_MS + 60_000))
    assert caught.value.code == "changelog_incomplete"


def test_a_schema_that_nobody_knows_is_refused(world, history):
    record = next(r for r in history.of("incidents.events") if r.key)
    place = Place("incidents.events", record.partition)
    history.change(place, record.offset, lambda r: r._replace(value=b"\0\x00\xff\xff\xff" + r.value[5:]))
    with pytest.raises(MandateError) as caught:
        both(world, history, "incidents")
    assert caught.value.code == "unknown_schema"
    assert f"incidents.events[{record.partition}]@{record.offset}" in caught.value.what
