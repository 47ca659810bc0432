"""docs/producing.md and docs/consuming.md as they stand: stock clients beside the gateway, on a running stack."""

from __future__ import annotations

import asyncio
import re
import signal
import subprocess
import sys
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from gateway.demo.pager import Pager
from schemas.ids import key_of
from schemas.partitioning import partition_of
from tests.support.fix_whole import Whole
from tests.support.tenants import Tenant, failure
from tests.support.waiting import auntil, until

ROOT = Path(__file__).parents[3]
SEEN_S = 60.0
PARTITIONS = 4
ACTORS = 12
EACH = 3
# What a reader of the page would write next: many actors, each with its numbers.
MANY = f"""
from produce import lost, producer, send

for number in range(1, {EACH + 1}):
    for actor in range({ACTORS}):
        print("sent", send(f"agent-{{actor}}", number, "work.do", f"resource-{{actor}}").hex())
producer.flush()
raise SystemExit(1 if lost else 0)
"""


def code(page: str) -> dict[str, str]:
    """The files that a page tells its reader to save."""
    text = (ROOT / page).read_text()
    return dict(re.findall(r"Save this as `(\S+)`.*?```python\n(.*?)```", text, re.DOTALL))


def save(stack: Whole, folder: Path, page: str, tenant: str, *, without: str = "") -> None:
    """The page's files in `folder`, with this stack's addresses; lines with `without` are left out."""
    for name, text in code(page).items():
        kept = [line for line in text.splitlines() if not without or without not in line]
        found = "\n".join(kept).replace('TENANT = "shop"', f'TENANT = "{tenant}"')
        found = found.replace("http://127.0.0.1:8080", stack.url).replace("127.0.0.1:9092", stack.connections.kafka)
        (folder / name).write_text(found + "\n")


async def python(folder: Path, name: str) -> str:
    """What a script prints; it must end well."""
    call = [sys.executable, name]
    done = await asyncio.to_thread(subprocess.run, call, cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


@contextmanager
def running(folder: Path, name: str) -> Iterator[Path]:
    """A script that runs until the block ends; gives the file into which it prints."""
    out = folder / f"{name}.out"
    with out.open("w") as file:
        # As a terminal starts it: who runs the tests in the background may have them ignore what Ctrl-C sends.
        heard = partial(signal.signal, signal.SIGINT, signal.SIG_DFL)
        argv = [sys.executable, name]
        process = subprocess.Popen(argv, cwd=folder, stdout=file, stderr=subprocess.STDOUT, preexec_fn=heard)
        try:
            yield out
            process.send_signal(signal.SIGINT)
            until(lambda: process.poll() is not None, 60, "the script to end when it is interrupted")
            assert process.returncode == 0, out.read_text()
        finally:
            process.kill()
            process.wait()


async def rows(tenant: Tenant, count: int) -> dict[str, tuple[str, list[str]]]:
    """event id -> (actor, flags) of the timeline, once it has that many (fewer than a page of the list holds)."""
    async with tenant.client("alice") as alice:

        async def there() -> list[Any] | None:
            items: list[Any] = (await alice.get("/v1/timeline", limit=1_000))["items"]
            return items if len(items) >= count else None

        found = await auntil(there, SEEN_S, f"{count} rows")
        return {row["event_id"]: (row["actor"], row["flags"]) for row in found}


async def test_the_producer_of_the_page_is_believed_as_it_stands(stack: Whole, pager: Pager, tmp_path: Path) -> None:
    tenant = await stack.tenant("direct", pager)
    save(stack, tmp_path, "docs/producing.md", "direct")
    printed = (await python(tmp_path, "produce.py")).splitlines()
    assert [line.split(" is at ")[0] for line in printed] == ["direct/deployer"] * 2
    assert await python(tmp_path, "produce_avro.py")
    found = await rows(tenant, 3)
    assert sorted(found.values()) == [("deployer", []), ("deployer", []), ("reporter", [])]
    await auntil(lambda: pager.paged("alice"), SEEN_S, "alice's page of the error")
    async with tenant.client("alice") as alice:
        whole = [await alice.get(f"/v1/timeline/{event}") for event in found]
    assert {w["type"]: w["tool"] for w in whole}["deploy"]["name"] == "kubectl.apply"
    assert {w["type"]: w["model"] for w in whole}["report.write"]["input_tokens"] == 1_200


@pytest.mark.parametrize("with_it", [True, False], ids=["with the setting", "without"])
async def test_with_and_without_the_partitioner_nothing_is_lost(
    stack: Whole, pager: Pager, tmp_path: Path, with_it: bool
) -> None:
    name = f"direct-{'murmur2' if with_it else 'crc32'}"
    tenant = await stack.tenant(name, pager)
    save(stack, tmp_path, "docs/producing.md", name, without="" if with_it else '"partitioner"')
    (tmp_path / "many.py").write_text(MANY)
    printed = await python(tmp_path, "many.py")
    sent = {str(uuid.UUID(line.split()[1])) for line in printed.splitlines() if line.startswith("sent ")}
    places = re.findall(r"^(\S+) is at actions.raw\[(\d+)\]", printed, re.MULTILINE)
    assert len(sent) == len(places) == ACTORS * EACH
    wrong = {key for key, partition in places if partition_of(key.encode(), PARTITIONS) != int(partition)}
    assert bool(wrong) is not with_it, "the keys are chosen so that the two ways differ"
    found = await rows(tenant, len(sent))
    assert set(found) == sent
    for actor, flags in found.values():
        assert ("rerouted" in flags) == (key_of(name, actor) in wrong), (actor, flags)
    async with tenant.client("alice") as alice:
        letters = await stack.arun("dead-letters", "list", "--limit", "1000", "--json")
        assert not [item for item in letters.plain["items"] if item["key"].startswith(f"{name}/")]
        assert (await alice.get("/v1/summary"))["timeline_rows"] == len(sent)


async def test_the_consumers_of_the_page_print_who_is_paged(stack: Whole, pager: Pager, tmp_path: Path) -> None:
    tenant = await stack.tenant("reading", pager)
    save(stack, tmp_path, "docs/consuming.md", "reading")
    with running(tmp_path, "consume.py") as out:
        async with tenant.client() as agent:
            await agent.send([failure("payments", message="the pool is empty")])
        page = "reading: page alice: INC-1 "
        await auntil(lambda: page in out.read_text(), SEEN_S, "the page to be printed")
        await auntil(lambda: "reading: alice has it" in out.read_text(), SEEN_S, "its outcome to be printed")
        async with tenant.client("alice") as alice:
            await alice.request("POST", "/v1/incidents/INC-1/acknowledge", body={})
        stopped = "reading: INC-1 acknowledged by alice"
        await auntil(lambda: stopped in out.read_text(), SEEN_S, "the end of the escalation to be printed")
    (line,) = [line for line in out.read_text().splitlines() if line.startswith(page)]
    (notification,) = [d.page["notification_id"] for d in pager.acted.values()]
    assert line.endswith(f"try 1, page {notification}")
    assert "(payments)" in line
    listed = await python(tmp_path, "consume_avro.py")
    assert [who.split()[:2] for who in listed.splitlines() if who.startswith("reading ")] == [["reading", "alice"]]
