"""The gateway's application over fakes: no broker, no database, the real handlers, middlewares and routes."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from hashlib import sha256
from typing import Any

import pytest
from aiohttp.test_utils import TestClient, TestServer

from gateway.configuration import request
from gateway.http.answers import Answers
from gateway.http.app import AUTO_DECOMPRESS, build
from gateway.http.budget import Budget
from gateway.http.lag import Lag
from gateway.http.metrics import Metrics
from gateway.http.processes import Processes
from gateway.http.services import Services
from gateway.http.settings import Settings
from gateway.http.tokens import Principal, Tokens
from processors.host.errors import SendBusy, SendFailed
from processors.host.places import Placed
from schemas import topology
from schemas.configuration import parse_document
from schemas.record import Output

MAP = topology.load()
NOW = 1_763_784_000_123
OPERATOR = "the-operators-token"
# token -> (tenant, subject, kind, roles)
TOKENS = {
    "agent-of-shop": ("shop", "checkout", "agent", ()),
    "alice-of-shop": ("shop", "alice", "person", ()),
    "admin-of-shop": ("shop", "ada", "person", ("admin",)),
    "admin-of-bank": ("bank", "bert", "person", ("admin",)),
    "operator-of-shop": ("shop", "ops", "operator", ()),
}


def digest(token: str) -> str:
    return sha256(token.encode()).hexdigest()


class FakeSender:
    """Acknowledges at once; `behaviours` are used up first: `busy`, `failed`, `silent`."""

    def __init__(self) -> None:
        self.sent: list[Output] = []
        self.behaviours: list[str] = []
        self.fatal: str | None = None
        self.on_sent: Any = None

    @property
    def in_flight(self) -> int:
        return 0

    def submit(self, output: Output) -> asyncio.Future[Placed]:
        how = self.behaviours.pop(0) if self.behaviours else "fine"
        if how == "busy":
            raise SendBusy("send_busy", "sending", "full", "Come again.")
        future: asyncio.Future[Placed] = asyncio.get_running_loop().create_future()
        if how == "failed":
            future.set_exception(SendFailed("send_failed", "a record", "no broker", "Send it again."))
        elif how == "fine":
            self.sent.append(output)
            future.set_result(Placed(output.topic, 3, len(self.sent) - 1))
            if self.on_sent is not None:
                self.on_sent(output)
        return future


class FakeConfigurations:
    """Remembers what was put, if it can be read; finds the tokens above."""

    def __init__(self) -> None:
        self.puts: list[tuple[str, Any, str]] = []
        self.looked_up = 0
        self.down = False

    async def put(self, tenant: str, plain: Any, by: str) -> dict[str, Any]:
        for name, body in request.parse(tenant, plain).bodies.items():
            parse_document(name, body)
        self.puts.append((tenant, plain, by))
        return {"tenant": tenant, "changed": [], "versions": {}}

    async def show(self, tenant: str) -> dict[str, Any]:
        return {"tenant": tenant, "documents": {}}

    async def principal(self, hashed: str) -> Principal | None:
        self.looked_up += 1
        if self.down:
            raise OSError("no database")
        for token, (tenant, subject, kind, roles) in TOKENS.items():
            if digest(token) == hashed:
                return Principal(tenant, subject, kind, roles, hashed)
        return None


class NoPool:
    """A pool that nobody may use: what a unit test asks of a read model is a mistake."""

    def connection(self) -> Any:
        raise AssertionError("a unit test reached for the database")


def services_with(sender: FakeSender, configurations: FakeConfigurations) -> Services:
    metrics = Metrics()
    return Services(
        settings=Settings("nowhere:1", "postgresql://nowhere", ("127.0.0.1", 0), digest(OPERATOR)),
        topology=MAP,
        tokens=Tokens(configurations.principal, digest(OPERATOR)),
        sender=sender,
        lag=Lag(None, metrics),
        answers=Answers(),
        configurations=configurations,  # type: ignore[arg-type]  # the fake has what the handlers call
        read_models=NoPool(),  # type: ignore[arg-type]  # never used
        metrics=metrics,
        budget=Budget(),
        clock=lambda: NOW,
        processes=Processes(MAP, {}),
    )


@pytest.fixture
def sender() -> FakeSender:
    return FakeSender()


@pytest.fixture
def configurations() -> FakeConfigurations:
    return FakeConfigurations()


@pytest.fixture
def services(sender: FakeSender, configurations: FakeConfigurations) -> Services:
    return services_with(sender, configurations)


@pytest.fixture
async def client(services: Services) -> AsyncIterator[TestClient[Any, Any]]:
    server = TestServer(build(services))
    await server.start_server(
        access_log=None, auto_decompress=AUTO_DECOMPRESS
    )  # as run.py does: the middleware writes its own
    async with TestClient(server) as found:
        yield found


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}
