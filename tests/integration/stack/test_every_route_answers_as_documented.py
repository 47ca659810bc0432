"""The OpenAPI document, driven: schemathesis makes requests of it, good ones and bad ones, and every answer of the real
stack is one that the document has: status, media type, headers and body.

Bounded: EXAMPLES good and as many bad requests a route, the same ones in every run.
"""

from __future__ import annotations

import hashlib
import os
import re
from dataclasses import dataclass
from typing import Any

import pytest
import requests
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from schemathesis.checks import not_a_server_error
from schemathesis.generation import GenerationMode
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    negative_data_rejection,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from gateway.http.auth import Access
from gateway.http.openapi.parts import KEY_PATTERN
from gateway.http.route import Route
from gateway.http.routes import ROUTES
from tests.support.fix_whole import Whole
from tests.support.tenants import failure, work
from tests.support.waiting import until

EXAMPLES = int(os.environ.get("MANDATE_EXAMPLES", "5"))
SEEN_S = 60.0
TENANT = "documented"
TOKEN = "the-token-of-documented-alice"
CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
]
DOCUMENTS: dict[str, Any] = {
    "people": {"people": [{"id": "alice", "channels": [{"kind": "console"}]}], "fallback_contact": "alice"},
    "escalation": {"policies": [{"id": "p", "steps": [{"person": "alice"}]}], "default_policy": "p"},
}
# Tenants that may be made and changed at will; their tokens are nobody's.
FUZZED = ("fuzzed-1", "fuzzed-2")
KEY = re.compile(KEY_PATTERN)


@dataclass(frozen=True)
class Known:
    """The running stack, its document, and values for path parameters that name something which is there."""

    url: str
    operator: str
    schema: Any
    names: dict[str, tuple[str, ...]]

    def token(self, route: Route) -> str | None:
        """A token that may."""
        if route.access is Access.OPEN:
            return None
        return self.operator if route.access is Access.CONFIGURE else TOKEN

    def ask(self, method: str, path: str, token: str, body: Any = None) -> Any:
        """The JSON of an answer, which must be a good one."""
        headers = {"Authorization": f"Bearer {token}"}
        answer = requests.request(method, self.url + path, headers=headers, json=body, timeout=30)
        assert answer.ok, answer.text
        return answer.json()


@pytest.fixture(scope="module")
def known(stack: Whole) -> Known:
    """A tenant with an incident, an action, and a command that was answered."""
    document = requests.get(f"{stack.url}/openapi.json", timeout=30).json()
    for methods in document["paths"].values():
        for operation in methods.values():
            # Who may is another test's: here every request has the token that may.
            del operation["security"]
    schema = schemathesis.openapi.from_dict(document)
    found = Known(stack.url, stack.operator_token, schema, {})
    token = {"sha256": hashlib.sha256(TOKEN.encode()).hexdigest(), "subject": "alice", "kind": "person"}
    body = {"documents": DOCUMENTS, "tokens": [token | {"roles": ["admin"]}]}
    path = f"/v1/tenants/{TENANT}/configuration"
    found.ask("PUT", path, found.operator, body)
    until(lambda: all(found.ask("GET", path, found.operator)["announced"].values()), SEEN_S, "the configuration")
    charge = {"kind": "charge", "amount": "12999", "currency": "EUR", "counterparty": "bob"}
    sent = [work("payments", effect=charge), failure("payments"), failure("payments")]
    receipts = found.ask("POST", "/v1/actions", TOKEN, sent)["results"]
    until(lambda: found.ask("GET", "/v1/incidents", TOKEN)["items"], SEEN_S, "the incident")
    until(lambda: found.ask("GET", "/v1/timeline", TOKEN)["items"][2:], SEEN_S, "the timeline")
    done = found.ask("POST", "/v1/incidents/INC-1/acknowledge", TOKEN, {})
    until(lambda: found.ask("GET", "/v1/incidents/INC-1", TOKEN)["acknowledged_at"], SEEN_S, "the acknowledgement")
    found.names.update(
        tenant=(*FUZZED, TENANT),
        incident=("INC-1", found.ask("GET", "/v1/incidents/INC-1", TOKEN)["id"], "INC-999"),
        event=(receipts[0]["event_id"], receipts[1]["event_id"]),
        id=(receipts[0]["event_id"], receipts[1]["event_id"]),
        command=(done.get("command_id") or done["command"].rpartition("/")[2],),
    )
    return found


def refuses_what_is_wrong(context: Any, response: Any, case: Any) -> bool | None:
    """Bad data are refused; a batch is taken, and refuses the bad ones one by one."""
    batch = case.path == "/v1/actions" and response.status_code == 202
    if batch and any("problem" in result for result in response.json()["results"]):
        return None
    # Too much is a bad request too; and blanks around a header are HTTP's own, they never reach the door.
    key = (case.headers or {}).get("Idempotency-Key")
    if response.status_code == 413 or (key is not None and KEY.fullmatch(key.strip())):
        return None
    found: bool | None = negative_data_rejection(context, response, case)
    return found


def takes_something(route: Route) -> bool:
    """False for an address of which no request can be a bad one."""
    return route.about is not None and bool(route.about.parameters or route.about.bodies)


GOOD = [(route, GenerationMode.POSITIVE) for route in ROUTES]
BAD = [(route, GenerationMode.NEGATIVE) for route in ROUTES if takes_something(route)]


@pytest.mark.parametrize(
    ("route", "mode"), [*GOOD, *BAD], ids=lambda x: f"{x.method} {x.path}" if isinstance(x, Route) else x.value
)
def test_every_route_answers_as_documented(known: Known, route: Route, mode: GenerationMode) -> None:
    operation = known.schema[route.path][route.method]
    token = known.token(route)
    headers = {} if token is None else {"Authorization": f"Bearer {token}"}
    checks = [*CHECKS, refuses_what_is_wrong] if mode is GenerationMode.NEGATIVE else CHECKS

    @settings(
        max_examples=EXAMPLES,
        derandomize=True,
        database=None,
        deadline=None,
        phases=[Phase.explicit, Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(case=operation.as_strategy(generation_mode=mode), data=st.data())
    def drive(case: Any, data: st.DataObject) -> None:
        for name in (case.path_parameters or ()) if mode is GenerationMode.POSITIVE else ():
            if name == "tenant" and route.method == "PUT":
                case.path_parameters[name] = data.draw(st.sampled_from(FUZZED))  # never our own tokens
            elif name in known.names and data.draw(st.booleans()):
                case.path_parameters[name] = data.draw(st.sampled_from(known.names[name]))
        case.call_and_validate(known.url, headers=headers, checks=checks, allow_redirects=False, timeout=30)

    drive()


def test_the_served_document_is_the_tables(known: Known) -> None:
    found = {(m.upper(), path) for path, methods in known.schema.raw_schema["paths"].items() for m in methods}
    assert found == {(route.method, route.path) for route in ROUTES}
    assert all(route.about is not None for route in ROUTES)


@pytest.mark.parametrize(
    "route", [r for r in ROUTES if r.access is not Access.OPEN], ids=lambda r: f"{r.method} {r.path}"
)
def test_nobody_is_answered_as_documented(known: Known, route: Route) -> None:
    path = re.sub(r"{(\w+)[^{}]*}", lambda found: known.names.get(found[1], ("nobody",))[0], route.path)
    answer = requests.request(route.method, known.url + path, timeout=30)
    assert (answer.status_code, answer.json()["code"]) == (401, "token_missing")
