"""Versions, tokens and announcements on a real Postgres and a real broker; a crash at any step only announces again."""

from __future__ import annotations

import asyncio
import itertools
import time

import psycopg
import pytest

from gateway.configuration.outbox import LOCK, Outbox, _locked
from gateway.configuration.service import Configurations, places_of
from gateway.configuration.store import store_pool
from processors.effects.addresses import Rules
from processors.host.errors import SendFailed
from processors.host.places import Place, Placed
from processors.host.sender import Sender
from schemas import codec
from schemas.configuration import parse_document
from schemas.messages.incidents import ChangeObserved
from schemas.messages.kernel import SHARED
from schemas.record import Output
from tests.integration.gateway.conftest import DOCUMENTS, OPERATOR, ends, hashed, read_from, tokens_of
from tests.support.waiting import auntil

WORDS = codec.Words((*SHARED, ChangeObserved))


def path(tenant: str) -> str:
    return f"/v1/tenants/{tenant}/configuration"


def inputs(declared) -> list[Place]:
    topics = {room.input for room in declared.rooms.values() if room.documents}
    return [Place(topic, p) for topic in sorted(topics) for p in range(declared.partitions(topic))]


def said(records, tenant: str) -> dict[tuple[str, str, int], list[int]]:
    """(document, topic, partition) -> versions as announced for a tenant, in the log's order."""
    out: dict[tuple[str, str, int], list[int]] = {}
    for record in records:
        message = WORDS.decode(record.value)
        if message.tenant == tenant and not isinstance(message, ChangeObserved):
            assert record.key == tenant.encode()
            parse_document(message.document, message.body)
            out.setdefault((message.document, record.topic, record.partition), []).append(message.version)
    return out


def changes(records, tenant: str) -> list[ChangeObserved]:
    """The changes told of a tenant's configuration, one for each id."""
    found = [m for m in (WORDS.decode(r.value) for r in records) if isinstance(m, ChangeObserved)]
    return list({m.action_id: m for m in found if m.tenant == tenant}.values())


async def announced(gateway, tenant: str) -> dict[str, bool]:
    async def all_of_it():
        _, shown, _ = await gateway.ask("GET", path(tenant), OPERATOR)
        return shown["announced"] if all(shown["announced"].values()) else None

    return await auntil(all_of_it, 30, "announcements")


async def test_a_version_is_announced_where_it_is_needed_and_nowhere_else(gateway, topics, declared) -> None:
    before = ends(topics, inputs(declared))
    tenant = await gateway.tenant()
    assert await announced(gateway, tenant) == dict.fromkeys(DOCUMENTS, True)
    wanted = {(name, *place): [1] for name in DOCUMENTS for place in places_of(declared, tenant, name)}
    assert said(read_from(topics, before), tenant) == wanted


async def test_versions_conflicts_and_differences(gateway) -> None:
    tenant = await gateway.tenant()
    put = {"documents": {"signals": {"retry_window_s": 9}}}
    status, answer, _ = await gateway.ask("PUT", path(tenant), OPERATOR, put | {"dry_run": True})
    assert (status, answer["versions"]["signals"]) == (200, 2)
    assert '+  "retry_window_s": 9' in answer["changed"][0]["diff"]
    assert (await gateway.ask("GET", path(tenant), OPERATOR))[1]["versions"]["signals"] == 1
    status, answer, _ = await gateway.ask("PUT", path(tenant), f"alice-{tenant}", put | {"expected": {"signals": 1}})
    assert (status, [(c["document"], c["from"], c["to"]) for c in answer["changed"]]) == (200, [("signals", 1, 2)])
    status, answer, _ = await gateway.ask("PUT", path(tenant), OPERATOR, put | {"expected": {"signals": 1}})
    assert (status, answer["code"], answer["field"]) == (409, "configuration_conflict", "expected.signals")
    status, answer, _ = await gateway.ask("PUT", path(tenant), OPERATOR, put)
    assert (status, answer["changed"]) == (200, []), "what is in force already is no new version"
    status, answer, _ = await gateway.ask("PUT", path(tenant), OPERATOR, {"documents": {"people": {}}})
    assert (status, answer["code"]) == (422, "configuration_no_fallback")
    _, shown, _ = await gateway.ask("GET", path(tenant), OPERATOR)
    assert shown["documents"] == DOCUMENTS | {"signals": {"retry_window_s": 9}}


