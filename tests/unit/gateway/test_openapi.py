"""The OpenAPI document and the routes are one table: neither has what the other lacks."""

from __future__ import annotations

import json
from typing import Any

import pytest
from aiohttp import web
from openapi_spec_validator import OpenAPIV31SpecValidator

from gateway.http.auth import Access
from gateway.http.openapi.document import document
from gateway.http.openapi.schema import Component, array, choice, integer, maybe, obj
from gateway.http.route import Route
from gateway.http.routes import ROUTES
from gateway.registry import doors as registry
from gateway.web import routes as pages
from schemas import topology
from schemas.errors import MandateError


def addresses(app: web.Application) -> set[tuple[str, str]]:
    """(method, path) of what is mounted; files of /static are no address."""
    return {
        (route.method, route.resource.canonical)
        for route in app.router.routes()
        if route.resource is not None and route.method != "HEAD" and not isinstance(route.resource, web.StaticResource)
    }


def described(found: dict[str, Any]) -> set[tuple[str, str]]:
    return {(method.upper(), path) for path, methods in found["paths"].items() for method in methods}


@pytest.mark.parametrize("route", ROUTES, ids=lambda r: f"{r.method} {r.path}")
def test_every_route_has_a_description(route: Route) -> None:
    assert route.about is not None, (
        f"{route.method} {route.path} has none: write an Operation in gateway/http/openapi/ beside its kin and name it "
        "last on the route's line in gateway/http/routes.py"
    )
    document((route,))  # names what is missing, a path parameter for example


async def test_every_address_of_the_app_is_in_the_document_and_no_other(client) -> None:
    # Pages are for people, and the registry's API has its own document, which is not ours to write.
    others = web.Application()
    pages.add(others, None)  # type: ignore[arg-type]  # mounted, never asked
    registry.routes(others, topology.load())
    async with client.get("/openapi.json") as answer:
        assert (answer.status, answer.content_type) == (200, "application/json")
        found = await answer.json()
    assert described(found) == addresses(client.app) - addresses(others)


async def test_the_document_is_valid_openapi_3_1(client) -> None:
    async with client.get("/openapi.json") as answer:
        OpenAPIV31SpecValidator(await answer.json()).validate()
        etag = answer.headers["ETag"]
    async with client.get("/openapi.json", headers={"If-None-Match": etag}) as answer:
        assert answer.status == 304
    async with client.get("/openapi.json", headers={"If-None-Match": '"another"'}) as answer:
        assert answer.status == 200


def test_the_same_table_gives_the_same_document() -> None:
    assert json.dumps(document(ROUTES)) == json.dumps(document(ROUTES))


def test_operation_ids_are_unique() -> None:
    found = [one["operationId"] for methods in document(ROUTES)["paths"].values() for one in methods.values()]
    assert len(found) == len(set(found))


def test_what_follows_from_access_and_body_is_said_of_every_route() -> None:
    found = document(ROUTES)["paths"]
    for route in ROUTES:
        answers = found[route.path][route.method.lower()]["responses"]
        assert ("401" in answers) == (route.access is not Access.OPEN or route.path == "/login"), route
        assert {"401", "403", "503"} <= set(answers) or route.access is Access.OPEN, route
        if "requestBody" in found[route.path][route.method.lower()]:
            assert {"400", "408", "413", "415", "422", "429"} <= set(answers), route


def test_a_route_without_a_description_says_how_to_write_one() -> None:
    lacking = Route("GET", "/v1/new", Access.TENANT, ROUTES[0].handler)
    with pytest.raises(MandateError, match=r"gateway/http/openapi/") as error:
        document((lacking,))
    assert error.value.code == "route_undescribed"


def test_a_path_parameter_that_nobody_describes_says_where() -> None:
    lacking = Route("GET", "/v1/new/{thing:[a-z]+}", Access.TENANT, ROUTES[0].handler, ROUTES[0].about)
    with pytest.raises(MandateError, match=r"parts\.py") as error:
        document((lacking,))
    assert error.value.code == "path_parameter_undescribed"


def test_components_are_written_once_and_referred_to() -> None:
    found = document(ROUTES)
    named = found["components"]["schemas"]
    assert {"Action", "Receipt", "Problem", "Incident"} <= set(named)
    text = json.dumps(found)
    for name in named:
        assert f'"#/components/schemas/{name}"' in text


def test_null_is_said_as_json_schema_2020_says_it() -> None:
    assert maybe(integer(low=1)) == {"type": ["integer", "null"], "minimum": 1}
    assert maybe(choice(("a",))) == {"type": ["string", "null"], "enum": ["a", None]}
    named = Component("N", {})
    assert maybe(named) == {"anyOf": [named, {"type": "null"}]}
    assert obj({"x": array(integer())}, required=("x",))["required"] == ["x"]
