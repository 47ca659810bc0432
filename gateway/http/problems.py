"""The one mapping of every error to a problem document (RFC 9457) and a status.

    {"type": "urn:mandate:problem:<code>", "title": what, "status": …, "detail": why, "code": …, "field"?, "remedy"}

A MandateError of any floor has a status here: by its class (`HttpError.status`), by its code (`STATUS`), else by its
family (`FAMILIES`). What is not a MandateError is a bug: it is logged, and the reader learns only where to look.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping
from typing import Any

import psycopg
import psycopg_pool
from aiohttp import web

from gateway.http.errors import HttpError
from processors.host.errors import HostError
from projections.errors import BadRequest, ProjectionError
from schemas.errors import ConfigurationError, MandateError, SchemaError, TopologyError

log = logging.getLogger("gateway.http")

Problem = dict[str, Any]
CONTENT_TYPE = "application/problem+json"

# Statuses by code, for errors of lower floors and for refusals of processors (Answer.code).
STATUS: Mapping[str, int] = {
    "configuration_conflict": 409,
    "configuration_too_large": 413,
    "token_taken": 409,
    "send_busy": 429,
    "too_many_commands": 429,
    "send_failed": 503,
    "too_large": 413,
    "incident_unknown": 404,
    "suggestion_unknown": 404,
    "unknown_or_closed": 409,
    "idempotency_conflict": 409,
}
# By family, the first that fits.
FAMILIES: tuple[tuple[type[MandateError], int], ...] = (
    (BadRequest, 400),
    (ConfigurationError, 422),
    (SchemaError, 422),
    (HostError, 503),
    (ProjectionError, 503),
    (TopologyError, 500),
)
# Come again: a broker or a database is back within seconds (a supervisor restarts it in 0.1-2 s).
RETRY_SECONDS = {429: 1, 503: 2}

_HTTP_CODES: Mapping[int, tuple[str, str, str]] = {
    400: ("request_malformed", "the HTTP request cannot be read", "Send a well-formed HTTP/1.1 request."),
    404: ("address_unknown", "there is no such address", "See the list of addresses in the documentation of /v1."),
    405: ("method_not_allowed", "the address does not take this method", "Use one of the methods in Allow."),
    408: ("request_too_slow", "the request did not arrive in time", "Send it again."),
    413: ("body_too_large", "the body is larger than 4 MB", "Send fewer actions at once."),
    417: ("expectation_unknown", "the header Expect asks for what is not offered", "Leave Expect out."),
}


def status_of(error: MandateError) -> int:
    """The status of an error of any floor."""
    if isinstance(error, HttpError):
        return error.status
    if error.code in STATUS:
        return STATUS[error.code]
    return next((status for family, status in FAMILIES if isinstance(error, family)), 500)


def document(error: MandateError, status: int | None = None) -> Problem:
    """The problem document of an error; `status` overrides the mapping (an item of a batch has its own)."""
    out = _problem(status or status_of(error), error.code, error.what, error.why, error.remedy)
    if error.field is not None:
        out["field"] = error.field
    return out


def _problem(status: int, code: str, title: str, detail: str, remedy: str) -> Problem:
    return {
        "type": f"urn:mandate:problem:{code}",
        "title": title,
        "status": status,
        "detail": detail,
        "code": code,
        "remedy": remedy,
    }


def response(
    problem: Problem, retry_after: int | None = None, headers: Mapping[str, str] | None = None
) -> web.Response:
    """The answer that carries a problem; 429 and 503 always say when to come again."""
    status = int(problem["status"])
    after = retry_after if retry_after is not None else RETRY_SECONDS.get(status)
    sent = dict(headers or {})
    if after is not None:
        sent["Retry-After"] = str(after)
    if status == 401:
        sent["WWW-Authenticate"] = 'Bearer realm="mandate"'
    return web.Response(
        body=json.dumps(problem, ensure_ascii=False).encode("utf-8", "replace"),
        status=status,
        content_type=CONTENT_TYPE,
        headers=sent,
    )


def of(error: Exception) -> web.Response:
    """The answer to whatever a handler raised. Unknown exceptions are logged, and shown without internals."""
    if isinstance(error, MandateError):
        found = document(error)
        if found["status"] >= 500 and not isinstance(error, HttpError):
            log.warning("a request met %s", error)
        # What a status of its own does not explain is ours; a TopologyError's text names files of this machine.
        if found["status"] == 500:
            return _internal()
        return response(found, error.retry_after if isinstance(error, HttpError) else None)
    if isinstance(error, web.HTTPException):
        return _of_http(error)
    if isinstance(error, (psycopg.OperationalError, psycopg_pool.PoolTimeout, psycopg_pool.PoolClosed)):
        # Its text may hold addresses and settings of the server: for the log only.
        log.warning("Postgres does not answer: %s: %s", type(error).__name__, error)
        why = "the database does not answer"
        return response(_problem(503, "store_unavailable", "the read models", why, "Come again in a moment."))
    log.error("a bug met a request", exc_info=error)
    return _internal()


def _internal() -> web.Response:
    why = "the gateway met a bug; its log has the details"
    return response(_problem(500, "internal", "the request", why, "Try once more; then report it with the time."))


def _of_http(error: web.HTTPException) -> web.Response:
    code, why, remedy = _HTTP_CODES.get(
        error.status, (f"http_{error.status}", error.reason or "the request was refused", "Correct the request.")
    )
    kept = {name: error.headers[name] for name in ("Allow",) if name in error.headers}
    return response(_problem(error.status, code, "the request", why, remedy), headers=kept)