async def test_a_field_that_nobody_knows_is_a_warning(gateway) -> None:
    tenant = await gateway.tenant()
    path = f"/v1/tenants/{tenant}/configuration"
    status, answer, _ = await gateway.ask("PUT", path, OPERATOR, {"document": {}})
    assert (status, answer["changed"], [w["field"] for w in answer["warnings"]]) == (200, [], ["document"])


async def test_two_writers_of_one_version_are_one(gateway) -> None:
    tenant = await gateway.tenant()
    puts = [{"documents": {"signals": {"retry_window_s": n}}, "expected": {"signals": 1}} for n in range(10, 20)]
    answers = await asyncio.gather(*(gateway.ask("PUT", path(tenant), OPERATOR, put) for put in puts))
    assert sorted(status for status, _, _ in answers) == [200] + [409] * 9


async def test_a_first_configuration_must_page_somebody(gateway) -> None:
    status, answer, _ = await gateway.ask("PUT", path("nobodys"), OPERATOR, {"documents": {}, "tokens": []})
    assert (status, answer["code"]) == (422, "configuration_no_default_policy")
    assert (await gateway.ask("GET", path("nobodys"), OPERATOR))[1]["versions"] == {}


async def test_tokens_are_replaced_and_belong_to_one_tenant(gateway) -> None:
    one, two = await gateway.tenant(), await gateway.tenant()
    status, me, _ = await gateway.ask("GET", "/v1/me", f"alice-{one}")
    assert (status, me["tenant"], me["roles"]) == (200, one, ["admin"])
    new = [{"sha256": hashed("new-one"), "subject": "alice", "kind": "person", "roles": []}]
    assert (await gateway.ask("PUT", path(one), OPERATOR, {"tokens": new}))[0] == 200
    assert (await gateway.ask("GET", "/v1/me", "new-one"))[0] == 200

    async def gone():
        return (await gateway.ask("GET", "/v1/me", f"alice-{one}"))[0] == 401

    await auntil(gone, 10, "the old token's end")
    status, answer, _ = await gateway.ask("PUT", path(one), OPERATOR, {"tokens": tokens_of(two)})
    assert (status, answer["code"]) == (409, "token_taken")
    assert (await gateway.ask("GET", "/v1/me", "new-one"))[0] == 200, "a refused request changes nothing"


async def test_the_webhook_secret_stays_and_no_token_can_be_read_back(gateway) -> None:
    tenant = await gateway.tenant()
    _, first, _ = await gateway.ask("GET", path(tenant), OPERATOR)
    await gateway.ask("PUT", path(tenant), OPERATOR, {"documents": {"signals": {}}})
    status, second, headers = await gateway.ask("GET", path(tenant), f"alice-{tenant}")
    assert (status, second["webhook_secret"], headers["Cache-Control"]) == (200, first["webhook_secret"], "no-store")
    assert first["webhook_secret"].startswith("whsec_")
    assert set(second) == {"tenant", "documents", "versions", "announced", "webhook_secret", "next_windows"}


# --- the outbox ------------------------------------------------------------------------------------------------------


class Crash(Exception):
    """The process dies here."""


class Crashing:
    """A real sender in a process that dies at one step: before record `at` is sent, or after, before it is marked."""

    def __init__(self, sender: Sender, at: int, sent: bool, connection: psycopg.AsyncConnection) -> None:
        self._sender, self._at, self._sent, self._connection = sender, at, sent, connection
        self._count = itertools.count()

    async def send(self, output: Output) -> Placed:
        if next(self._count) < self._at:
            return await self._sender.send(output)
        if self._sent:
            await self._sender.send(output)
        await self._connection.close()  # what is not marked now never will be
        raise Crash


@pytest.fixture
async def sender(topics):
    found = Sender(topics)
    found.start()
    yield found
    await found.close()


@pytest.fixture
async def accept(settings, declared):
    """Accept configuration with nobody to announce it."""
    pool = store_pool(settings.postgres)
    await pool.open(wait=True)
    yield Configurations(pool, declared, lambda: None, Rules()).put
    await pool.close()


async def drained(settings, sender) -> int:
    async with await psycopg.AsyncConnection.connect(settings.postgres, autocommit=True) as connection:
        outbox = Outbox(settings.postgres, sender)
        return sum([n async for n in _drains(outbox, connection)])


async def _drains(outbox, connection):
    while n := await outbox.drain(connection):
        yield n


