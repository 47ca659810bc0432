"""Today's code decides every recorded log as it was decided then, byte for byte, but for what is declared."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from processors.host.replay import verify
from processors.host.replay_feed import Window
from processors.kernel.runnable import runnables
from processors.rooms import DECIDERS
from schemas import topology
from tests.golden.recording import FOLDER, Recording, files, read, write
from tests.support.histories import recorded
from tests.support.world import World

ROOMS = {name: wired.room for name, wired in runnables(topology.load(), DECIDERS).items()}
# File -> processor -> how many differences its later decision versions declare.
DECLARED = json.loads((FOLDER / "declared.json").read_text())


@pytest.mark.parametrize("path", files(), ids=lambda p: p.name.split(".")[0])
def test_every_recorded_log_is_decided_alike(path: Path) -> None:
    recording = read(path)
    for name, room in ROOMS.items():
        if name not in recording.versions:
            continue
        found = verify(room, recording.history, Window())
        assert found.different == 0, (name, found.first)
        assert found.declared == DECLARED.get(path.name, {}).get(name, 0), (name, found.first)
        assert found.equal > 0
        assert found.states > 0


def test_nothing_is_lost_in_writing_a_log_and_the_same_log_is_the_same_bytes(tmp_path: Path) -> None:
    world = World()
    world.act("agent-1", "deploy", "res-1")
    world.fail("agent-1", "call", "res-1", "Timeout", "no answer")
    world.run_to(5)
    history = recorded(world.log, {t.name: t.partitions for t in world.map.topics.values()})
    versions = {name: decider.version for name, decider in DECIDERS.items()}
    one, two = tmp_path / "one", tmp_path / "two"
    assert write(one, Recording(versions, history)) == write(two, Recording(versions, history))
    assert one.read_bytes() == two.read_bytes()
    found = read(one)
    assert found.versions == versions
    assert (found.history.ends, found.history.topics) == (history.ends, history.topics)
    assert all(found.history.of(topic) == history.of(topic) for topic in history.topics)
