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
from tests.golden.recording import FOLDER, files, read
from tests.golden.story import told
from tests.support.histories import recorded

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


def test_the_file_is_what_the_story_tells_and_nothing_is_lost_in_writing_it() -> None:
    path = FOLDER / _today()
    world = told()
    history = recorded(world.log, {t.name: t.partitions for t in world.map.topics.values()})
    kept = read(path).history
    for name, room in ROOMS.items():
        assert kept.of(room.input) == history.of(room.input), name
    assert kept.ends == history.ends


def _today() -> str:
    from tests.golden.recording import name_of

    return name_of({name: decider.version for name, decider in DECIDERS.items()})
