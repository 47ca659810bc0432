"""Who may use which route: every line of the table, without a token, with the wrong one, with a cookie."""

from __future__ import annotations

import re

import pytest

from gateway.http.auth import Access
from gateway.http.route import Route
from gateway.http.routes import ROUTES
from tests.unit.gateway.conftest import OPERATOR, TOKENS, bearer

GUARDED = [r for r in ROUTES if r.access is not Access.OPEN]
OF_A_TENANT = [r for r in GUARDED if r.access in (Access.TENANT, Access.PERSON) and r.path != "/v1/me"]


def address(route: Route, tenant: str = "shop") -> str:
    return re.sub(r"\{(\w+)\}", lambda name: {"tenant": tenant}.get(name[1], "x"), route.path)


def name(route: Route) -> str:
    return f"{route.method} {route.path}"


def test_only_these_are_open() -> None:
    assert {name(r) for r in ROUTES if r.access is Access.OPEN} == {
        "GET /healthz",
        "GET /metrics",
        "GET /openapi.json",
        "POST /login",
        "POST /logout",
        # PagerDuty's senders have no header for a token: `routing_key` of the body is one.
        "POST /v2/enqueue",
        "POST /v2/change/enqueue",
    }


@pytest.mark.parametrize("route", GUARDED, ids=name)
@pytest.mark.parametrize(
    ("headers", "code"),
    [
        ({}, "token_missing"),
        ({"Authorization": "Bearer nobody-has-it"}, "token_unknown"),
        ({"Authorization": "Bearer "}, "token_malformed"),
        ({"Authorization": "Basic YTpi"}, "token_malformed"),
        ({"Authorization": "Bearer " + "x" * 4_000}, "token_unknown"),
        ({"Cookie": "mandate_session=nobody-has-it"}, "token_missing"),
    ],
)
async def test_nobody_gets_401(client, route, headers, code) -> None:
    async with client.request(route.method, address(route), headers=headers) as answer:
        problem = await answer.json()
        assert (answer.status, problem["code"]) == (401, code)
        assert answer.content_type == "application/problem+json"
        assert answer.headers["WWW-Authenticate"].startswith("Bearer")


@pytest.mark.parametrize("route", OF_A_TENANT, ids=name)
async def test_the_operator_belongs_to_no_tenant(client, route) -> None:
    async with client.request(route.method, address(route), headers=bearer(OPERATOR)) as answer:
        assert (answer.status, (await answer.json())["code"]) == (403, "tenant_missing")


@pytest.mark.parametrize("route", [r for r in GUARDED if r.method != "GET"], ids=name)
async def test_a_cookie_changes_nothing(client, route) -> None:
    cookie = {"Cookie": "mandate_session=admin-of-shop"}
    async with client.request(route.method, address(route), headers=cookie, json={}) as answer:
        assert (answer.status, (await answer.json())["code"]) == (403, "cookie_not_enough")


@pytest.mark.parametrize("token", ["agent-of-shop", "operator-of-shop"])
@pytest.mark.parametrize("verb", ["acknowledge", "resolve"])
async def test_only_a_person_answers_for_an_incident(client, token, verb) -> None:
    async with client.post(f"/v1/incidents/INC-1/{verb}", headers=bearer(token)) as answer:
        assert (answer.status, (await answer.json())["code"]) == (403, "person_required")


@pytest.mark.parametrize(
    ("token", "tenant", "status"),
    [
        (OPERATOR, "shop", 200),
        (OPERATOR, "new-one", 200),
        ("admin-of-shop", "shop", 200),
        ("operator-of-shop", "shop", 200),
        ("operator-of-shop", "bank", 403),
        ("admin-of-shop", "bank", 403),
        ("admin-of-bank", "shop", 403),
        ("alice-of-shop", "shop", 403),
        ("agent-of-shop", "shop", 403),
    ],
)
async def test_who_configures_whom(client, configurations, token, tenant, status) -> None:
    path = f"/v1/tenants/{tenant}/configuration"
    async with client.put(path, headers=bearer(token), json={"documents": {}}) as answer:
        assert answer.status == status
    async with client.get(path, headers=bearer(token)) as answer:
        assert answer.status == status
    subject = "operator" if token == OPERATOR else TOKENS[token][1]
    assert configurations.puts == ([(tenant, {"documents": {}}, subject)] if status == 200 else [])


