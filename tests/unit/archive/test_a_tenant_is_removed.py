"""A tenant's records are taken out: none of them stays, all others are the same bytes, and what is gone is told."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from processors.host.places import Place
from projections.archive import cold, removal
from projections.archive.history import ArchiveHistory
from projections.archive.manifest import ArchiveError, Manifest
from projections.archive.merge import merge
from projections.archive.removal import Request
from projections.archive.store import read_mirrors
from projections.archive.tenants import Tenants
from projections.archive.verify import verify
from schemas import codec
from schemas.messages.kernel import DeadLetter, StoredPart
from schemas.record import Output, Record
from tests.support.actions import action
from tests.support.archived import MAP, MemoryMerging, Stopped, World

GONE, STAYS = "t/0", "t/1"
ALL = 2**31 - 1
ASKED = Request(1, GONE, ALL, False, "contract ended")
STEPS = ("rewritten", "replaced", "mirrored", "listed", "deleted")


@pytest.fixture
def world(tmp_path: Path) -> World:
    """Three days of two tenants in one topic by head, in one by key, and in a changelog by part."""
    made = World(tmp_path, {"actions.ordered": 2, "incidents.events": 1, "incidents.changelog": 1})
    made.clock.advance(86_400_000 - made.clock.wall_ms() % 86_400_000)
    for n in range(60):
        made.clock.advance(3_600_000)
        value = codec.encode(action(n, tenant=f"t/{n % 2}", actor=f"a{n}"))
        made.log.append(Output("actions.ordered", n % 3 % 2, b"k", value))
        made.log.append(Output("incidents.events", 0, f"t%2F{n % 2}".encode(), b"%d" % n))
        part = codec.encode(StoredPart(b"%d" % n))
        made.log.append(Output("incidents.changelog", 0, f"t%2F{n % 2}/incident/{n}".encode(), part))
    made.archive(made.store(flush_records=6), most=6)
    return made


def left(world: World, passes: bool = True) -> dict[Place, list[Record]]:
    """What is read of each place where gaps are passed by."""
    history = ArchiveHistory(world.files, manifest(world), passes=lambda _: passes)
    return {place: list(history.read(place, *history.bounds(place))) for place in world.places}


def others(world: World) -> dict[Place, list[Record]]:
    """What the log holds of everybody else."""
    tenants = Tenants(MAP)
    return {p: [r for r in world.committed(p) if tenants.of(r.topic, r.key, r.value) != GONE] for p in world.places}


def manifest(world: World) -> Manifest:
    return Manifest(world.shared.entries, world.shared.positions)


def clean(world: World) -> None:
    """Nothing of the tenant is in any file that is there, and the archive is whole."""
    assert left(world) == others(world)
    report = verify(manifest(world), world.files)
    assert report.faults == ()
    assert {(e.kind, e.tenant, e.reason) for e in report.gone} == {("removed", GONE, "contract ended")}
    assert sum(e.records for e in report.gone) == 90
    assert not any("t%2F0" in name for name in world.files.names("cold"))
    assert all(world.shared.positions[p] == world.log.ends(p).stable for p in world.places)


def test_the_tenants_records_are_gone_and_all_others_are_the_same(world: World) -> None:
    last = max(e.day for e in world.shared.entries)
    cold.write(manifest(world), world.files, last + 9)
    merging = MemoryMerging(world.shared)
    done = removal.remove(merging, world.files, MAP, ASKED)
    assert merging.finished == [ASKED]
    assert done.cold_files > 0
    for name in merging.superseded:
        world.files.delete(name)
    clean(world)
    assert {n for n in world.files.names("log") if n.endswith("parquet")} == {
        e.file for e in world.shared.entries if e.file
    }
    day = min(e.day for e in world.shared.entries)
    assert list(cold.read(world.files, GONE, day)) == []
    cold.write(manifest(world), world.files, last + 9)
    clean(world)
    assert sum(t.num_rows for d in cold.days(world.files) for t in cold.read(world.files, STAYS, d)) == 30
    assert removal.remove(merging, world.files, MAP, ASKED) == removal.Removed((), 0), "nothing is done twice"


def test_merging_afterwards_keeps_what_is_told(world: World) -> None:
    merging = MemoryMerging(world.shared)
    removal.remove(merging, world.files, MAP, ASKED)
    merge(merging, world.files, ALL)
    clean(world)
    again = Manifest(read_mirrors(world.files))
    assert [again.removals(p) for p in world.places] == [manifest(world).removals(p) for p in world.places]


@pytest.mark.parametrize("nth", [1, 3])
@pytest.mark.parametrize("step", STEPS)
def test_a_death_between_two_steps_is_finished_by_the_next_run(world: World, step: str, nth: int) -> None:
    reached: list[str] = []

    def at(now: str) -> None:
        reached.append(now)
        if now == step and reached.count(step) == nth:
            raise Stopped(step)

    cold.write(manifest(world), world.files, max(e.day for e in world.shared.entries) + 9)
    merging = MemoryMerging(world.shared)
    with pytest.raises(Stopped):
        removal.remove(merging, world.files, MAP, ASKED, at)
    assert merging.finished == [], "the request stays open"
    heir = world.store()
    heir.open()  # what nobody named is swept, and the copies are written
    removal.remove(merging, world.files, MAP, ASKED)
    clean(world)


def test_retention_takes_old_days_of_what_is_not_kept_for_ever(world: World) -> None:
    days = sorted({e.day for e in world.shared.entries})
    removal.remove(MemoryMerging(world.shared), world.files, MAP, Request(1, GONE, days[1], True, "kept a day"))
    gone = verify(manifest(world), world.files).gone
    assert {(e.topic, e.day) for e in gone} == {("actions.ordered", days[0])}
    tenants = Tenants(MAP)
    for place, records in left(world).items():
        expected = [
            r
            for r in world.committed(place)
            if place.topic != "actions.ordered"
            or r.append_time >= days[1] * 86_400_000
            or tenants.of(r.topic, r.key, r.value) != GONE
        ]
        assert records == expected


def test_who_would_take_what_is_left_for_all_is_refused(world: World) -> None:
    place = Place("actions.ordered", 0)
    removal.remove(MemoryMerging(world.shared), world.files, MAP, ASKED)
    history = ArchiveHistory(world.files, manifest(world))
    gaps = manifest(world).removals(place)
    with pytest.raises(ArchiveError) as caught:
        list(history.read(place, *history.bounds(place)))
    assert caught.value.code == "history_removed"
    assert f"tenant {GONE} were removed: contract ended" in caught.value.why
    end = history.bounds(place)[1]
    assert list(history.read(place, gaps[-1].end, end)) == [
        r for r in world.committed(place) if r.offset >= gaps[-1].end
    ], "behind the last gap all is there"
    assert history.removed(place, 0, gaps[0].end)
    assert not history.removed(place, gaps[-1].end, end)
    assert history.removed_tenants([place]) == {GONE}


def test_a_file_without_the_column_filled_is_told_from_its_records(world: World) -> None:
    """Files of earlier versions have no tenant for changelogs."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    for entry in [e for e in world.shared.entries if e.topic == "incidents.changelog"]:
        path = world.folder / str(entry.file)
        table = pq.read_table(path)
        empty = pa.nulls(table.num_rows, pa.string())
        pq.write_table(table.set_column(table.schema.get_field_index("tenant"), "tenant", empty), path)
    removal.remove(MemoryMerging(world.shared), world.files, MAP, ASKED)
    assert left(world) == others(world)


