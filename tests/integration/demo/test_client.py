"""The client waits out a gateway that is away, busy or forgetful, and sends the same bytes each time."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field

import pytest
from aiohttp import web

from gateway.cli.client import BATCH_ACTIONS, Client, Refused, Unreachable, batches
from gateway.local.ports import free_port

Handler = Callable[[web.Request, bytes], web.StreamResponse | None]


@dataclass
class Gateway:
    """A gateway of a few lines: answers with `script`'s entries in turn, the last one for ever."""

    port: int = field(default_factory=free_port)
    script: list[Handler] = field(default_factory=list)
    bodies: list[bytes] = field(default_factory=list)
    keys: list[str | None] = field(default_factory=list)
    _runner: web.AppRunner | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    async def start(self) -> None:
        app = web.Application()
        app.router.add_route("*", "/{path:.*}", self._answer)
        self._runner = web.AppRunner(app)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", self.port).start()

    async def stop(self) -> None:
        if self._runner is not None:
            await self._runner.cleanup()

    async def _answer(self, request: web.Request) -> web.StreamResponse:
        body = await request.read()
        self.bodies.append(body)
        self.keys.append(request.headers.get("Idempotency-Key"))
        answer = (self.script.pop(0) if len(self.script) > 1 else self.script[0])(request, body)
        if answer is None:
            assert request.transport is not None
            request.transport.close()
            return web.Response()
        return answer


def accept(_: web.Request, body: bytes) -> web.Response:
    actions = json.loads(body)["actions"]
    return web.json_response(
        {
            "results": [
                {"status": 202, "event_id": action["id"], "topic": "actions.raw", "partition": 0, "offset": i}
                for i, action in enumerate(actions)
            ]
        },
        status=202,
    )


def status(code: int, **headers: str) -> Handler:
    problem = {"code": f"code_{code}", "title": "t", "detail": "d", "remedy": "r", "field": "f"}
    return lambda _, __: web.json_response(problem, status=code, headers=headers)


def hang_up(_: web.Request, __: bytes) -> None:
    return None


@pytest.fixture
async def gateway() -> AsyncIterator[Gateway]:
    found = Gateway()
    await found.start()
    yield found
    await found.stop()


ACTIONS = [{"id": str(n), "actor": "a", "type": "t", "resource": "r"} for n in range(3)]


async def test_busy_and_broken_answers_are_asked_again_with_the_same_bytes(gateway: Gateway) -> None:
    gateway.script = [status(503), hang_up, status(429), status(500), accept]
    async with Client(gateway.url, "token") as client:
        sent = await client.send(ACTIONS)
    assert [sent.receipts[i].event_id for i in range(3)] == ["0", "1", "2"]
    assert len(gateway.bodies) == 5
    assert len(set(gateway.bodies)) == 1
    assert sent.resent == {0, 1, 2}


async def test_a_refusal_for_load_is_no_lost_answer(gateway: Gateway) -> None:
    gateway.script = [status(429), accept]
    async with Client(gateway.url, "token") as client:
        assert (await client.send(ACTIONS)).resent == set()


async def test_a_gateway_that_starts_late_is_waited_for() -> None:
    gateway = Gateway(script=[accept])
    async with Client(gateway.url, "token") as client:
        sending = asyncio.create_task(client.send(ACTIONS))
        await asyncio.sleep(0)
        await gateway.start()
        assert len((await sending).receipts) == 3
    await gateway.stop()


async def test_nobody_there_until_the_deadline_is_said_with_the_next_step() -> None:
    async with Client(f"http://127.0.0.1:{free_port()}", None, deadline_s=0.2) as client:
        with pytest.raises(Unreachable) as caught:
            await client.get("/v1/me")
    assert caught.value.code == "gateway_unreachable"
    assert "mandate up" in caught.value.remedy


async def test_a_no_is_a_no_at_once(gateway: Gateway) -> None:
    gateway.script = [status(403)]
    async with Client(gateway.url, "token") as client:
        with pytest.raises(Refused) as caught:
            await client.get("/v1/me")
    assert (caught.value.status, caught.value.code, caught.value.field) == (403, "code_403", "f")
    assert len(gateway.bodies) == 1


async def test_only_items_that_were_not_taken_are_sent_again_and_refused_ones_are_reported(gateway: Gateway) -> None:
    def mixed(_: web.Request, body: bytes) -> web.Response:
        ok = {"status": 202, "event_id": "0", "topic": "actions.raw", "partition": 0, "offset": 0}
        busy = {"status": 503, "problem": {"code": "send_busy"}}
        wrong = {"status": 422, "problem": {"code": "field_required", "detail": "d"}}
        return web.json_response({"results": [ok, busy, wrong]}, status=202)

    gateway.script = [mixed, accept]
    async with Client(gateway.url, "token") as client:
        sent = await client.send(ACTIONS)
    assert sorted(sent.receipts) == [0, 1]
    assert sent.problems[2]["code"] == "field_required"
    assert [a["id"] for a in json.loads(gateway.bodies[1])["actions"]] == ["1"]


async def test_with_a_key_the_whole_list_is_sent_again(gateway: Gateway) -> None:
    def first_only(request: web.Request, body: bytes) -> web.Response:
        results = json.loads(accept(request, body).body or b"{}")["results"]  # type: ignore[arg-type]  # bytes here
        return web.json_response({"results": [results[0], *({"status": 503} for _ in results[1:])]}, status=202)

    gateway.script = [first_only, accept]
    async with Client(gateway.url, "token") as client:
        sent = await client.send(ACTIONS, key="k")
    assert gateway.bodies[0] == gateway.bodies[1]
    assert gateway.keys == ["k", "k"]
    assert len(sent.receipts) == 3


async def test_a_batch_that_is_refused_as_a_whole_names_each_items_problem(gateway: Gateway) -> None:
    results = [{"status": 422, "problem": {"code": f"wrong_{i}"}} for i in range(3)]
    gateway.script = [lambda _, __: web.json_response({"code": "batch_refused", "results": results}, status=422)]
    async with Client(gateway.url, "token") as client:
        sent = await client.send(ACTIONS)
    assert [sent.problems[i]["code"] for i in range(3)] == ["wrong_0", "wrong_1", "wrong_2"]
    assert len(gateway.bodies) == 1


def test_batches_keep_order_and_both_limits() -> None:
    many = [{"id": str(n)} for n in range(2 * BATCH_ACTIONS + 1)]
    assert [len(batch) for batch in batches(many)] == [BATCH_ACTIONS, BATCH_ACTIONS, 1]
    large = [{"id": str(n), "payload": "x" * 900_000} for n in range(5)]
    assert [len(batch) for batch in batches(large)] == [2, 2, 1]
    assert [a for batch in batches(large) for a in batch] == large
    assert batches([]) == []