@pytest.mark.parametrize("sent", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("at", [0, 1, 4, 7])
async def test_a_crash_at_any_step_only_announces_again(settings, topics, declared, sender, accept, at, sent) -> None:
    tenant = f"crash-{at}-{sent}"
    before = ends(topics, inputs(declared))
    await accept(tenant, {"documents": DOCUMENTS}, "operator")
    await accept(tenant, {"documents": {"signals": {"retry_window_s": 7}}}, "operator")
    places = {(name, *place) for name in DOCUMENTS for place in places_of(declared, tenant, name)}
    assert len(places) == 7, "four partitions of signals, two of people (incidents, notifications), one of escalation"
    connection = await psycopg.AsyncConnection.connect(settings.postgres, autocommit=True)
    with pytest.raises((Crash, psycopg.OperationalError)):
        await Outbox(settings.postgres, Crashing(sender, at, sent, connection)).drain(connection)
    assert await drained(settings, sender) > 0
    assert await drained(settings, sender) == 0
    found = said(read_from(topics, before), tenant)
    assert set(found) == places
    for (document, _, _), versions in found.items():
        assert set(versions) == ({1, 2} if document == "signals" else {1})
        assert versions[-1] == max(versions), "the last word is the newest"
        assert versions.count(1) <= 2
    told = [(c.resource, c.before, c.after) for c in changes(read_from(topics, before), tenant)]
    assert told == [("configuration/signals", "version 1", "version 2")]


async def test_what_takes_the_place_of_a_version_is_told_as_a_change(
    settings, topics, declared, sender, accept
) -> None:
    tenant = "changing"
    before = ends(topics, inputs(declared))
    await accept(tenant, {"documents": DOCUMENTS}, "operator")
    people = {
        "people": [*DOCUMENTS["people"]["people"], {"id": "carol", "channels": [{"kind": "console"}]}],
        "fallback_contact": "alice",
    }
    targets = {"webhooks": ["pager.example.org"]}
    put = {
        "documents": {
            "people": people,
            "incidents": {"attach_window_s": 300},
            "targets": targets,
            "calendar": {"change_freezes": []},
        }
    }
    await accept(tenant, put, "carol")
    await accept(tenant, put, "carol")
    assert await drained(settings, sender) > 0
    found = changes(read_from(topics, before), tenant)
    told = {c.resource.removeprefix("configuration/"): (c.kind, c.actor, c.before, c.after) for c in found}
    assert told == {
        "calendar": ("configuration", "carol", None, "version 1"),
        "incidents": ("configuration", "carol", None, "version 1"),
        "people": ("configuration", "carol", "version 1", "version 2"),
        "targets": ("configuration", "carol", None, "version 1"),
    }
    now = time.time_ns() // 1_000_000
    assert all(0 <= now - c.event_time < 600_000 for c in found), "when it was accepted, not when it was told"


async def test_a_send_that_fails_marks_what_was_acknowledged_only(settings, topics, declared, sender, accept) -> None:
    class Failing:
        def __init__(self) -> None:
            self.sent = 0

        async def send(self, output: Output) -> Placed:
            if self.sent == 3:
                raise SendFailed("send_failed", "a record", "no broker", "Again.")
            self.sent += 1
            placed: Placed = await sender.send(output)
            return placed

    tenant = "failing"
    before = ends(topics, inputs(declared))
    await accept(tenant, {"documents": DOCUMENTS}, "operator")
    async with await psycopg.AsyncConnection.connect(settings.postgres, autocommit=True) as connection:
        with pytest.raises(SendFailed):
            await Outbox(settings.postgres, Failing()).drain(connection)
    assert await drained(settings, sender) == 4
    assert all(versions == [1] for versions in said(read_from(topics, before), tenant).values())


async def test_one_gateway_announces_at_a_time(settings, topics, declared, sender, accept) -> None:
    tenant = "many-gateways"
    before = ends(topics, inputs(declared))
    boxes = [Outbox(settings.postgres, sender) for _ in range(3)]
    runs = [asyncio.create_task(box.run()) for box in boxes]
    await accept(tenant, {"documents": DOCUMENTS}, "operator")
    pending = "select count(*) from configuration_outbox where announced_at is null"
    async with await psycopg.AsyncConnection.connect(settings.postgres, autocommit=True) as connection:

        async def none_left():
            return (await (await connection.execute(pending)).fetchone()) == (0,)

        await auntil(none_left, 30, "the outbox to be empty")
        assert not await _locked(connection), f"lock {LOCK} is held by one of them"
    for task in runs:
        task.cancel()
    await asyncio.gather(*runs, return_exceptions=True)
    assert all(versions == [1] for versions in said(read_from(topics, before), tenant).values())