def test_a_record_that_should_be_gone_is_a_fault(world: World) -> None:
    entry = next(e for e in world.shared.entries if e.topic == "incidents.events")
    told = replace(entry, kind="removed", file=None, sha256=None, bytes=0, records=1, reason="x", tenant=STAYS)
    report = verify(Manifest([*world.shared.entries, told], world.shared.positions), world.files)
    assert "archive_tenant_left" in {f.code for f in report.faults}


def letter(key: bytes | None, original: bytes | None, topic: str = "actions.raw", **more) -> bytes:
    return codec.encode(DeadLetter("dedup", topic, 0, 1, 2, "x", "y", key, original, "", 0, **more))


@pytest.mark.parametrize(
    ("topic", "key", "value", "tenant"),
    [
        ("dedup.changelog", b"window/00a/1/0", b"x", None),
        ("dedup.changelog", b"window/bot/mark/abc", b"x", "window"),
        ("dedup.changelog", b"shop%2F1/bot/mark/abc", b"x", "shop/1"),
        ("signals.changelog", b"window/bot/held/abc", b"x", "window"),
        ("rml.changelog", b"\x00progress", b"x", None),
        ("rml.changelog", b"\x00commands/0123456789abcdef", b"x", None),
        ("rml.changelog", b"\x00config/shop%2F1/rml", b"x", "shop/1"),
        ("rml.changelog", b"\xff\xfe/ledger", b"x", None),
        ("rml.changelog", None, None, None),
        ("dead.letters", b"k", b"rubbish", None),
        ("dead.letters", b"k", letter(b"shop/bot", b"rubbish"), "shop"),
        ("dead.letters", b"k", letter(b"shop/bot", codec.encode(action(1, tenant="other"))), "other"),
        ("dead.letters", b"k", letter(None, None, part="shop/incident/7"), "shop"),
        ("dead.letters", b"k", letter(None, None, tenant="said"), "said"),
        ("dead.letters", b"k", letter(b"shop", letter(b"a/b", b""), "dead.letters"), None),
        ("dead.letters", b"k", letter(b"shop", b"x", "no.such.topic"), None),
        ("effects.requests", b"https://a", b"rubbish", None),
        ("no.such.topic", b"shop", b"x", None),
    ],
)
def test_whose_a_record_is(topic: str, key: bytes | None, value: bytes | None, tenant: str | None) -> None:
    assert Tenants(MAP).of(topic, key, value) == tenant
