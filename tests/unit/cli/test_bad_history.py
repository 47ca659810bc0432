"""`mandate replay --verify` over an archive that is damaged: each fault is named with file and position, has an exit
code of its own, and nothing is half-done."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner, Result

from gateway.cli import replay as command
from projections.archive.history import ArchiveHistory
from projections.archive.manifest import Entry, Manifest
from tests.support import archived
from tests.support.archive_damage import flip
from tests.support.world import World

TOPIC = "actions.unique"


@pytest.fixture(scope="module")
def told() -> World:
    world = World()
    for number in range(12):
        world.act("agent-1", "deploy", f"res-{number % 3}")
        world.run_to(world.now + 0.2)
    world.fail("agent-1", "call", "res-1", "Timeout", "no answer")
    world.run_to(world.now + 2)
    return world


@pytest.fixture
def archive(told: World, tmp_path: Path) -> archived.World:
    """All of it in files, several a place."""
    world = archived.World(tmp_path, {})
    world.log = told.log
    world.archive(world.store(flush_records=20), most=3)
    return world


@pytest.fixture
def manifest(archive: archived.World, monkeypatch: pytest.MonkeyPatch) -> Manifest:
    """What the command reads."""
    return reading(archive, Manifest(archive.shared.entries, archive.shared.positions), monkeypatch)


def reading(archive: archived.World, manifest: Manifest, monkeypatch: pytest.MonkeyPatch) -> Manifest:
    @contextmanager
    def opened(
        bootstrap: str | None, different: list[Entry], passes: Callable[[str], bool]
    ) -> Iterator[ArchiveHistory]:
        yield ArchiveHistory(archive.files, manifest, different, passes)

    monkeypatch.setattr(command, "history", opened)
    return manifest


def largest(manifest: Manifest, topic: str = TOPIC) -> Entry:
    entries = [e for p in manifest.places if p.topic == topic for e in manifest.entries(p) if e.kind == "file"]
    return max(entries, key=lambda e: e.records)


def replayed(*more: str) -> Result:
    return CliRunner().invoke(command.replay, ["--verify", "--processor", "dedup", *more], standalone_mode=False)


def refused(code: str) -> tuple[int, str]:
    """The exit code, and what is named; nothing of a result was said."""
    done = replayed("--json")
    problem = json.loads(done.stderr.splitlines()[0])
    assert (problem["code"], done.stdout) == (code, "")
    assert problem["remedy"]
    return done.return_value, problem["title"]


def test_an_archive_that_is_whole_is_all_equal(manifest: Manifest) -> None:
    done = replayed("--json")
    found = json.loads(done.stdout)
    assert (done.return_value, done.stderr, found["equal"]) == (0, "", found["events"])


def test_a_flipped_byte_names_the_record_and_the_file(archive: archived.World, manifest: Manifest) -> None:
    place, offset = flip(archive.folder, manifest, TOPIC)
    done = replayed("--json")
    assert (done.return_value, json.loads(done.stdout)["different"]) == (1, 1)
    assert f"recorded  {place}@{offset}," in done.stderr
    file = largest(manifest).file
    assert f"  file      {file}\n" in done.stderr
    assert f"warning[archive_file_different]: the archive's file {file} ({largest(manifest).range})" in done.stderr


def test_a_file_of_other_bytes_and_the_same_records_is_a_warning(archive: archived.World, manifest: Manifest) -> None:
    entry = largest(manifest, "actions.raw")
    path = archive.folder / str(entry.file)
    pq.write_table(pq.read_table(path), path, compression="none")
    done = replayed("--json")
    assert (done.return_value, json.loads(done.stdout)["different"]) == (0, 0)
    assert done.stderr.count(f"the archive's file {entry.file} ") == 1


def test_a_corrupt_file(archive: archived.World, manifest: Manifest) -> None:
    entry = largest(manifest)
    (archive.folder / str(entry.file)).write_bytes(b"no parquet")
    where = f"the archive's file {entry.file} at {entry.topic}[{entry.partition}]@{entry.start}"
    assert refused("archive_file_corrupt") == (12, where)


def test_a_missing_file(archive: archived.World, manifest: Manifest) -> None:
    entry = largest(manifest)
    (archive.folder / str(entry.file)).unlink()
    assert refused("archive_file_missing") == (10, f"the archive's file {entry.file}")


def test_a_missing_entry_of_the_manifest(
    archive: archived.World, manifest: Manifest, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = largest(manifest).place
    entry = manifest.entries(place)[-1]
    reading(archive, Manifest([e for e in archive.shared.entries if e != entry], archive.shared.positions), monkeypatch)
    assert refused("history_hole") == (13, f"{TOPIC}[{entry.partition}]@{entry.start}")


def test_a_stretch_that_was_taken_out(
    archive: archived.World, manifest: Manifest, monkeypatch: pytest.MonkeyPatch
) -> None:
    gone = manifest.entries(largest(manifest, "actions.raw").place)[0]
    removed = replace(gone, kind="removed", file=None, records=0, bytes=0, sha256=None, reason="retention")
    kept = [removed if e == gone else e for e in archive.shared.entries]
    reading(archive, Manifest(kept, archive.shared.positions), monkeypatch)
    # Its first stored position lies below what is kept.
    assert refused("history_begins_later") == (15, f"actions.raw[{gone.partition}]@{gone.start}")


def test_a_schema_that_nobody_knows(archive: archived.World, manifest: Manifest) -> None:
    entry = largest(manifest)
    path = archive.folder / str(entry.file)
    table = pq.read_table(path)
    values = table.column("value").to_pylist()
    values[0] = b"\0\x00\xff\xff\xff" + values[0][5:]
    at = table.schema.get_field_index("value")
    pq.write_table(table.set_column(at, table.schema.field(at), [values]), path, write_page_checksum=True)
    offset = table.column("offset")[0].as_py()
    assert refused("unknown_schema") == (16, f"{entry.topic}[{entry.partition}]@{offset}: schema id 16777215")


def test_a_state_that_was_compacted(
    archive: archived.World, manifest: Manifest, told: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    entry = largest(manifest, "dedup.changelog")
    path = archive.folder / str(entry.file)
    table = pq.read_table(path)
    pq.write_table(table.slice(1), path, write_page_checksum=True)
    kept = [replace(e, records=e.records - 1) if e == entry else e for e in archive.shared.entries]
    reading(archive, Manifest(kept, archive.shared.positions), monkeypatch)
    done = replayed("--from", "2030-01-01T00:00:00Z")
    assert (done.return_value, "error[changelog_incomplete]: dedup.changelog[" in done.stderr) == (17, True)
