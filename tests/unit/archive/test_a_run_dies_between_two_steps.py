"""A run dies at each step in turn: the next one leaves neither a hole nor a double, and no file that nobody names."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from processors.host.places import Place
from projections.archive.verify import verify
from projections.errors import NotReady
from schemas import codec
from schemas.record import Output
from tests.support.actions import action
from tests.support.archived import STEPS, Stopped, World

TOPICS = {"actions.raw": 2, "dedup.changelog": 1, "effects.requests": 1}


def fill(world: World, count: int) -> None:
    """Transactions of some records with headers, one of them aborted; the clock crosses a midnight."""
    identity = world.log.init_producer("p")
    for n in range(count):
        world.clock.advance(3_600_000)
        identity = world.log.init_producer("p")
        world.log.begin(identity)
        value = codec.encode(action(n, tenant="t", actor=f"a{n % 3}"))
        world.log.write(
            identity,
            [
                Output(
                    "actions.raw", n % 2, f"t/a{n % 3}".encode(), value, (("flags", b"x"), ("cause", str(n).encode()))
                ),
                Output("dedup.changelog", 0, b"t/part", value if n % 4 else None),
            ],
        )
        world.log.end(identity, commit=n % 5 != 4)
    world.log.append(Output("effects.requests", 0, None, b"plain"))


def stop_at(step: str, nth: int) -> Callable[[str], None]:
    """Dies the n-th time that this step is reached."""
    left = [nth]

    def at(reached: str) -> None:
        if reached == step:
            left[0] -= 1
            if left[0] == 0:
                raise Stopped(step)

    return at


def whole(world: World) -> None:
    """What is archived is what is committed, to the byte; every file has a row; every copy is written."""
    for place in world.places:
        assert world.archived(place) == world.committed(place)
        assert world.history().bounds(place)[1] == world.log.ends(place).stable
    report = verify(world.history()._manifest, world.files)
    assert report.faults == ()
    named = {entry.file for entry in world.shared.entries if entry.kind == "file"}
    assert {name for name in world.files.names("log") if not name.endswith(".json")} == named


@pytest.mark.parametrize("step", STEPS)
@pytest.mark.parametrize("nth", [1, 2, 3])
def test_neither_a_hole_nor_a_double(step: str, nth: int, tmp_path: Path) -> None:
    world = World(tmp_path, TOPICS)
    fill(world, 20)
    dying = world.store(stop_at(step, nth), flush_records=5)
    with pytest.raises(Stopped):
        world.archive(dying)
    world.archive(world.store(flush_records=5))
    whole(world)


@settings(max_examples=25, deadline=None)
@given(
    st.lists(st.tuples(st.sampled_from(STEPS), st.integers(1, 4), st.integers(1, 6), st.integers(1, 9)), max_size=5),
    st.integers(1, 30),
)
def test_any_number_of_deaths(tmp_path_factory: pytest.TempPathFactory, deaths, count: int) -> None:
    world = World(tmp_path_factory.mktemp("archive"), TOPICS)
    fill(world, count)
    for step, nth, flush, most in deaths:
        try:
            world.archive(world.store(stop_at(step, nth), flush_records=flush), most)
        except Stopped:
            fill(world, 2)
    world.archive(world.store())
    whole(world)


def test_what_was_written_and_not_published_is_removed_by_the_next_run(tmp_path: Path) -> None:
    world = World(tmp_path, TOPICS)
    fill(world, 4)
    with pytest.raises(Stopped):
        world.archive(world.store(stop_at("archive.written", 1)))
    (tmp_path / "log" / "actions.raw" / "half.parquet.part").parent.mkdir(parents=True, exist_ok=True)
    (tmp_path / "log" / "actions.raw" / "half.parquet.part").write_bytes(b"half")
    assert world.files.names("log")
    assert world.archived(Place("actions.raw", 0)) == [], "nobody sees a file without a row"
    world.store().open()
    assert world.files.names("log") == []


def test_a_run_that_was_taken_for_dead_publishes_nothing(tmp_path: Path) -> None:
    world = World(tmp_path, TOPICS)
    fill(world, 10)
    zombie = world.store()
    reader = world.reader(zombie)
    batch = reader.read(5, 0.0)
    zombie.write(batch.records, batch.before, batch.positions)
    heir = world.store()
    world.reader(heir)
    with pytest.raises(NotReady) as caught:
        zombie.flush()
    assert caught.value.code == "archive_overtaken"
    assert world.shared.entries == []
    zombie.close()
    heir.close()
    world.archive(world.store())
    whole(world)


def test_a_copy_of_the_manifest_is_written_by_the_next_run(tmp_path: Path) -> None:
    world = World(tmp_path, TOPICS)
    fill(world, 3)
    with pytest.raises(Stopped):
        world.archive(world.store(stop_at("archive.published", 1)))
    assert {fault.code for fault in verify(world.history()._manifest, world.files).faults} == {
        "archive_mirror_different"
    }
    world.store().open()
    whole(world)


def test_a_lost_database_is_filled_again_from_the_copies(tmp_path: Path) -> None:
    world = World(tmp_path, TOPICS)
    fill(world, 8)
    world.archive(world.store(flush_records=3))
    before, positions = list(world.shared.entries), dict(world.shared.positions)
    world.shared.entries, world.shared.positions = [], {}
    fill(world, 3)
    world.archive(world.store())
    for entry in before:
        assert entry in world.shared.entries, "files of before are still in the archive"
    assert all(world.shared.positions[place] >= at for place, at in positions.items())
    whole(world)
