"""`mandate archive` on a real manifest: merging beside a running archive, removal, what verify says, its exit codes."""

from __future__ import annotations

import json
import time

import pytest
from click.testing import CliRunner

from gateway.cli.archive import archive
from gateway.cli.history import history
from processors.host.places import Place
from projections.archive import upkeep
from projections.archive.files import Files
from projections.archive.manifest import date_text
from projections.errors import NotReady
from tests.integration.archive.conftest import Archived


def call(archived: Archived, *words: str) -> tuple[int, dict]:
    given = ["--postgres", archived.dsn, "--archive", str(archived.folder), "--json"]
    done = CliRunner().invoke(archive, [*words, *given], standalone_mode=False)
    assert done.exception is None, done.exception
    return done.return_value, json.loads(done.stdout or "{}")


def test_merging_removing_and_verifying(archived: Archived, monkeypatch: pytest.MonkeyPatch) -> None:
    assert call(archived, "status")[0] == call(archived, "verify")[0] == 1, "there is no archive yet"
    child = archived.start()
    for n in range(4):
        archived.write("actions.raw", [b"%d" % n] * 20)
        archived.caught_up()
    code, told = call(archived, "verify")
    assert (code, told["whole"], told["records"]) == (0, True, 80)
    before = archived.records()
    files = Files(str(archived.folder))
    tomorrow = time.time() + 86_400 * 1.5
    with upkeep.Upkeep(archived.dsn), pytest.raises(NotReady) as caught:
        upkeep.compact(archived.dsn, files, tomorrow, archived.map)
    assert caught.value.code == "archive_busy"
    merged, _ = upkeep.compact(archived.dsn, files, tomorrow, archived.map)
    assert merged.files_before > merged.files_after == 4
    assert archived.records() == before
    assert call(archived, "compact")[0] == 0
    archived.write("actions.raw", [b"more"] * 20)
    archived.caught_up()
    archived.end(child)
    code, told = call(archived, "verify")
    assert (code, told["faults"]) == (0, [])
    _status(archived)
    _histories(archived, monkeypatch)
    _faults(archived)


def _status(archived: Archived) -> None:
    code, told = call(archived, "status")
    assert code == 0
    (row,) = [t for t in told["topics"] if t["topic"] == archived.name("actions.raw")]
    assert (row["partitions"], row["records"]) == (4, 100)
    assert row["newest"].endswith("Z")


def _histories(archived: Archived, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MANDATE_KAFKA", archived.bootstrap)
    monkeypatch.setenv("MANDATE_POSTGRES", archived.dsn)
    monkeypatch.setenv("MANDATE_ARCHIVE", str(archived.folder))
    archived.write("actions.raw", [b"not archived"] * 4)
    place = Place(archived.name("actions.raw"), 0)
    with history() as joined, history(archived.bootstrap) as same:
        low, high = joined.bounds(place)
        values = [r.value for r in joined.read(place, low, high)]
        assert values == [r.value for r in same.read(place, low, high)]
        assert (len(values), values[0], values[-1]) == (26, b"0", b"not archived")


def _faults(archived: Archived) -> None:
    topic = archived.name("actions.raw")
    place = Place(topic, 0)
    entry = archived.manifest().entries(place)[0]
    path = archived.folder / str(entry.file)
    whole = path.read_bytes()
    path.write_bytes(whole[:-1] + b"x")
    code, told = call(archived, "verify")
    assert (code, told["faults"][0]["file"]) == (11, entry.file)
    path.unlink()
    code, told = call(archived, "verify")
    assert (code, told["faults"][0]["at"]) == (10, f"{topic}[0]@{entry.start}")
    path.write_bytes(whole)
    tomorrow = date_text(entry.day + 1)
    code, told = call(archived, "remove", topic, "--before", tomorrow, "--reason", "retention of a test", "--yes")
    gone = told["removed"]
    assert {r["range"].split()[0] for r in gone} == {f"{topic}[{p}]" for p in range(4)}
    assert (code, {r["reason"] for r in gone}) == (0, {"retention of a test"})
    code, told = call(archived, "verify")
    assert (code, told["records"]) == (0, 0)
    assert call(archived, "status")[1]["total"]["removed"] == len(gone)
