"""Which ids the fate of an action takes, and what is said while Redis is away."""

from __future__ import annotations

from contextlib import asynccontextmanager

import pytest

from gateway.http import fates
from tests.unit.gateway.conftest import bearer


@pytest.mark.parametrize(
    ("path", "code", "field"),
    [
        ("x" * 5_000, "field_too_long", "id"),
        ("a%00b", "field_not_text", "id"),
    ],
)
@pytest.mark.parametrize("rest", ["", "/fate"])
async def test_an_id_that_names_nothing_is_refused_with_the_remedy(client, path, code, field, rest):
    async with client.get(f"/v1/actions/{path}{rest}", headers=bearer("agent-of-shop")) as answer:
        body = await answer.json()
    assert answer.status in (400, 422)
    assert (body["code"], body["field"]) == (code, field)


@pytest.mark.parametrize(
    ("found", "why"),
    [([], "nothing says whose it is"), (None, "nothing says whose it is"), (["a", "b"], "2 actors have it: a, b")],
)
@pytest.mark.parametrize("path", ["charge-4711", "actions.raw-1", "%EF%BF%BD"])
async def test_an_own_id_without_an_actor_is_taken_only_when_one_actor_has_it(client, monkeypatch, path, found, why):
    @asynccontextmanager
    async def scoped(*_):
        yield None

    async def owners(*_):
        return found

    monkeypatch.setattr(fates, "scoped", scoped)
    monkeypatch.setattr(fates, "owners", owners)
    for rest in ("", "/fate"):
        async with client.get(f"/v1/actions/{path}{rest}", headers=bearer("agent-of-shop")) as answer:
            body = await answer.json()
        assert (answer.status, body["code"], body["field"]) == (400, "actor_required", "actor")
        assert why in body["detail"]


async def test_a_parameter_that_is_not_known_is_refused(client):
    async with client.get("/v1/actions/x/fate?who=me", headers=bearer("agent-of-shop")) as answer:
        assert (answer.status, (await answer.json())["code"]) == (400, "parameter_unknown")


async def test_coordinates_can_only_be_asked_of_redis(client):
    async with client.get("/v1/actions/actions.raw-1@42/fate", headers=bearer("agent-of-shop")) as answer:
        body = await answer.json()
    assert (answer.status, body["code"]) == (503, "redis_unavailable")
    assert answer.headers["Retry-After"]
