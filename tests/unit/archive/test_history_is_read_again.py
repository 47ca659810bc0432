"""The archive as a history: any stretch, errors that name file and position, and the live log from where it ends."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pyarrow as pa
import pytest

from processors.host.history import check_bounds, since
from processors.host.memory_log import MemoryLog
from processors.host.places import Place
from projections.archive.history import ArchiveHistory, JoinedHistory
from projections.archive.manifest import Manifest
from projections.archive.verify import summary, verify
from schemas.errors import MandateError
from schemas.record import Output, Record
from tests.support.archived import World

PLACE = Place("actions.raw", 0)


class LiveHistory:
    """A history over a log in memory."""

    def __init__(self, log: MemoryLog) -> None:
        self._log = log
        self.closed = False

    def partitions(self, topic: str) -> int:
        return self._log.partitions(topic)

    def bounds(self, place: Place) -> tuple[int, int]:
        low, stable, _ = self._log.ends(place)
        return low, stable

    def read(self, place: Place, start: int, end: int) -> Iterator[Record]:
        check_bounds(place, start, end, self.bounds(place))
        yield from (r for r in self._log.read(place, start, 1_000_000)[0] if r.offset < end)

    def close(self) -> None:
        self.closed = True


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> World:
    """30 records of one partition in five files of some, in row groups of three; every third place is a marker."""
    monkeypatch.setattr("projections.archive.project.ROW_GROUP_RECORDS", 3)
    world = World(tmp_path, {"actions.raw": 2, "rml.events": 1})
    add(world, 30)
    world.archive(world.store(flush_records=7), most=7)
    assert len([e for e in world.shared.entries if e.kind == "file"]) == 5
    return world


def add(world: World, count: int) -> None:
    for n in range(0, count, 2):
        world.clock.advance(1_000)
        identity = world.log.init_producer("p")
        world.log.begin(identity)
        world.log.write(
            identity, [Output("actions.raw", 0, b"t/a", b"%d" % i, (("n", b"%d" % i),)) for i in (n, n + 1)]
        )
        world.log.end(identity, commit=True)


def code(history: ArchiveHistory, start: int, end: int) -> tuple[str, str]:
    with pytest.raises(MandateError) as caught:
        list(history.read(PLACE, start, end))
    return caught.value.code, caught.value.what


@pytest.mark.parametrize(("records", "size"), [(2_048, 2_097_152), (2, 2_097_152), (2_048, 1)])
def test_any_stretch_is_what_the_log_held(
    world: World, monkeypatch: pytest.MonkeyPatch, records: int, size: int
) -> None:
    monkeypatch.setattr("projections.archive.history.READ_RECORDS", records)
    monkeypatch.setattr("projections.archive.history.READ_BYTES", size)
    live, archive = LiveHistory(world.log), world.history()
    low, high = archive.bounds(PLACE)
    assert (low, high) == live.bounds(PLACE)
    for start in range(low, high + 1):
        for end in range(start, high + 1):
            assert list(archive.read(PLACE, start, end)) == list(live.read(PLACE, start, end)), (start, end)


def test_what_is_not_kept_is_said(world: World) -> None:
    archive = world.history()
    assert archive.partitions("actions.raw") == 2
    assert archive.bounds(Place("actions.raw", 1)) == (0, 0)
    assert list(archive.read(Place("actions.raw", 1), 0, 0)) == []
    assert code(archive, 40, 50) == ("history_ends_earlier", "actions.raw[0]@50")
    with pytest.raises(MandateError) as caught:
        archive.partitions("nothing")
    assert caught.value.code == "topic_not_archived"


def test_a_missing_entry_is_a_hole(world: World) -> None:
    entries = world.history()._manifest.entries(PLACE)
    archive = ArchiveHistory(world.files, Manifest([e for e in entries if e is not entries[1]]))
    assert code(archive, 0, 45) == ("history_hole", f"actions.raw[0]@{entries[1].start}")
    assert len(list(archive.read(PLACE, entries[2].start, entries[-1].end))) > 0, "what lies behind it can be read"
    (fault,) = [f for f in verify(archive._manifest, world.files).faults if f.code == "archive_hole"]
    assert fault.at == f"actions.raw[0]@{entries[1].start}"


def test_what_was_removed_says_why(world: World) -> None:
    first, *rest = world.history()._manifest.entries(PLACE)
    gone = replace(first, kind="removed", file=None, records=0, bytes=0, sha256=None, reason="retention of 90 days")
    archive = ArchiveHistory(world.files, Manifest([gone, *rest]))
    assert archive.bounds(PLACE)[0] == first.end
    assert code(archive, 0, 5) == ("history_begins_later", "actions.raw[0]@0")
    middle = ArchiveHistory(
        world.files, Manifest([first, replace(gone, start=rest[0].start, end=rest[0].end), *rest[1:]])
    )
    assert code(middle, 0, 30) == ("history_removed", f"actions.raw[0]@{rest[0].start}")
    (row,) = [r for r in summary(archive._manifest) if r["topic"] == "actions.raw"]
    assert (row["removed"], row["files"], row["records"]) == (1, 4, 23)


def test_a_missing_file_is_named(world: World) -> None:
    entry = world.history()._manifest.entries(PLACE)[2]
    (world.folder / str(entry.file)).unlink()
    assert code(world.history(), 0, 45) == ("archive_file_missing", f"the archive's file {entry.file}")
    (fault,) = verify(world.history()._manifest, world.files).faults
    assert (fault.code, fault.file, fault.at) == ("archive_file_missing", entry.file, f"actions.raw[0]@{entry.start}")


@pytest.mark.parametrize("at", [0, 100, 300, -300, -1])
def test_a_flipped_byte_is_found(world: World, at: int) -> None:
    entry = world.history()._manifest.entries(PLACE)[2]
    path = world.folder / str(entry.file)
    content = bytearray(path.read_bytes())
    content[at] ^= 0xFF
    path.write_bytes(content)
    faults = verify(world.history()._manifest, world.files).faults
    assert faults[0].code == "archive_file_different"
    assert {fault.file for fault in faults} == {entry.file}


def test_a_file_that_is_no_parquet_names_file_and_position(world: World) -> None:
    entry = world.history()._manifest.entries(PLACE)[2]
    (world.folder / str(entry.file)).write_bytes(b"no parquet")
    found = code(world.history(), 0, 45)
    assert found == ("archive_file_corrupt", f"the archive's file {entry.file} at actions.raw[0]@{entry.start}")


def test_bit_rot_in_a_value_names_file_and_position(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    entry = world.history()._manifest.entries(PLACE)[2]
    path = world.folder / str(entry.file)
    whole = path.read_bytes()
    told = set()
    for at in range(4, len(whole) // 3, 11):
        path.write_bytes(whole[:at] + bytes([whole[at] ^ 1]) + whole[at + 1 :])
        try:
            list(world.history().read(PLACE, 0, 45))
        except MandateError as error:
            told.add((error.code, error.what))
    assert {code for code, _ in told} == {"archive_file_corrupt"}
    # From the row group that is damaged on nothing is read, so its beginning is the position.
    where = f"the archive's file {entry.file} at actions.raw[0]@"
    positions = {int(what.removeprefix(where)) for _, what in told}
    assert len(positions) > 1
    assert all(entry.start <= at < entry.end for at in positions)


def test_fewer_records_than_the_manifest_says_are_an_error(world: World) -> None:
    entries = world.history()._manifest.entries(PLACE)
    more = [replace(e, records=e.records + 1) if e is entries[1] else e for e in entries]
    archive = ArchiveHistory(world.files, Manifest(more))
    assert code(archive, 0, 45)[0] == "archive_file_corrupt"
    assert {f.code for f in verify(archive._manifest, world.files).faults} >= {"archive_file_corrupt"}


def test_the_live_log_goes_on_where_the_archive_ends(world: World) -> None:
    add(world, 10)
    live = LiveHistory(world.log)
    joined = JoinedHistory(world.history(), live)
    low, high = live.bounds(PLACE)
    assert joined.bounds(PLACE) == (low, high)
    expected = list(live.read(PLACE, low, high))
    assert list(joined.read(PLACE, low, high)) == expected
    assert list(joined.read(PLACE, 50, high)) == [r for r in expected if r.offset >= 50]
    assert joined.partitions("actions.raw") == 2
    # Retention takes what is archived: it is read all the same.
    world.log.delete_before(PLACE, 20)
    assert joined.bounds(PLACE) == (low, high)
    assert list(joined.read(PLACE, 0, high)) == expected
    joined.close()
    assert live.closed


def test_what_was_compacted_comes_from_the_archive(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    live = LiveHistory(world.log)
    expected = list(live.read(PLACE, 0, 45))
    read = live.read
    monkeypatch.setattr(live, "read", lambda p, s, e: (r for r in read(p, s, e) if r.offset > 40))
    assert list(JoinedHistory(world.history(), live).read(PLACE, 0, 45)) == expected


def test_a_log_that_begins_behind_the_archive_is_a_hole(world: World) -> None:
    add(world, 10)
    world.log.delete_before(PLACE, 50)
    joined = JoinedHistory(world.history(), LiveHistory(world.log))
    with pytest.raises(MandateError) as caught:
        list(joined.read(PLACE, 0, 60))
    assert (caught.value.code, caught.value.what) == ("history_hole", "actions.raw[0]@45")


def test_a_time_is_found_by_the_manifest_and_goes_on_in_the_log(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    add(world, 10)
    live = LiveHistory(world.log)
    joined = JoinedHistory(world.history(), live)
    records = list(live.read(PLACE, *live.bounds(PLACE)))
    read: list[str] = []
    whole = world.files.open

    def counted(name: str) -> pa.NativeFile | None:
        read.append(name)
        return whole(name)

    monkeypatch.setattr(world.files, "open", counted)
    last = records[-1].append_time
    for at in range(records[0].append_time - 1, last + 2, 499):
        read.clear()
        start = since(joined, PLACE, at)
        assert len(read) <= 1, "one file at most says where a time begins"
        found = list(joined.read(PLACE, start, live.bounds(PLACE)[1]))
        assert found == [r for r in records if r.append_time >= at], at
    assert since(joined, Place("actions.raw", 1), last) == 0
    # Retention has taken what is archived, and what lies before it is not asked for.
    world.log.delete_before(PLACE, 20)
    assert since(joined, PLACE, records[0].append_time) == 0
    entry = joined._archive._manifest.entries(PLACE)[2]
    (world.folder / str(entry.file)).unlink()
    between = (entry.first_time or 0) + 1
    with pytest.raises(MandateError) as caught:
        since(joined, PLACE, between)
    assert (caught.value.code, caught.value.what) == ("archive_file_missing", f"the archive's file {entry.file}")


def test_a_time_before_the_archive_began_is_found_in_the_log(world: World) -> None:
    entries = world.history()._manifest.entries(PLACE)
    later = ArchiveHistory(world.files, Manifest(entries[2:], {PLACE: entries[-1].end}))
    live = LiveHistory(world.log)
    joined = JoinedHistory(later, live)
    for record in live.read(PLACE, *live.bounds(PLACE)):
        found = next(joined.read(PLACE, since(joined, PLACE, record.append_time), 45))
        assert found.append_time == record.append_time
