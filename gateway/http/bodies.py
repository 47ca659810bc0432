"""A request's body as JSON: bounded in bytes and in time, and never a surprise.

What cannot be read is a 4xx that says why: wrong type, not UTF-8, not JSON, nested too deeply, numbers that are none.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, NoReturn

from aiohttp import web

from gateway.http.budget import BODY_MAX, BODY_SECONDS
from gateway.http.errors import BadRequest, TooSlow, UnsupportedMediaType
from gateway.http.keys import SERVICES

_TYPES = ("application/json", "application/cloudevents+json")


@asynccontextmanager
async def json_body(request: web.Request, *, empty: Any = ...) -> AsyncIterator[Any]:
    """The body's JSON value, and its share of memory until the block ends. `empty` stands for no body at all.

    Raises UnsupportedMediaType, TooSlow, BadRequest, Busy, and aiohttp's 413 for more than BODY_MAX bytes.
    """
    with request.app[SERVICES].budget.taking(_size(request)):
        try:
            async with asyncio.timeout(BODY_SECONDS):
                raw = await request.read()
        except TimeoutError as error:
            why = f"it did not arrive within {BODY_SECONDS:.0f} s"
            raise TooSlow("request_too_slow", "the body", why, "Send smaller batches.") from error
        if not raw and empty is not ...:
            yield empty
            return
        if request.content_type not in _TYPES:
            raise UnsupportedMediaType(
                "media_type_unsupported",
                "the header Content-Type",
                "the body is not declared as JSON",
                "Send application/json.",
            )
        yield parse(raw)


def _size(request: web.Request) -> int:
    if request.content_length is None:
        return BODY_MAX if request.can_read_body else 0
    if request.content_length > BODY_MAX:
        raise web.HTTPRequestEntityTooLarge(max_size=BODY_MAX, actual_size=request.content_length)
    # A compressed body may grow to the limit.
    return BODY_MAX if "Content-Encoding" in request.headers else request.content_length


def parse(raw: bytes) -> Any:
    """JSON in UTF-8. Raises BadRequest `body_not_json`, `too_deep`."""
    try:
        return json.loads(raw.decode(), parse_constant=_no_number)
    except RecursionError as error:
        raise BadRequest("too_deep", "the body", "it is nested too deeply", "Send flatter values.") from error
    except UnicodeDecodeError as error:
        raise BadRequest("body_not_json", "the body", "it is not UTF-8", "Send JSON in UTF-8.") from error
    except ValueError as error:
        raise BadRequest("body_not_json", "the body", f"{error}"[:200], "Send one JSON value.") from error


def _no_number(name: str) -> NoReturn:
    raise ValueError(f"{name} is no JSON number")
