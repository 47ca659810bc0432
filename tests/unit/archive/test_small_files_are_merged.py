"""Merging and the layout by tenant and date: nothing is lost or doubled, whatever dies between two steps."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from projections.archive import cold
from projections.archive.manifest import ArchiveError, Manifest
from projections.archive.merge import groups, merge
from projections.archive.project import SCHEMA
from projections.archive.upkeep import CALM_RECORDS, WAIT_SECONDS_MAX, Night
from projections.archive.verify import verify
from schemas import codec
from schemas.record import Output
from tests.support.actions import action
from tests.support.archived import MemoryMerging, Stopped, World

TODAY = 1_700_000_000_000 // 86_400_000


@pytest.fixture
def world(tmp_path: Path) -> World:
    """Three days of actions of two tenants in many files, from a midnight on."""
    made = World(tmp_path, {"actions.ordered": 2, "incidents.events": 1})
    made.clock.advance(86_400_000 - made.clock.wall_ms() % 86_400_000)
    for n in range(60):
        made.clock.advance(3_600_000)
        value = codec.encode(action(n, tenant=f"t/{n % 2}", actor=f"a{n}"))
        made.log.append(Output("actions.ordered", n % 2, b"k", value, (("flags", b"late"),) if n % 3 else ()))
    made.archive(made.store(flush_records=4), most=4)
    return made


def same(world: World) -> None:
    for place in world.places:
        assert world.archived(place) == world.committed(place)
    assert verify(world.history()._manifest, world.files).faults == ()


def test_a_day_that_is_over_becomes_one_file_a_place(world: World) -> None:
    before = len(world.shared.entries)
    merging = MemoryMerging(world.shared)
    done = merge(merging, world.files, TODAY + 9)
    after = [e for e in world.shared.entries if e.kind == "file"]
    assert done.files_before - done.files_after == before - len(after) > 0
    assert len(after) == len({(e.place, e.day) for e in after})
    assert done.deleted == done.files_before
    same(world)
    named = {e.file for e in after}
    assert {n for n in world.files.names("log") if not n.endswith(".json")} == named
    assert merge(merging, world.files, TODAY + 9).files_before == 0, "nothing is left to merge"


def test_the_day_that_is_not_over_is_left_until_an_hour_of_files_is_there(world: World) -> None:
    manifest = world.history()._manifest
    first = min(e.day for e in world.shared.entries)
    assert all(e.day < first + 1 for group in groups(manifest, first + 1) for e in group)
    entry = world.shared.entries[0]
    many = [replace(entry, start=n, end=n + 1, file=f"f{n}", bytes=10) for n in range(60)]
    assert list(groups(Manifest(many[:59]), entry.day)) == []
    assert [len(group) for group in groups(Manifest(many), entry.day)] == [60]


def test_what_is_removed_large_or_apart_is_not_merged(world: World) -> None:
    entry = replace(world.shared.entries[0], bytes=10)
    row = [replace(entry, start=n, end=n + 1, file=f"f{n}") for n in range(6)]
    row[2] = replace(row[2], bytes=9_000_000)
    assert [[e.start for e in g] for g in groups(Manifest(row), 99_999)] == [[0, 1], [3, 4, 5]]
    row[2] = replace(row[2], kind="removed", file=None, sha256=None, records=0, reason="x")
    assert [[e.start for e in g] for g in groups(Manifest(row), 99_999)] == [[0, 1], [3, 4, 5]]
    heavy = [replace(e, bytes=7_000_000) for e in row[3:]]
    assert [[e.start for e in g] for g in groups(Manifest(heavy), 99_999)] == [[3, 4]]


@pytest.mark.parametrize("step", ["merged", "replaced", "mirrored"])
def test_a_death_between_two_steps_leaves_the_archive_whole(world: World, step: str) -> None:
    def at(reached: str) -> None:
        if reached == step:
            raise Stopped(step)

    merging = MemoryMerging(world.shared)
    with pytest.raises(Stopped):
        merge(merging, world.files, TODAY + 9, at)
    for place in world.places:
        assert world.archived(place) == world.committed(place)
    merging.superseded.clear()  # what was superseded is swept like any file without a row
    world.store().open()
    merge(merging, world.files, TODAY + 9)
    same(world)


def test_rows_that_changed_meanwhile_are_left_alone(world: World) -> None:
    merging = MemoryMerging(world.shared)
    merging.refuse = True
    before = list(world.shared.entries)
    names = world.files.names("log")
    assert merge(merging, world.files, TODAY + 9).files_before == 0
    assert (world.shared.entries, world.files.names("log")) == (before, names)


def test_a_corrupt_file_is_named_and_nothing_is_replaced(world: World) -> None:
    entry = next(e for group in groups(world.history()._manifest, TODAY + 9) for e in group if e.file)
    (world.folder / str(entry.file)).write_bytes(b"rubbish")
    before = list(world.shared.entries)
    with pytest.raises(ArchiveError) as caught:
        merge(MemoryMerging(world.shared), world.files, TODAY + 9)
    assert caught.value.code == "archive_file_corrupt"
    assert str(entry.file) in caught.value.what
    assert world.shared.entries == before


def test_old_days_lie_by_tenant_and_date(world: World) -> None:
    manifest = world.history()._manifest
    days = sorted({e.day for e in world.shared.entries})
    done = cold.write(manifest, world.files, days[-1] + 1)
    assert done.days == len(days) - 1 == len(cold.days(world.files))
    assert cold.days(world.files) == days[:-1], "the last one is not over for good"
    expected = [r for p in world.places for r in world.committed(p) if r.append_time // 86_400_000 == days[0]]
    for tenant in ("t/0", "t/1"):
        tables = list(cold.read(world.files, tenant, days[0]))
        assert all(table.schema == SCHEMA for table in tables)
        found = {v for t in tables for v in t.column("value").to_pylist()}
        assert found == {r.value for r in expected if f"t/{tenant[-1]}".encode() in (r.value or b"")}
        assert found
    assert list(cold.read(world.files, "nobody", days[0])) == []
    assert {name.split("/")[1] for name in world.files.names("cold") if "tenant" in name} == {
        "tenant=t%2F0",
        "tenant=t%2F1",
    }
    assert cold.write(manifest, world.files, days[-1] + 1) == cold.Written(), "what is there is not written again"
    merge(MemoryMerging(world.shared), world.files, TODAY + 9)
    assert cold.write(world.history()._manifest, world.files, days[-1] + 1) == cold.Written(), "nor after merging"


def test_a_day_that_got_more_is_written_again(world: World) -> None:
    days = sorted({e.day for e in world.shared.entries})
    part = Manifest([e for e in world.shared.entries if e.partition == 0])
    cold.write(part, world.files, days[-1] + 9)
    again = cold.write(world.history()._manifest, world.files, days[-1] + 9)
    assert again.days == len(days)
    count = sum(t.num_rows for d in days for n in (0, 1) for t in cold.read(world.files, f"t/{n}", d))
    assert count == 60


def test_upkeep_waits_for_calm_and_not_for_ever() -> None:
    now, written, done = [0.0], [0.0], []
    night = Night(lambda: done.append(now[0]), lambda: written[0], clock=lambda: now[0])
    now[0], written[0] = 600.0, 600 * CALM_RECORDS * 2
    assert not night.look()
    now[0] = 1_200.0
    assert night.look()
    now[0], written[0] = 1_800.0, written[0] * 10
    assert not night.look()
    now[0], written[0] = 1_200.0 + WAIT_SECONDS_MAX, 1e12
    assert night.look()
    assert done == [1_200.0, 1_200.0 + WAIT_SECONDS_MAX]


def test_a_full_disk_does_not_end_the_upkeep() -> None:
    now = [0.0]

    def work() -> None:
        raise OSError("No space left on device")

    night = Night(work, lambda: 0.0, clock=lambda: now[0])
    now[0] = 600.0
    assert night.look()
    now[0] = 1_200.0
    assert night.look(), "tried again"
