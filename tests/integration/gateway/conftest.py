"""A real gateway on the real broker and a database of the test's own, in the test's own loop."""

from __future__ import annotations

import itertools
import json
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

import aiohttp
import pytest

from gateway.http import run
from gateway.http.services import Services
from gateway.http.settings import Settings
from processors.host.admin import Admin, TopicState
from processors.host.places import Place
from processors.host.reader import LogReader
from projections import migrate
from schemas import topology
from schemas.record import Record
from schemas.topology import Topology

OPERATOR = "the-operators-token"
DOCUMENTS: dict[str, Any] = {
    "people": {
        "people": [{"id": "alice", "channels": [{"kind": "console"}]}],
        "fallback_contact": "alice",
    },
    "escalation": {"policies": [{"id": "p", "steps": [{"person": "alice"}]}], "default_policy": "p"},
    "signals": {"retry_window_s": 5},
}
NUMBERS = itertools.count(1)


def hashed(token: str) -> str:
    return sha256(token.encode()).hexdigest()


def tokens_of(tenant: str) -> list[dict[str, Any]]:
    """An agent's and a person's token, named after their tenant."""
    return [
        {"sha256": hashed(f"agent-{tenant}"), "subject": "checkout", "kind": "agent", "roles": []},
        {"sha256": hashed(f"alice-{tenant}"), "subject": "alice", "kind": "person", "roles": ["admin"]},
    ]


@dataclass
class Gateway:
    """What a test speaks to. `url` without a slash at its end."""

    url: str
    session: aiohttp.ClientSession
    services: Services
    dsn: str

    async def ask(self, method: str, path: str, token: str, body: Any = None, **headers: str) -> tuple[int, Any, Any]:
        """(status, JSON, headers) of a request."""
        sent = {"Authorization": f"Bearer {token}"} | {k.replace("_", "-"): v for k, v in headers.items()}
        async with self.session.request(method, self.url + path, headers=sent, json=body) as answer:
            return answer.status, json.loads(await answer.text() or "null"), answer.headers

    async def tenant(self, **changes: Any) -> str:
        """A new tenant with the documents above; its tokens are `agent-NAME` and `alice-NAME`."""
        name = f"t{next(NUMBERS)}"
        body = {"documents": DOCUMENTS, "tokens": tokens_of(name)} | changes
        status, answer, _ = await self.ask("PUT", f"/v1/tenants/{name}/configuration", OPERATOR, body)
        assert status == 200, answer
        return name


@pytest.fixture(scope="session")
def declared() -> Topology:
    return topology.load()


@pytest.fixture
def topics(kafka, declared: Topology) -> Iterator[str]:
    """Bootstrap address of a broker that has the map's topics."""
    admin = Admin(kafka.bootstrap)
    admin.create([TopicState(t.name, t.partitions, 1, t.config) for t in declared.topics.values()])
    yield kafka.bootstrap
    admin.close()


@pytest.fixture
def settings(topics: str, database: str) -> Settings:
    migrate.apply(database)
    migrate.apply(database, run.MIGRATIONS, "gateway")
    return Settings(topics, database, ("127.0.0.1", 0), hashed(OPERATOR))


@pytest.fixture
async def gateway(settings: Settings, declared: Topology, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Gateway]:
    monkeypatch.setattr(run, "START_S", 120.0)  # a supervisor would start it again; here nobody does
    async with run.serving(settings, declared) as (services, port), aiohttp.ClientSession() as session:
        yield Gateway(f"http://127.0.0.1:{port}", session, services, settings.postgres)


def ends(bootstrap: str, places: list[Place]) -> dict[Place, int]:
    """Where these places end now."""
    admin = Admin(bootstrap)
    found = dict(admin.high_watermarks(places))
    admin.close()
    return found


def read_from(bootstrap: str, starts: dict[Place, int]) -> list[Record]:
    """All committed records from there to the end of now."""
    reader = LogReader(bootstrap, name="test")
    try:
        reader.assign(dict(starts))
        out: list[Record] = []
        while any(reader.lag().values()):
            out += reader.read(1_000, 1.0).records
        return out
    finally:
        reader.close()
