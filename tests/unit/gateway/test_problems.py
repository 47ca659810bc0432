"""Every error has one problem document: its status, its code, its remedy; a bug shows nothing of itself."""

from __future__ import annotations

import ast
import json
from pathlib import Path

import psycopg
import psycopg_pool
import pytest
from aiohttp import web

from gateway.http import problems
from gateway.http.errors import HttpError
from processors.host import errors as host_errors
from projections import errors as projection_errors
from schemas import errors as schema_errors
from schemas.errors import MandateError

ROOT = Path(__file__).parents[3]
# Errors that a request of the gateway can meet come from these; what others raise ends their own process.
REACHED = ("gateway/http", "gateway/configuration", "processors/host/sender.py", "schemas", "projections/paging.py")


def families(cls: type[MandateError]) -> list[type[MandateError]]:
    return [cls, *(x for sub in cls.__subclasses__() for x in families(sub))]


def bodies(error: Exception) -> tuple[int, dict]:
    answer = problems.of(error)
    assert answer.content_type == "application/problem+json"
    assert isinstance(answer.body, bytes)
    return answer.status, json.loads(answer.body)


@pytest.mark.parametrize("cls", families(HttpError)[1:], ids=lambda c: c.__name__)
def test_each_kind_of_http_error_has_its_status(cls) -> None:
    status, problem = bodies(cls("some_code", "a thing", "it is so", "Do that.", field="x.y"))
    assert status == cls.status
    assert problem == {
        "type": "urn:mandate:problem:some_code",
        "title": "a thing",
        "status": cls.status,
        "detail": "it is so",
        "code": "some_code",
        "remedy": "Do that.",
        "field": "x.y",
    }


OTHER = [
    c
    for module in (host_errors, projection_errors, schema_errors)
    for c in vars(module).values()
    if isinstance(c, type) and issubclass(c, MandateError) and c is not MandateError
]


@pytest.mark.parametrize("cls", OTHER, ids=lambda c: c.__name__)
def test_each_family_of_the_lower_floors_is_mapped(cls) -> None:
    assert any(issubclass(cls, family) for family, _ in problems.FAMILIES), "give it a status in FAMILIES"


def codes() -> set[str]:
    """First arguments of everything that is called like an error in what a request can reach."""
    found = set()
    for place in REACHED:
        path = ROOT / place
        for file in [path] if path.suffix else sorted(path.rglob("*.py")):
            for node in ast.walk(ast.parse(file.read_text())):
                if isinstance(node, ast.Call) and node.args and isinstance(node.args[0], ast.Constant):
                    callee = node.func.id if isinstance(node.func, ast.Name) else ""
                    known = callee in {c.__name__ for c in families(MandateError)} | {"invalid"}
                    if known and isinstance(node.args[0].value, str):
                        found.add(node.args[0].value)
    return found


def test_codes_are_words_and_the_table_of_statuses_has_none_that_nobody_says() -> None:
    said = codes()
    assert {"effect_without_id", "token_unknown", "configuration_conflict", "send_busy", "bad_cursor"} <= said
    assert all(code.replace("_", "").isalnum() and code == code.lower() for code in said)
    of_processors = {"unknown_or_closed", "idempotency_conflict", "too_many_commands"}
    assert set(problems.STATUS) <= said | of_processors


@pytest.mark.parametrize("status", [429, 503])
def test_who_shall_come_again_is_told_when(status) -> None:
    answer = problems.response({"status": status})
    assert int(answer.headers["Retry-After"]) >= 1


@pytest.mark.parametrize(
    "error",
    [psycopg.OperationalError("host=secret-host"), psycopg_pool.PoolTimeout("secret-host"), psycopg_pool.PoolClosed()],
)
def test_a_database_that_is_away_is_503_without_its_address(error) -> None:
    status, problem = bodies(error)
    assert (status, problem["code"]) == (503, "store_unavailable")
    assert "secret-host" not in json.dumps(problem)


@pytest.mark.parametrize(
    "error", [ValueError("secret"), KeyError("secret"), MandateError("new_code", "a", "secret", "x"), RecursionError()]
)
def test_a_bug_is_500_without_internals_and_is_logged(error, caplog) -> None:
    status, problem = bodies(error)
    assert (status, problem["code"]) == (500, "internal")
    assert "secret" not in json.dumps(problem)
    assert "secret" in caplog.text or isinstance(error, RecursionError)


async def test_addresses_and_methods_that_are_not_there(client) -> None:
    async with client.get("/v1/nothing") as answer:
        assert (answer.status, (await answer.json())["code"]) == (404, "address_unknown")
    async with client.delete("/v1/actions") as answer:
        assert (answer.status, (await answer.json())["code"]) == (405, "method_not_allowed")
        assert answer.headers["Allow"] == "POST"


async def test_what_aiohttp_refuses_is_a_problem_too() -> None:
    status, problem = bodies(web.HTTPRequestEntityTooLarge(1, 2))
    assert (status, problem["code"]) == (413, "body_too_large")
    assert bodies(web.HTTPGone())[1]["code"] == "http_410"
