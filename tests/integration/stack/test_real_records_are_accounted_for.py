"""The 2,900 real records through the whole pipeline: every id accounted for, twice the same, and live it
pages."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import yaml

from gateway.cli.client import Client
from gateway.demo.pager import Pager
from gateway.demo.waiting import until
from gateway.demo.watch import Watch
from gateway.local.paths import CHECKOUT
from tests.support.fix_whole import Whole
from tests.support.waiting import auntil

RECORDS = CHECKOUT.parent / "shared" / "data" / "cloudtrail" / "records.jsonl"
COUNT = 2_900

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not RECORDS.exists(), reason="the real records are not on this machine"),
]


async def configured(stack: Whole, folder: Path, tenant: str, pager: Pager) -> tuple[Path, Path]:
    """A tenant whose owner is paged at `pager`; the token files of its agent and its owner."""
    settings = {
        "people": {
            "people": [{"id": "owner", "channels": [{"kind": "webhook", "address": f"{pager.url}/owner"}]}],
            "fallback_contact": "owner",
        },
        "escalation": {
            "default_policy": "all",
            "policies": [{"id": "all", "steps": [{"person": "owner", "wait_s": 300}]}],
        },
        "tokens": [
            {"subject": "importer", "kind": "agent", "token_file": f"{tenant}-importer.token"},
            {"subject": "owner", "kind": "person", "roles": ["engineering"], "token_file": f"{tenant}-owner.token"},
        ],
    }
    file = folder / f"{tenant}.yaml"
    file.write_text(yaml.safe_dump(settings))
    done = await stack.arun("config", "apply", str(file), "--tenant", tenant, "--yes")
    assert done.code == 0, done.err
    shown = await stack.arun("config", "show", "--tenant", tenant, "--secrets", "--json")
    pager.secret = shown.plain["webhook_secret"]
    return folder / f"{tenant}-importer.token", folder / f"{tenant}-owner.token"


def accepted_ids(receipts: Path) -> set[str]:
    return {json.loads(line)["event_id"] for line in receipts.read_text().splitlines()}


async def test_every_record_is_in_the_timeline_once_however_often_it_is_imported(
    stack: Whole, tmp_path: Path, pager: Pager
) -> None:
    agent, owner = await configured(stack, tmp_path, "trail", pager)
    wanted = {json.loads(line)["record"]["eventID"] for line in RECORDS.read_text().splitlines()}
    assert len(wanted) == COUNT
    receipts = tmp_path / "receipts.jsonl"
    call = ("import", "cloudtrail", str(RECORDS), "--token-file", str(agent), "--json", "--receipts", str(receipts))
    async with Client(stack.connections.url, owner.read_text().strip()) as client:
        watch = Watch(client)

        async def whole() -> bool | None:
            return True if len(await watch.rows()) >= COUNT else None

        async def dropped() -> bool | None:
            listed = await stack.arun("dropped", "list", "--tenant", "trail", "--limit", "10000", "--json")
            return True if listed.code == 0 and len(listed.plain["items"]) == COUNT else None

        for _ in range(2):
            done = await stack.arun(*call)
            assert done.code == 0, done.err
            assert (done.plain["accepted"], done.plain["skipped"]) == (COUNT, {})
            assert accepted_ids(receipts) == wanted
            await until(whole, 60, "all rows")
        await until(dropped, 60, "the drops of the second import")
        assert sorted(await watch.rows()) == sorted(wanted)
        found = await watch.incidents()
        assert found
        assert all(incident["historical"] for incident in found)
        assert await watch.pages() == []
    assert pager.acted == {}


async def test_told_live_the_owner_is_paged(stack: Whole, tmp_path: Path, pager: Pager) -> None:
    agent, _ = await configured(stack, tmp_path, "live", pager)
    some = tmp_path / "some.jsonl"
    lines = RECORDS.read_text().splitlines()
    failed = [line for line in lines if '"errorCode": "AccessDenied"' in line][:3]
    some.write_text("\n".join(lines[:50] + failed))
    done = await stack.arun(
        "import", "cloudtrail", str(some), "--live", "--speed", "3600", "--token-file", str(agent), "--json"
    )
    assert (done.code, done.plain["accepted"]) == (0, len(set(lines[:50] + failed))), done.err

    await auntil(lambda: pager.paged("owner") is not None, 60, "a page at the owner's receiver")
    assert pager.refused == []
