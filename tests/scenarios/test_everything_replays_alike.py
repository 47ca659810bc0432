"""What would break: a log with corrections, suggestions, floods, a catalog, calendars and causes is decided otherwise
when it is replayed (`mandate replay --verify` below 100 %)."""

from __future__ import annotations

import pytest

from processors.host.places import Place
from processors.host.replay import verify
from processors.host.replay_feed import Window
from processors.kernel.runnable import runnables
from processors.rooms import DECIDERS
from schemas import topology
from schemas.messages import incidents as words
from schemas.messages.incidents import flooding
from schemas.messages.kernel import ConfigurationPart
from tests.support.everything import everything
from tests.support.histories import ListHistory, flipped, recorded
from tests.support.world import World, decode

ROOMS = {name: wired.room for name, wired in runnables(topology.load(), DECIDERS).items()}
HELD = (
    words.IncidentSplit,
    words.IncidentsMerged,
    words.CorrectionUndone,
    words.IncidentsRelated,
    words.IncidentHandedOff,
    words.IncidentReopened,
    words.CommandRefused,
    words.SeverityRaised,
    words.CauseSuggested,
    words.ChangeRecorded,
    words.ChangeRadiusStated,
    words.BlastRadiusStated,
    words.SuggestionAccepted,
    words.SuggestionDismissed,
    words.ThresholdBreached,
    words.ThresholdRecovered,
    words.FalseAlarmMarked,
    words.PostmortemStarted,
    flooding.FloodSuspected,
    flooding.FloodGrew,
    flooding.FloodJudged,
    flooding.FloodEnded,
    flooding.DependencyRated,
    flooding.DependencyDegraded,
    flooding.DependencySuspected,
)
KINDS = {"deploy", "behaviour", "cost", "data_quality", "meta"}


@pytest.fixture(scope="module")
def world() -> World:
    return everything()


@pytest.fixture
def history(world: World) -> ListHistory:
    return recorded(world.log, {t.name: t.partitions for t in world.map.topics.values()})


def test_every_processor_decides_all_of_it_alike(world: World, history: ListHistory) -> None:
    said = [decode(r) for r in history.of("incidents.events")]
    missing = [kind.__name__ for kind in HELD if not any(isinstance(m, kind) for m in said)]
    assert missing == [], "the log does not hold what is to be replayed"
    assert {m.kind for m in said if isinstance(m, words.IncidentClassified)} >= KINDS
    assert any(isinstance(decode(r), ConfigurationPart) for r in history.of("incidents.commands"))
    assert list(world.log.records("dead.letters")) == []
    for name, room in ROOMS.items():
        found = verify(room, history, Window())
        assert (found.different, found.declared, found.states_different) == (0, 0, 0), (name, found.first)
        assert found.equal == found.events
        assert found.equal > 0


def test_one_bit_of_one_correction_is_seen(history: ListHistory) -> None:
    split = next(r for r in history.of("incidents.events") if isinstance(decode(r), words.IncidentSplit))
    history.change(Place(split.topic, split.partition), split.offset, flipped)
    assert verify(ROOMS["incidents"], history, Window()).different > 0
