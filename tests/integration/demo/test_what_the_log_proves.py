"""After the story: the log decided again is the record, one flipped byte of the archive is named, every read model was
built anew while the story was told, and every receipt has an outcome."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from gateway.cli.rebuild import NAMES
from projections.archive import ledger
from projections.archive.manifest import Entry, Manifest
from schemas import topology
from tests.integration.demo.conftest import Played
from tests.support.archive_damage import flip
from tests.support.fix_whole import Whole
from tests.support.waiting import until

pytestmark = pytest.mark.slow

DAMAGED = "incidents.events"
# A flush is a minute old at most; twice that.
ARCHIVED_S = 120


def test_everything_was_rebuilt_and_swapped_while_the_story_was_told(played: Played) -> None:
    assert played.rebuilt.code == 0, played.rebuilt.err
    assert [each["projection"] for each in played.rebuilt.plain] == list(NAMES)
    for each in played.rebuilt.plain:
        assert {"projection", "rows", "equal", "seconds"} <= set(each)
        assert (each["equal"], each["swapped"], each["differences"]) == (True, True, [])


def test_every_receipt_of_the_story_has_an_outcome(stack: Whole, played: Played) -> None:
    done = stack.run("reconcile", "--receipts", str(played.receipts), "--json")
    assert done.code == 0, done.out + done.err
    assert set(done.plain) == {"accepted", "unaccounted", "streams"}
    told = [json.loads(line) for line in played.receipts.read_text().splitlines()]
    # What was sent twice is one id; what is no action has none, and is named by its place.
    names = {line["event_id"] or (line["partition"], line["offset"]) for line in told}
    assert len(told) == played.accepted
    assert (done.plain["accepted"], done.plain["unaccounted"]) == (len(names), 0)
    streams = done.plain["streams"]
    inputs = {room.input for room in topology.load().rooms.values()}
    assert inputs <= set(streams)
    for name in inputs:
        said = streams[name]["progress"]
        assert (said["decided"], said["unbalanced"]) == (said["records"], []), name
        assert said["transactions"] > 0, name
    assert streams["notifications.events"]["pages"] >= 2


def test_the_log_decided_again_is_the_record_until_a_byte_of_the_archive_is_another(
    stack: Whole, played: Played
) -> None:
    done = stack.run("replay", "--verify", "--json")
    assert (done.code, done.err) == (0, ""), done.err
    assert set(done.plain) == {"records", "events", "equal", "different", "declared", "rooms", "seconds"}
    assert set(done.plain["rooms"]) == set(topology.load().rooms)
    for name, room in done.plain["rooms"].items():
        assert (room["different"], room["declared"], room["states_different"]) == (0, 0, 0), name
        assert room["equal"] == room["events"] > 0, name

    folder = Path(stack.connections.archive)
    manifest = until(lambda: held(stack), ARCHIVED_S, f"{DAMAGED} in the archive")
    assert manifest is not None
    entry = largest(manifest)
    file = folder / str(entry.file)
    whole = file.read_bytes()
    try:
        place, offset = flip(folder, manifest, DAMAGED)
        done = stack.run("replay", "--verify", "--json", "--processor", "incidents")
    finally:
        # Or every later reader of this stack's archive would be told another history.
        file.write_bytes(whole)
    assert (done.code, done.plain["different"]) == (1, 1)
    assert f"recorded  {place}@{offset}," in done.err
    assert f"  file      {entry.file}\n" in done.err
    assert stack.run("archive", "verify").code == 0


def held(stack: Whole) -> Manifest | None:
    manifest = ledger.load(stack.connections.postgres)
    if manifest is None or not any(p.topic == DAMAGED and manifest.entries(p) for p in manifest.places):
        return None
    return manifest


def largest(manifest: Manifest) -> Entry:
    entries = [e for p in manifest.places if p.topic == DAMAGED for e in manifest.entries(p) if e.kind == "file"]
    return max(entries, key=lambda e: e.records)
