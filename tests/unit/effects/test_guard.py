"""Webhooks at the socket: names that lead inside, rebinding, redirects, and who opens a private target."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Iterator
from typing import Any

import psycopg
import pytest
from aiohttp import web
from aiohttp.abc import AbstractResolver
from aiohttp.test_utils import TestServer

from processors.effects import addresses, guard
from processors.effects.addresses import Rules
from processors.effects.channels import Verdict
from processors.effects.secrets import Secrets
from processors.effects.targets import Targets
from processors.effects.webhook import Webhook
from schemas.errors import MandateError
from schemas.messages.notifications import Channel
from tests.support.effects import page_requested
from tests.unit.effects.test_targets import DEVELOPMENT, LOOPBACK, STRICT


class Names(AbstractResolver):
    """Answers of a name server: each name's answers in turn, the last one for ever. A CNAME is followed already."""

    def __init__(self, answers: dict[str, list[list[str]]]) -> None:
        self._answers = answers
        self.asked = 0

    async def resolve(self, host: str, port: int = 0, family: Any = socket.AF_INET) -> list[Any]:
        """As a system's resolver."""
        self.asked += 1
        turns = self._answers[host]
        found = turns.pop(0) if len(turns) > 1 else turns[0]
        return [
            {
                "hostname": host,
                "host": address,
                "port": port,
                "family": socket.AF_INET6 if ":" in address else socket.AF_INET,
                "proto": 0,
                "flags": 0,
            }
            for address in found
        ]

    async def close(self) -> None:
        """Nothing is open."""


@pytest.fixture
async def receiver() -> AsyncIterator[TestServer]:
    """Somebody on this machine, who must not be reached from outside of development."""
    reached: list[str] = []

    async def take(request: web.Request) -> web.Response:
        reached.append(request.host)
        if request.path == "/away":
            raise web.HTTPFound("http://127.0.0.1:1/")
        return web.Response()

    app = web.Application()
    app.add_routes([web.post("/{tail:.*}", take)])
    server = TestServer(app)
    server.reached = reached  # type: ignore[attr-defined]  # only this test's
    await server.start_server()
    yield server
    await server.close()


async def _send(
    url: str, rules: Rules, names: Names | None = None, allowed: tuple[str, ...] = (), times: int = 1
) -> list[Verdict]:
    async def secret(_: str) -> str:
        return "whsec_" + "A" * 43 + "="

    async def list_(_: str) -> tuple[str, ...]:
        return allowed

    hook = Webhook(Secrets(secret), Targets(list_), "https://mandate.example", rules=rules, resolver=names)
    try:
        return [await hook.send(page_requested(channel=Channel("webhook", url))) for _ in range(times)]
    finally:
        await hook.close()


def _codes(verdicts: list[Verdict]) -> Iterator[str]:
    for verdict in verdicts:
        yield f"{verdict.outcome} {verdict.detail.rpartition('[')[2].rstrip(']')}"


@pytest.mark.parametrize(
    "answer",
    [
        ["127.0.0.1"],
        ["8.8.8.8", "127.0.0.1"],
        ["127.0.0.1", "8.8.8.8"],
        ["::1"],
        ["::ffff:127.0.0.1"],
        ["169.254.169.254"],
        ["fe80::1%lo"],
        ["10.0.0.1"],
        ["64:ff9b::7f00:1"],
    ],
    ids=str,
)
async def test_a_name_that_leads_inside_is_refused_also_among_public_answers(answer: list[str]) -> None:
    found = await _send("https://hooks.example/x", STRICT, Names({"hooks.example": [answer]}))
    assert list(_codes(found)) == ["failed target_address"]


