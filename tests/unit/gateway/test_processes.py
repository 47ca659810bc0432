"""Processes by their own word: addresses from the setting, one question for all readers, states and codes only."""

from __future__ import annotations

import json
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from gateway.http.processes import KEPT_S, Processes, addresses, covers, expected, judged
from processors.host.errors import HostError
from processors.host.health import Verdict
from processors.host.serve import document
from schemas import topology
from schemas.errors import MandateError

MAP = topology.load()


def test_addresses_are_read_and_malformed_ones_refused() -> None:
    assert addresses(None) == addresses("") == {}
    assert addresses("effects=h:1, processor-dedup-0=[::1]:8080") == {
        "effects": "h:1",
        "processor-dedup-0": "[::1]:8080",
    }
    many = ",".join(f"p{n}=h:1" for n in range(257))
    for text in ("effects", "effects=h", "effects=:1", "effects=h:0", "effects=h:70000", "E=h:1", "a=h:1,a=h:2", many):
        with pytest.raises(MandateError) as caught:
            addresses(text)
        assert caught.value.code == "setting_malformed"


def test_a_process_covers_what_it_runs() -> None:
    assert covers("processors", "processor-dedup")
    assert covers("processor-dedup-1", "processor-dedup")
    assert covers("effects-0", "effects")
    assert not covers("projections", "processor-dedup")
    assert not covers("processor-dedup-x", "processor-dedup")
    assert not covers("processor-dedup", "projection-dedup")


async def test_without_addresses_everything_cannot_be_asked() -> None:
    found = await Processes(MAP, {}).look()
    assert [each["name"] for each in found] == expected(MAP)
    assert {each["state"] for each in found} == {"cannot_be_asked"}
    assert {each["asked_at"] for each in found} == {None}


async def test_each_is_asked_once_for_everybody_and_told_by_its_own_word(unused_tcp_port: int) -> None:
    asked: list[str] = []
    error = HostError("positions_unstable", "tenant bank", "a secret of the bank", "wait")
    verdict = Verdict(
        False, False, {"dedup": "dead: a secret of the bank", "rml": "stuck in running for 80 s"}, {"dedup": error}
    )

    async def sick(request: web.Request) -> web.Response:
        asked.append(request.path)
        return web.json_response(document(verdict), status=503)

    app = web.Application()
    app.add_routes([web.get("/healthz", sick)])
    async with TestServer(app) as server:
        now = 100.0
        known = {"processors": f"{server.host}:{server.port}", "effects": f"127.0.0.1:{unused_tcp_port}"}
        processes = Processes(MAP, known, lambda: now)
        first = await processes.look()
        assert await processes.look() == first
        assert asked == ["/healthz"]
        now += KEPT_S + 0.1
        await processes.look()
        assert len(asked) == 2
        await processes.close()
    by_name = {each["name"]: each for each in first}
    assert by_name["processors"]["state"] == "unhealthy"
    assert by_name["processors"]["threads"] == {"dedup": "dead", "rml": "stuck"}
    assert by_name["processors"]["codes"] == ["positions_unstable"]
    assert by_name["effects"]["state"] == "no_answer"
    assert {each["name"] for each in first if each["state"] == "cannot_be_asked"} == {
        f"projection-{name}" for name in MAP.projections
    }
    assert "secret" not in json.dumps(first)


@pytest.mark.parametrize(
    ("status", "body", "state", "threads"),
    [
        (200, {"healthy": True, "threads": {"dedup": "running"}}, "healthy", {"dedup": "running"}),
        (200, {"projections": {"timeline": {"alive": True, "why": None}}}, "healthy", {"timeline": "running"}),
        (503, {"projections": {"timeline": {"alive": False, "why": "x"}}}, "unhealthy", {"timeline": "dead"}),
        (
            200,
            {"healthy": True, "parts": {"relay": True, "faust": False}},
            "healthy",
            {"relay": "running", "faust": "dead"},
        ),
        (200, [], "unhealthy", {}),
        (200, None, "unhealthy", {}),
        (404, {"threads": 1, "projections": [], "errors": [1, {"code": "NOT A CODE"}]}, "unhealthy", {}),
    ],
)
def test_every_kind_of_process_and_rubbish(status: int, body: Any, state: str, threads: dict[str, str]) -> None:
    found = judged("x", status, b"rubbish" if body is None else json.dumps(body).encode(), 0)
    assert (found["state"], found["threads"], found["codes"]) == (state, threads, [])
