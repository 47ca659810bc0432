"""Which ids the fate of an action takes, and what is said while Redis is away."""

from __future__ import annotations

import pytest

from tests.unit.gateway.conftest import bearer


@pytest.mark.parametrize(
    ("path", "code", "field"),
    [
        ("charge-4711", "actor_required", "actor"),
        ("actions.raw-1", "actor_required", "actor"),
        ("%EF%BF%BD", "actor_required", "actor"),
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


async def test_a_parameter_that_is_not_known_is_refused(client):
    async with client.get("/v1/actions/x/fate?who=me", headers=bearer("agent-of-shop")) as answer:
        assert (answer.status, (await answer.json())["code"]) == (400, "parameter_unknown")


async def test_coordinates_can_only_be_asked_of_redis(client):
    async with client.get("/v1/actions/actions.raw-1@42/fate", headers=bearer("agent-of-shop")) as answer:
        body = await answer.json()
    assert (answer.status, body["code"]) == (503, "redis_unavailable")
    assert answer.headers["Retry-After"]