async def test_every_attempt_resolves_and_is_checked_anew(receiver: TestServer) -> None:
    """DNS rebinding: what was allowed a moment ago leads inside now, and the other way round."""
    names = Names({"hooks.example": [["127.0.0.1"], ["10.0.0.1"], ["127.0.0.1"], ["127.0.0.1", "10.0.0.1"]]})
    found = await _send(f"http://hooks.example:{receiver.port}/x", DEVELOPMENT, names, times=4)
    assert [v.outcome for v in found] == ["delivered", "failed", "delivered", "failed"]
    assert found[1].detail.endswith("[target_address]")
    assert names.asked == 4
    assert len(receiver.reached) == 2  # type: ignore[attr-defined]  # see the fixture


async def test_the_socket_itself_is_guarded(receiver: TestServer, monkeypatch: pytest.MonkeyPatch) -> None:
    """Were the check of the text and of the resolver lost, the socket would still not be made."""
    monkeypatch.setattr(addresses, "refusal", lambda *_: None)
    monkeypatch.setattr(guard.GuardedResolver, "resolve", lambda self, *a, **k: self._inner.resolve(*a, **k))
    for url, names in (
        (f"http://127.0.0.1:{receiver.port}/x", None),
        (f"http://hooks.example:{receiver.port}/x", Names({"hooks.example": [["127.0.0.1"]]})),
    ):
        assert list(_codes(await _send(url, STRICT, names))) == ["failed target_address"]
    assert receiver.reached == []  # type: ignore[attr-defined]  # see the fixture


async def test_numbers_that_only_the_system_reads_are_not_given_to_it(receiver: TestServer) -> None:
    for host in ("127.1", "2130706433", "0x7f000001", "017700000001"):
        found = await _send(f"http://{host}:{receiver.port}/x", DEVELOPMENT)
        assert list(_codes(found)) == ["failed target_host"]
    assert receiver.reached == []  # type: ignore[attr-defined]  # see the fixture


async def test_a_private_target_needs_the_operators_word_and_the_tenants(receiver: TestServer) -> None:
    names = {"hooks.inside.example": [["127.0.0.1"]]}
    production = Rules(False, LOOPBACK)
    for rules, allowed, code in (
        (production, (), "target_address"),
        (STRICT, ("hooks.inside.example",), "target_address"),
        (production, ("other.example",), "target_not_allowed"),
    ):
        found = await _send("https://hooks.inside.example:8443/", rules, Names(names), allowed)
        assert list(_codes(found)) == [f"failed {code}"]
    # Both: it is tried, and nobody listens there.
    found = await _send("https://hooks.inside.example:8443/", production, Names(names), ("hooks.inside.example",))
    assert found[0].detail.startswith("no connection: ")
    found = await _send("https://hooks.inside.example:8443/", production, Names(names), ("127.0.0.0/8",))
    assert found[0].detail.startswith("no connection: ")


async def test_a_public_answer_outside_the_tenants_network_is_refused() -> None:
    names = Names({"hooks.example": [["8.8.8.8"]]})
    found = await _send("https://hooks.example/", STRICT, names, ("1.1.1.0/24",))
    assert list(_codes(found)) == ["failed target_not_allowed"]


async def test_a_redirect_is_not_followed(receiver: TestServer) -> None:
    found = await _send(f"http://127.0.0.1:{receiver.port}/away", DEVELOPMENT)
    assert (found[0].outcome, found[0].detail) == ("failed", "HTTP 302 (redirects are not followed)")


async def test_without_the_tenants_list_nothing_is_sent() -> None:
    async def away(_: str) -> None:
        raise psycopg.OperationalError

    with pytest.raises(MandateError) as caught:
        await Targets(away).of("shop")
    assert caught.value.code == "targets_unreadable"


async def test_many_who_ask_at_once_are_one_look_up() -> None:
    asked: list[str] = []
    there = asyncio.Event()

    async def slow(tenant: str) -> tuple[str, ...]:
        asked.append(tenant)
        await there.wait()
        return ("hooks.example",)

    known = Targets(slow)
    waiting = [asyncio.create_task(known.of("shop")) for _ in range(20)]
    await asyncio.sleep(0)
    waiting.pop().cancel()
    there.set()
    assert await asyncio.gather(*waiting) == [("hooks.example",)] * 19
    assert asked == ["shop"]
