"""`mandate demo` on a real stack: what must always come out, also when every process is killed once
meanwhile."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from gateway.demo import story
from gateway.local.state import read
from tests.support.fix_whole import Done, Whole
from tests.support.waiting import auntil

pytestmark = pytest.mark.slow

# One each during the story, where it hurts: work, detection, pages, the batch, the answer, the rollback, the
# accounts.
KILLS = (
    ("gateway", 4.0),
    ("projections", 9.0),
    ("processors", 11.0),
    ("redis", 14.0),
    ("effects", 16.0),
    ("kafka", 27.0),
    ("postgres", 34.0),
)


def as_written(done: Done) -> dict[str, Any]:
    """The document of a story that went as it is written."""
    assert done.code == 0, done.err + done.out
    document: dict[str, Any] = done.plain
    assert document["accepted"] == (
        document["timeline_rows"] + sum(document["dropped"].values()) + document["dead_letters"]
    )
    assert [i["state"] for i in document["incidents"]] == ["resolved"]
    (incident,) = document["incidents"]
    candidate = incident["cause"]["candidate"]
    assert (candidate["kind"], candidate["resource"], candidate["actor"]) == ("deploy", "payments-service", "deployer")
    assert (candidate["reference"]["after"], incident["confidence"]) == (story.BROKEN, "high")
    assert incident["intervention"]["contained_at"] is not None
    assert [(c["world"], c["size"], c["incident"], c["reason"], c["amount"]) for c in document["cases"]] == [
        ("RML3", "small", incident["name"], "second_charge", "4900")
    ]
    assert [len(c["entries"]) for c in document["cases"]] == [2]
    assert document["told_again"] == 1
    assert (document["unaccounted"], document["dead_letters"], document["gaps_declared"]) == (0, 1, 1)
    assert (document["healed_failures"], document["dropped"]["redelivered"]) == (1, story.BATCH)
    return document


async def test_the_story_comes_out_as_it_is_written(stack: Whole, tmp_path: Path) -> None:
    receipts = tmp_path / "receipts.jsonl"
    document = as_written(await stack.arun("demo", "--json", "--receipts", str(receipts)))
    assert [(p["to"], p["channel"], p["outcome"]) for p in document["pages"]] == [
        ("alice", "webhook", "delivered"),
        ("bob", "webhook", "delivered"),
    ]
    assert document["incidents"][0]["intervention"]["complete"]
    lines = [json.loads(line) for line in receipts.read_text().splitlines()]
    assert len(lines) == document["accepted"]
    assert len({(line["topic"], line["partition"], line["offset"]) for line in lines}) == len(lines)
    listed = stack.run("incidents", "list", "--json")
    assert [i["name"] for i in listed.plain["items"]] == ["INC-1"]
    shown = stack.run("incidents", "show", "INC-1")
    assert (shown.code, "payments-service" in shown.out) == (0, True)


async def test_the_story_survives_a_kill_of_every_process(stack: Whole) -> None:
    telling = asyncio.create_task(stack.arun("demo", "--json"))
    before = stack.home.directory / "profile.json"
    mark = before.stat().st_mtime_ns if before.exists() else 0

    def begun() -> bool:
        return before.exists() and before.stat().st_mtime_ns != mark

    await auntil(begun, 60, "the story to begin")
    start = time.monotonic()
    for name, second in KILLS:
        await asyncio.sleep(max(0.0, second - (time.monotonic() - start)))
        with suppress(ProcessLookupError):  # one that ended by itself a moment ago is down as well
            os.kill(stack.pid(name), signal.SIGKILL)
    document = as_written(await telling)
    assert sorted({p["to"] for p in document["pages"]}) == ["alice", "bob"]

    def healthy() -> bool:
        state = read(stack.home)
        return state is not None and state.ready

    await auntil(healthy, 60, "everything to be healthy again")