@pytest.mark.parametrize("token", TOKENS)
async def test_me(client, token) -> None:
    tenant, subject, kind, roles = TOKENS[token]
    async with client.get("/v1/me", headers=bearer(token)) as answer:
        assert await answer.json() == {"tenant": tenant, "subject": subject, "kind": kind, "roles": list(roles)}


async def test_a_form_becomes_a_cookie_that_scripts_cannot_read(client) -> None:
    form = {"token": "alice-of-shop", "next": "/incidents/INC-1"}
    async with client.post("/login", data=form, allow_redirects=False) as answer:
        assert (answer.status, answer.headers["Location"]) == (303, "/incidents/INC-1")
        cookie = answer.headers["Set-Cookie"]
    assert "HttpOnly" in cookie
    assert "SameSite=Lax" in cookie
    async with client.get("/v1/me") as answer:  # the client keeps cookies
        assert (await answer.json())["subject"] == "alice"
    async with client.post("/logout", allow_redirects=False) as answer:
        assert answer.headers["Location"] == "/login"
    async with client.get("/v1/me") as answer:
        assert answer.status == 401


@pytest.mark.parametrize(
    "target", ["//evil.example", "https://evil.example", "/\\evil.example", "", "/a\r\nX: y", "/ü"]
)
async def test_a_login_leads_to_this_site_only(client, target) -> None:
    form = {"token": "alice-of-shop", "next": target}
    async with client.post("/login", data=form, allow_redirects=False) as answer:
        assert answer.headers["Location"] == "/"


@pytest.mark.parametrize("token", ["nobody-has-it", OPERATOR])
async def test_a_refused_login_shows_the_form_again(client, token) -> None:
    async with client.post("/login", data={"token": token}, allow_redirects=False) as answer:
        assert answer.status == 401
        assert answer.content_type == "text/html"
        assert token not in await answer.text()
        assert "Set-Cookie" not in answer.headers


async def test_another_sites_form_is_no_login(client) -> None:
    headers = {"Origin": "https://evil.example"}
    async with client.post("/login", data={"token": "alice-of-shop"}, headers=headers) as answer:
        assert (answer.status, (await answer.json())["code"]) == (403, "origin_foreign")


async def test_neither_logs_nor_metrics_hold_a_token_a_query_or_a_body(client, caplog) -> None:
    caplog.set_level("INFO")
    async with client.get("/v1/me?secret=in-the-query", headers=bearer("alice-of-shop")) as answer:
        assert answer.status == 200
    action = {"actor": "a", "type": "t", "resource": "in-the-body", "tenant": "in-the-body", "sequence": -1}
    async with client.post("/v1/actions", headers=bearer("agent-of-shop"), json=action) as answer:
        assert answer.status == 422
    async with client.get("/metrics") as answer:
        said = caplog.text + await answer.text()
    assert "shop/alice" in said
    for word in ("alice-of-shop", "agent-of-shop", "in-the-query", "in-the-body"):
        assert word not in said


async def test_health_is_red_only_when_a_restart_helps(client, services, sender) -> None:
    async def health() -> tuple[int, dict]:
        async with client.get("/healthz") as answer:
            return answer.status, await answer.json()

    assert await health() == (200, {"healthy": True, "sender": "ok", "answers": "ok", "lag_seconds": {}})
    services.answers.alive = False
    assert (await health())[0] == 503
    services.answers.alive = True
    sender.fatal = "fenced"
    assert (await health())[1]["sender"] == "fenced"
