"""The OpenAPI 3.1 document of a route table. Pure: the same table gives the same document.

What follows from a route's access, its path and its having a body is added here, so that a description says only what
is its own.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any, Protocol

from gateway.http.auth import Access
from gateway.http.openapi import parts
from gateway.http.openapi.operation import Answer, Operation, Parameter
from gateway.http.openapi.schema import Component, Plain
from schemas.errors import MandateError

VERSION = "1.0"
PROBLEM_TYPE = "application/problem+json"

_NAME = re.compile(r"{(\w+)(?::[^{}]*)?}")
_BEARER: Mapping[str, list[str]] = {"bearer": []}
_COOKIE: Mapping[str, list[str]] = {"cookie": []}
_EVERY = {400: ("request_malformed",)}
_BODY: Mapping[int, tuple[str, ...]] = {
    400: ("body_not_json", "body_unreadable", "too_deep"),
    408: ("request_too_slow",),
    413: ("body_too_large",),
    415: ("media_type_unsupported", "charset_unsupported", "content_encoding_unsupported"),
    422: ("field_required", "field_not_text", "field_malformed", "field_too_long", "field_twice", "number_too_large"),
    429: ("gateway_busy",),
}
_QUERY = {400: ("parameter_unknown", "parameter_malformed"), 422: ("field_too_long", "field_not_text")}
_GUARDED: Mapping[int, tuple[str, ...]] = {
    401: ("token_missing", "token_malformed", "token_unknown"),
    503: ("tokens_unavailable", "store_unavailable", "request_unanswered"),
}
_FORBIDDEN: Mapping[Access, tuple[str, ...]] = {
    Access.TENANT: ("tenant_missing",),
    Access.PERSON: ("tenant_missing", "person_required"),
    Access.CONFIGURE: ("configuration_forbidden",),
}
_MEANS: Mapping[int, str] = {
    400: "The request cannot be understood.",
    401: "No token, or one that nobody has.",
    403: "The token may not do this.",
    404: "There is no such thing in this tenant.",
    408: "The body did not arrive in time.",
    409: "It was decided otherwise, or changed meanwhile.",
    413: "Too many bytes or items at once.",
    415: "The body's media type is not taken here.",
    422: "Understood, and a field is wrong: `field` names it.",
    429: "Nothing was taken; come again after Retry-After seconds.",
    503: "Something behind this door does not answer; come again after Retry-After seconds.",
}


class Line(Protocol):
    """What is needed of a gateway.http.route.Route."""

    @property
    def method(self) -> str:
        """GET, POST, …"""

    @property
    def path(self) -> str:
        """The path, names in braces."""

    @property
    def access(self) -> Access:
        """Who may use it."""

    @property
    def about(self) -> Operation | None:
        """Its description."""


def document(routes: Iterable[Line]) -> Plain:
    """The document. Raises MandateError `route_undescribed`, `path_parameter_undescribed`."""
    paths: dict[str, Plain] = {}
    for route in routes:
        if route.about is None:
            raise MandateError(
                "route_undescribed",
                f"the route {route.method} {route.path}",
                "its line in gateway/http/routes.py names no description",
                "Write an Operation in gateway/http/openapi/ beside its kin, and give it as the Route's last argument.",
            )
        paths.setdefault(_NAME.sub(r"{\1}", route.path), {})[route.method.lower()] = _operation(route, route.about)
    components: dict[str, Plain] = {}
    paths = _referring(paths, components)
    return {
        "openapi": "3.1.1",
        "info": {
            "title": "Mandate",
            "version": VERSION,
            "description": "Watches what AI agents do, pages people in time, and keeps a history that can be explained "
            "later. Unknown fields are accepted and named as warnings; answers may get further fields.",
        },
        "servers": [{"url": "/"}],
        "paths": paths,
        "components": {
            "schemas": {name: components[name] for name in sorted(components)},
            "securitySchemes": {
                "bearer": {"type": "http", "scheme": "bearer"},
                "cookie": {"type": "apiKey", "in": "cookie", "name": "mandate_session"},
            },
        },
        "tags": [{"name": tag} for tag in sorted({r.about.tag for r in routes if r.about is not None})],
    }


def _operation(route: Line, about: Operation) -> Plain:
    out: Plain = {
        "operationId": _operation_id(route),
        "tags": [about.tag],
        "summary": about.summary,
        "parameters": [_parameter(p) for p in _parameters(route, about)],
        "responses": {str(status): _answer(found) for status, found in sorted(about.answers.items())},
        "security": _security(route),
    }
    if about.about:
        out["description"] = about.about
    if about.bodies:
        content = {media: {"schema": schema} for media, schema in about.bodies.items()}
        out["requestBody"] = {"required": about.body_required, "content": content}
    for status, codes in sorted(_problems(route, about).items()):
        # An answer of its own may have the status of a problem (health is 503 in a JSON of its own).
        out["responses"].setdefault(str(status), _problem(status, codes))
    return out


def _operation_id(route: Line) -> str:
    words = re.sub(r"[^A-Za-z0-9]+", "_", _NAME.sub(r"\1", route.path)).strip("_")
    return f"{route.method.lower()}_{words}"


def _parameters(route: Line, about: Operation) -> list[Parameter]:
    own = {p.name: p for p in about.parameters if p.place == "path"}
    found = []
    for name in _NAME.findall(route.path):
        known = own.get(name) or parts.PATH.get(name)
        if known is None:
            raise MandateError(
                "path_parameter_undescribed",
                f"{{{name}}} of the route {route.method} {route.path}",
                "nothing says what it is",
                "Add it to PATH in gateway/http/openapi/parts.py, or to the Operation's parameters (place path).",
            )
        found.append(known)
    return found + [p for p in about.parameters if p.place != "path"]


def _parameter(given: Parameter) -> Plain:
    required = given.required or given.place == "path"
    out: Plain = {"name": given.name, "in": given.place, "description": given.about, "schema": given.schema}
    return out | {"required": True} if required else out


def _answer(given: Answer) -> Plain:
    out: Plain = {"description": given.about}
    if given.content:
        out["content"] = {media: {"schema": schema} for media, schema in given.content.items()}
    if given.headers:
        out["headers"] = {
            name: {"description": said, "schema": {"type": "string"}} for name, said in given.headers.items()
        }
    return out


def _security(route: Line) -> list[Mapping[str, list[str]]]:
    if route.access is Access.OPEN:
        return []
    return [_BEARER, _COOKIE] if route.method == "GET" else [_BEARER]


def _problems(route: Line, about: Operation) -> dict[int, tuple[str, ...]]:
    implied: list[Mapping[int, tuple[str, ...]]] = [about.problems, _EVERY]
    if about.bodies:
        implied.append(_BODY)
    if any(p.place == "query" for p in about.parameters):
        implied.append(_QUERY)
    if _NAME.search(route.path):
        implied.append({404: ("address_unknown",)})
    if route.access is not Access.OPEN:
        changing = () if route.method == "GET" else ("cookie_not_enough",)
        implied += [_GUARDED, {403: (*_FORBIDDEN.get(route.access, ()), *changing)}]
    out: dict[int, tuple[str, ...]] = {}
    for some in implied:
        for status, codes in some.items():
            out[status] = (*out.get(status, ()), *(c for c in codes if c not in out.get(status, ())))
    return out


def _problem(status: int, codes: tuple[str, ...]) -> Plain:
    said = f"{_MEANS.get(status, 'A problem.')} Codes: {', '.join(f'`{c}`' for c in codes)}."
    content: Plain = {PROBLEM_TYPE: {"schema": parts.PROBLEM}}
    if status == 400:
        # What is no HTTP is answered before there is a request: a head of more than 8,190 bytes, for example.
        content["text/plain"] = {"schema": {"type": "string"}}
    out: Plain = {"description": said, "content": content}
    if status in (429, 503):
        seconds = {"description": "Seconds.", "schema": {"type": "string", "pattern": "^[0-9]+$"}}
        out["headers"] = {"Retry-After": seconds}
    return out


def _referring(value: Any, components: dict[str, Plain]) -> Any:
    """The value with each Component replaced by a reference, and written once into `components`."""
    if isinstance(value, Component):
        if value.name not in components:
            components[value.name] = {}  # before its inside: it may speak of itself
            components[value.name] = _referring(value.schema, components)
        return {"$ref": f"#/components/schemas/{value.name}"}
    if isinstance(value, Mapping):
        return {key: _referring(inner, components) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_referring(inner, components) for inner in value]
    return value
