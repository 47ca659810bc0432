"""One queue over all processors: what is found in the record keeps its time, what is new takes a known latency."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

import gateway.whatif.start as start
from gateway.whatif.compare import MovedPage
from processors.host.memory_merge import LATENCY_MS, Latencies
from processors.host.memory_timetable import Origins, read_timetable
from processors.kernel.room import room_of
from processors.kernel.runnable import Runnable
from processors.rooms import DECIDERS
from schemas import codec, ids, topology
from schemas.errors import MandateError, SchemaError
from schemas.messages.incidents import AcknowledgeIncident, ErrorSignalled
from schemas.messages.kernel import DeadLetter
from schemas.record import Output, Record
from tests.support.recorded import MemoryHistory
from tests.support.shop import Shop
from tests.support.whatifs import alice_waits, what_if
from tests.support.world import SPEECH, START_MS, World

MAP = topology.load()
ROOMS = {name: room_of(decider, MAP, DECIDERS) for name, decider in DECIDERS.items()}


@pytest.fixture(scope="module")
def world() -> World:
    return Shop().play(30.0)


def test_everything_that_came_from_outside_is_kept_and_of_all_else_only_where_it_lay(world: World) -> None:
    table = read_timetable(MemoryHistory(world.log), ROOMS, {}, START_MS + 30_000, lambda record: True)
    raw = len(world.log.records("actions.raw"))
    assert sum(a.record.topic == "actions.raw" for a in table.arrivals) == raw
    assert {a.record.topic for a in table.arrivals} == {
        "actions.raw",
        "incidents.commands",
        "notifications.commands",
    }
    assert sum(topic == "actions.unique" for topic, _ in table.lay) > 0
    assert [a.time for a in table.arrivals] == sorted(a.time for a in table.arrivals)


def test_a_record_from_outside_is_told_by_its_source_and_passed_on_bytes_by_their_topic(world: World) -> None:
    origins = Origins(ROOMS)
    assert not any(origins.outside(r) for r in world.log.records("actions.unique"))
    assert all(origins.outside(r) for r in world.log.records("actions.raw"))
    rubbish = Record("actions.unique", 0, 0, 0, None, b"\xffrubbish")
    assert origins.outside(rubbish)


def test_a_processors_record_of_an_unknown_schema_is_refused_with_its_place(world: World) -> None:
    class Broken(MemoryHistory):
        def read(self, place, begin, end):
            for record in super().read(place, begin, end):
                if place.topic == "notifications.commands" and record.headers:
                    yield Record(*record[:5], b"\x00\x00\x00\xff\xff" + (record.value or b"")[5:], record.headers)
                else:
                    yield record

    with pytest.raises(SchemaError) as caught:
        read_timetable(Broken(world.log), ROOMS, {}, START_MS + 30_000, lambda record: True)
    assert caught.value.code == "unknown_schema"
    assert caught.value.what.startswith("notifications.commands[")


def test_too_many_records_are_refused_not_kept(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("processors.host.memory_timetable.RECORDS_MAX", 10)
    with pytest.raises(MandateError) as caught:
        read_timetable(MemoryHistory(world.log), ROOMS, {}, START_MS + 30_000, lambda record: True)
    assert caught.value.code == "stretch_too_large"


def test_new_words_take_as_long_as_the_same_words_did_else_the_median_of_the_nearest_edge() -> None:
    known = Latencies()
    edge = ("one", True, "two.commands", "Go")
    for n, took in enumerate((10, 30, 50)):
        known.measured(edge, Output("two.commands", 0, b"k", b"%d" % n), took)
    assert known.of(edge, Output("two.commands", 0, b"k", b"1")) == 30
    assert known.of(edge, Output("two.commands", 0, b"k", b"0")) == 10
    assert known.of(edge, Output("two.commands", 0, b"k", b"new")) == 30
    assert known.of(("one", True, "two.commands", "Stop"), Output("two.commands", 0, b"k", b"new")) == 30
    assert known.of(("other", False, "x", "Go"), Output("x", 0, b"k", b"new")) == LATENCY_MS


@pytest.mark.parametrize("begin", [0.0, 5.0, 9.0, 9.05, 12.3, 17.0, 17.05, 21.05])
def test_a_run_from_the_middle_of_the_log_begins_with_the_state_of_then_and_equals_the_record(
    world: World, monkeypatch: pytest.MonkeyPatch, begin: float
) -> None:
    monkeypatch.setattr(start, "WARM_UP_MAX", 0)
    found = what_if(world, alice_waits(8), begin=begin)
    assert found.fidelity.whole
    assert found.fidelity.apart_ms == 0
    assert found.document["pages"] == {"added": [], "removed": [], "moved": []}
    assert found.result.records < 1_400 or begin < 1


def test_a_log_that_has_lost_its_beginning_is_run_from_the_state(world: World) -> None:
    class Later(MemoryHistory):
        """Retention has taken the first ten seconds of what agents sent."""

        def bounds(self, place):
            low, end = super().bounds(place)
            if place.topic != "actions.raw":
                return low, end
            kept = [r.offset for r in super().read(place, low, end) if r.append_time >= START_MS + 10_000]
            return (kept[0] if kept else end), end

    found = what_if(world, begin=11.0, history=Later(world.log))
    assert found.fidelity.whole
    assert found.fidelity.counts["pages"] == (1, 1)


def test_a_compacted_changelog_is_named_where_the_state_of_then_is_lost(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Compacted(MemoryHistory):
        def bounds(self, place):
            low, end = super().bounds(place)
            return (min(1, end) if place.topic == "actions.raw" else low), end

        def read(self, place, begin, end):
            records = list(super().read(place, begin, end))
            if place.topic.endswith(".changelog"):
                last = {r.key: r.offset for r in records}
                records = [r for r in records if last[r.key] == r.offset or b"progress" in (r.key or b"")]
            return iter(records)

    with pytest.raises(MandateError) as caught:
        what_if(world, begin=25.0, history=Compacted(world.log))
    assert caught.value.code == "changelog_incomplete"


def test_a_state_that_is_later_than_the_windows_start_is_refused_and_not_taken_for_the_beginning(world: World) -> None:
    class Compacted(MemoryHistory):
        """Retention has taken the first record, and compaction all but the last of every key, Progress too."""

        def bounds(self, place):
            low, end = super().bounds(place)
            return (min(1, end) if place.topic == "actions.raw" else low), end

        def read(self, place, begin, end):
            records = list(super().read(place, begin, end))
            if place.topic.endswith(".changelog"):
                last = {r.key: r.offset for r in super().read(place, *super().bounds(place))}
                records = [r for r in records if last[r.key] == r.offset]
            return iter(records)

    with pytest.raises(MandateError) as caught:
        what_if(world, begin=9.0, history=Compacted(world.log))
    assert (caught.value.code, "later than the window's start" in caught.value.why) == ("changelog_incomplete", True)


@pytest.mark.parametrize("warm_up", [100_000, 0])
def test_what_failed_when_it_ran_fails_in_the_baseline(monkeypatch: pytest.MonkeyPatch, warm_up: int) -> None:
    monkeypatch.setattr(start, "WARM_UP_MAX", warm_up)
    shop = Shop()
    world = shop.world
    right = world.rooms["incidents"].room
    heard: list[bytes] = []

    def broken(command: Any, view: Any) -> Any:
        if isinstance(command.message, ErrorSignalled):
            heard.append(command.id)
            if command.id in heard[1:3]:
                raise ValueError("a bug: of that day")
        return right.decider.decide(command, view)

    changed = replace(right, decider=replace(right.decider, decide=broken))
    world.rooms["incidents"] = Runnable(changed)
    world.start("incidents")
    shop.play(24.0)
    letters = world.said("dead.letters", DeadLetter)
    assert [letter.code for letter in letters].count("decide_failed") == 2
    found = what_if(world, alice_waits(4), begin=0.0 if warm_up else 8.0)
    assert found.fidelity.whole
    assert found.fidelity.counts["incidents"] == (1, 1)
    assert found.document["incidents"] == {"gained": [], "lost": [], "regrouped": []}
    (incident,) = found.result.before.seen.incidents.values()
    (recorded,) = found.result.record.incidents.values()
    assert set(incident.events) == set(recorded.events)


def test_an_empty_window_and_an_unknown_incident_are_refused(world: World) -> None:
    for given, code in (({"begin": 200.0, "end": 300.0}, "window_empty"), ({"incident": "INC-9"}, "incident_unknown")):
        with pytest.raises(MandateError) as caught:
            what_if(world, **given)
        assert caught.value.code == code


def test_one_incident_is_all_that_is_told_where_one_is_asked_for(world: World) -> None:
    found = what_if(world, alice_waits(4), incident="INC-1")
    assert list(found.document["intervention"]["before"]) == ["INC-1"]
    (moved,) = found.found.pages_moved
    assert isinstance(moved, MovedPage)
    assert moved.by_ms == -4_000


def test_settings_that_config_apply_would_refuse_are_refused(world: World) -> None:
    dangling = alice_waits(4)
    dangling["escalation"]["policies"][0]["steps"][0]["person"] = "nobody"
    with pytest.raises(MandateError) as caught:
        what_if(world, dangling)
    assert caught.value.code == "configuration_dangling"


def test_a_command_keeps_its_id_when_it_goes_to_another_incident(world: World) -> None:
    commands = world.log.records("incidents.commands")
    command = next(r for r in commands if isinstance(SPEECH.decode(r), AcknowledgeIncident))
    moved = SPEECH.about(command, SPEECH.decode(command), ids.derive("other"))
    message = SPEECH.decode(moved)
    assert isinstance(message, AcknowledgeIncident)
    assert message.incident_id == ids.derive("other")
    assert moved.headers == command.headers
    assert codec.id_of(moved.value) == codec.id_of(command.value)
