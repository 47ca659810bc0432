"""A request's body: bounded in bytes and in time, and never a surprise.

What cannot be read is a 4xx that says why: wrong type, not UTF-8, not JSON, nested too deeply, numbers that are none.
"""

from __future__ import annotations

import asyncio
import zlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any
from urllib.parse import parse_qsl

from aiohttp import web

from gateway.http import json_text
from gateway.http.budget import BODY_MAX, BODY_SECONDS
from gateway.http.errors import BadRequest, TooSlow, UnsupportedMediaType
from gateway.http.keys import SERVICES

JSON = "application/json"
FORM = "application/x-www-form-urlencoded"
UPLOAD = "multipart/form-data"
# Our largest form has four.
FORM_FIELDS_MAX = 32
_CHARSETS = ("utf-8", "utf8", "us-ascii", "ascii")
IDENTITY = "identity"
_ENCODINGS = ("gzip", "deflate", IDENTITY)


class RawBody:
    """`async with RawBody(request) as raw`: the body's bytes, uncompressed, and its share of memory until the end.

    Raises UnsupportedMediaType `content_encoding_unsupported`, TooSlow, BadRequest `body_unreadable`, Busy, and
    aiohttp's 413 for more than BODY_MAX bytes.
    """

    __slots__ = ("_budget", "_request", "_size")

    def __init__(self, request: web.Request) -> None:
        self._request = request
        self._budget = request.app[SERVICES].budget
        self._size = 0

    async def __aenter__(self) -> bytes:
        request = self._request
        encoding = request.headers.get("Content-Encoding", IDENTITY).strip().lower()
        if encoding not in _ENCODINGS:
            raise UnsupportedMediaType(
                "content_encoding_unsupported",
                "the header Content-Encoding",
                "the body is compressed in a way that is not read here",
                f"Send it plain, or as {' or '.join(_ENCODINGS[:2])}.",
            )
        size = _size(request)
        self._budget.take(size)
        self._size = size
        try:
            raw = await _read(request)
            return raw if encoding == IDENTITY else _inflated(raw, encoding)
        except BaseException:
            await self.__aexit__()
            raise

    async def __aexit__(self, *_: object) -> None:
        self._budget.give(self._size)
        self._size = 0


async def _read(request: web.Request) -> bytes:
    try:
        # A body that came with its head is there already: no clock is needed.
        if request.content.is_eof():
            return await request.read()
        async with asyncio.timeout(BODY_SECONDS):
            return await request.read()
    except TimeoutError as error:
        why = f"it did not arrive within {BODY_SECONDS:.0f} s"
        raise TooSlow("request_too_slow", "the body", why, "Send smaller batches.") from error
    except web.RequestPayloadError as error:
        raise _unreadable("it ended early") from error


@asynccontextmanager
async def json_body(request: web.Request, *, empty: Any = ...) -> AsyncIterator[Any]:
    """The body's JSON value. `empty` stands for no body at all.

    Raises what `RawBody` and `check_json` raise, and Invalid for a value that json_text.check refuses.
    """
    async with RawBody(request) as raw:
        if not raw and empty is not ...:
            yield empty
            return
        check_json(request, (JSON,))
        plain = json_text.parse(raw)
        json_text.check(plain)
        yield plain


async def form(request: web.Request) -> dict[str, str]:
    """The fields of a page's form, the first of each name. It asks the budget for nothing: forms are small.

    Raises UnsupportedMediaType, BadRequest `form_unreadable`, and aiohttp's 413.
    """
    if request.content_type != FORM:
        why = "the body is not declared as a form's"
        raise UnsupportedMediaType("media_type_unsupported", "the header Content-Type", why, f"Send {FORM}.")
    raw = await request.read()
    try:
        # Whatever charset is declared: browsers send forms of our pages in UTF-8.
        pairs = parse_qsl(raw.decode(), keep_blank_values=True, errors="strict", max_num_fields=FORM_FIELDS_MAX)
    except ValueError as error:
        why = f"it is not UTF-8, or has more than {FORM_FIELDS_MAX} fields"
        raise BadRequest(
            "form_unreadable", "the form", why, "Open the page again and press the button there."
        ) from error
    return dict(reversed(pairs))


async def uploaded(request: web.Request) -> tuple[dict[str, str], list[tuple[str, bytes]]]:
    """The fields of a page's form with files, and its files as (name, bytes); an empty choice is no file.

    Raises UnsupportedMediaType, BadRequest `form_unreadable`, TooSlow, Busy, and aiohttp's 413.
    """
    if request.content_type != UPLOAD:
        why = "the body is not declared as a form's with files"
        raise UnsupportedMediaType("media_type_unsupported", "the header Content-Type", why, f"Send {UPLOAD}.")
    fields: dict[str, str] = {}
    files: list[tuple[str, bytes]] = []
    with request.app[SERVICES].budget.taking(_size(request)):
        try:
            async with asyncio.timeout(BODY_SECONDS):
                found = await request.post()
        except TimeoutError as error:
            why = f"it did not arrive within {BODY_SECONDS:.0f} s"
            raise TooSlow("request_too_slow", "the form", why, "Send smaller files.") from error
        except (ValueError, LookupError, RuntimeError, AssertionError, web.RequestPayloadError) as error:
            why, remedy = "it is no well-formed form with files", "Open the page again and choose the files there."
            raise BadRequest("form_unreadable", "the form", why, remedy) from error
        for name, value in found.items():
            if isinstance(value, web.FileField):
                files += [(value.filename, value.file.read())] if value.filename else []
            elif isinstance(value, str):
                fields.setdefault(name, value)
    return fields, files


def check_json(request: web.Request, types: tuple[str, ...]) -> None:
    """Whether the body says that it is one of these types of JSON, in UTF-8. Raises UnsupportedMediaType."""
    if request.content_type not in types:
        raise UnsupportedMediaType(
            "media_type_unsupported",
            "the header Content-Type",
            "the body is not declared as JSON",
            f"Send {' or '.join(types)}.",
        )
    charset = (request.charset or "utf-8").lower()
    if charset not in _CHARSETS:
        raise UnsupportedMediaType(
            "charset_unsupported",
            "the header Content-Type",
            "JSON is read in UTF-8 only",
            "Send UTF-8, without a charset.",
        )


def _inflated(raw: bytes, encoding: str) -> bytes:
    """The uncompressed body; no more of it than is taken is ever made. Raises BadRequest, aiohttp's 413."""
    # Deflate in HTTP is zlib's format; 31 is gzip's. Neither may hold anything behind its end.
    stream = zlib.decompressobj(31 if encoding == "gzip" else 15)
    try:
        found = stream.decompress(raw, BODY_MAX + 1)
    except zlib.error as error:
        raise _unreadable(f"it is not compressed as it says ({encoding})") from error
    if len(found) > BODY_MAX:
        raise web.HTTPRequestEntityTooLarge(max_size=BODY_MAX, actual_size=len(found))
    if not stream.eof or stream.unused_data:
        raise _unreadable("it ended early, or goes on behind its end")
    return found


def _unreadable(why: str) -> BadRequest:
    return BadRequest("body_unreadable", "the body", why, "Send it again, whole.")


def _size(request: web.Request) -> int:
    if request.content_length is None:
        return BODY_MAX if request.can_read_body else 0
    if request.content_length > BODY_MAX:
        raise web.HTTPRequestEntityTooLarge(max_size=BODY_MAX, actual_size=request.content_length)
    # A compressed body may grow to the limit.
    return BODY_MAX if "Content-Encoding" in request.headers else request.content_length
