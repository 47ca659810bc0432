"""The 2,900 real records, and whatever else this stack was told: decided again, every output is the same bytes.

That one flipped byte of the archive is named is tests/integration/demo/test_what_the_log_proves.py's.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from gateway.cli.client import Client
from gateway.demo.waiting import until as auntil
from gateway.demo.watch import Watch
from gateway.local.paths import CHECKOUT
from tests.support.fix_whole import Whole

RECORDS = CHECKOUT.parent / "shared" / "data" / "cloudtrail" / "records.jsonl"
COUNT = 2_900
PROCESSORS = {"dedup", "ordering", "signals", "incidents", "rml", "notifications"}

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not RECORDS.exists(), reason="the real records are not on this machine"),
]


async def imported(stack: Whole, folder: Path) -> None:
    """The records, by a tenant of their own, all of them decided."""
    file = folder / "again.yaml"
    tokens = [
        {"subject": "importer", "kind": "agent", "token_file": "importer.token"},
        {"subject": "owner", "kind": "person", "roles": ["engineering"], "token_file": "owner.token"},
    ]
    people = {"people": [{"id": "owner", "channels": [{"kind": "console", "address": "owner"}]}]}
    policy = {"id": "all", "steps": [{"person": "owner", "wait_s": 300}]}
    settings = {
        "people": people | {"fallback_contact": "owner"},
        "escalation": {"default_policy": "all", "policies": [policy]},
        "tokens": tokens,
    }
    file.write_text(yaml.safe_dump(settings))
    done = await stack.arun("config", "apply", str(file), "--tenant", "again", "--yes")
    assert done.code == 0, done.err
    token = str(folder / "importer.token")
    done = await stack.arun("import", "cloudtrail", str(RECORDS), "--token-file", token, "--json")
    assert (done.code, done.plain["accepted"]) == (0, COUNT), done.err
    async with Client(stack.connections.url, (folder / "owner.token").read_text().strip()) as client:
        watch = Watch(client)

        async def whole() -> bool | None:
            return True if len(await watch.rows()) >= COUNT else None

        await auntil(whole, 90, "all rows")


async def replayed(stack: Whole, *words: str) -> tuple[int, dict[str, Any], str]:
    done = await stack.arun("replay", "--verify", "--json", *words)
    return done.code, done.plain, done.err


async def test_every_output_is_the_same_bytes(stack: Whole, tmp_path: Path) -> None:
    await imported(stack, tmp_path)
    code, found, said = await replayed(stack)
    assert (code, said) == (0, "")
    assert set(found["rooms"]) == PROCESSORS
    assert (found["different"], found["declared"]) == (0, 0)
    assert found["equal"] == found["events"] >= 3 * COUNT - COUNT
    assert all(found["rooms"][name]["records"] >= COUNT for name in ("dedup", "ordering", "signals"))
    assert found["rooms"]["dedup"]["states"] > 0
