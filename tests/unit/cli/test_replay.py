"""`mandate replay`: its report, its exit codes, and the first difference in words."""

from __future__ import annotations

import json
from contextlib import contextmanager

import pytest
from click.testing import CliRunner

from gateway.cli import replay as command
from processors.host.places import Place
from schemas.errors import MandateError
from tests.support.histories import ListHistory, flipped, recorded
from tests.support.world import World


@pytest.fixture(scope="module")
def world() -> World:
    told = World()
    for number in range(12):
        told.act("agent-1", "deploy", f"res-{number % 3}")
        told.run_to(told.now + 0.5)
    told.fail("agent-1", "call", "res-1", "Timeout", "no answer")
    told.run_to(told.now + 20)
    return told


@pytest.fixture
def history(world, monkeypatch) -> ListHistory:
    found = recorded(world.log, {t.name: t.partitions for t in world.map.topics.values()})

    @contextmanager
    def opened(bootstrap, different=None, passes=None):
        yield found

    monkeypatch.setattr(command, "history", opened)
    return found


def run(*arguments):
    return CliRunner().invoke(command.replay, [*arguments], standalone_mode=False)


def test_all_equal(history):
    done = run("--verify")
    assert done.return_value == 0
    assert "(100 %)" in done.output


def test_json_is_as_documented(history):
    done = run("--verify", "--json")
    found = json.loads(done.stdout)
    assert set(found) == {"records", "events", "equal", "different", "declared", "rooms", "seconds"}
    assert found["equal"] == found["events"] == sum(room["events"] for room in found["rooms"].values()) > 0
    assert (found["different"], found["declared"], done.return_value) == (0, 0, 0)


def test_only_one_processor(history):
    done = run("--verify", "--json", "--processor", "dedup")
    assert list(json.loads(done.stdout)["rooms"]) == ["dedup"]


def test_nothing_compared_is_no_success(history):
    done = run("--verify", "--to", "1970-01-02T00:00:00Z")
    assert done.return_value == 2
    assert "Nothing was compared" in done.output


def test_the_first_difference_is_told(history):
    record = next(r for r in history.of("incidents.events") if r.key)
    history.change(Place(record.topic, record.partition), record.offset, lambda r: flipped(r, 30))
    done = run("--verify")
    assert done.return_value == 1
    for word in (
        "First difference: incidents",
        f"incidents.events[{record.partition}]@{record.offset}",
        "incidents.commands[",
        "differs",
        "reasons",
        "before",
    ):
        assert word in done.output, word
    assert "(100 %)" not in done.output


def test_a_history_that_cannot_be_read_has_an_exit_code_of_its_own(history):
    record = next(r for r in history.of("actions.raw") if r.key)
    place = Place(record.topic, record.partition)
    history.drop(place, record.offset)
    done = run("--verify")
    assert done.return_value == 13
    assert f"error[history_hole]: {place.topic}[{place.partition}]@" in done.output
    done = run("--verify", "--json")
    assert json.loads(done.stderr)["code"] == "history_hole"
    assert done.stdout == ""


@pytest.mark.parametrize(
    "arguments",
    [[], ["--verify", "--from", "yesterday"], ["--verify", "--from=-1h", "--to=-2h"], ["--verify", "--processor", "x"]],
)
def test_wrong_usage(arguments):
    assert CliRunner().invoke(command.replay, arguments).exit_code == 2


def test_a_silent_broker_is_told_apart(monkeypatch):
    def silent(bootstrap, different, passes):
        raise MandateError("broker_silent", "w", "y", "r")

    monkeypatch.setattr(command, "history", silent)
    assert run("--verify").return_value == 3
