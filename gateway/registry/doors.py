"""The addresses of the registry over HTTP; the whole table is ROUTES.

Read only and open: no token is asked for, and what a client sends as credentials (they often must send some) is not
looked at. Unknown query parameters are ignored, as registries do.
"""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Awaitable, Callable
from functools import partial
from hashlib import sha256
from typing import Any

from aiohttp import web
from aiohttp.http_exceptions import ContentEncodingError

from gateway.http import json_text, problems
from gateway.http.budget import BODY_SECONDS, Budget
from gateway.registry import answers
from gateway.registry.answers import RegistryError
from gateway.registry.subjects import PREFIX, Subjects
from schemas.errors import MandateError
from schemas.topology import Topology

log = logging.getLogger("gateway.registry")

CONTENT_TYPE = "application/vnd.schemaregistry.v1+json"
SUBJECTS: web.AppKey[Subjects] = web.AppKey("registry-subjects", Subjects)
# Our largest schema has 5 KB; parsing 64 KB of a stranger's takes the event loop a few ms.
BODY_MAX = 65_536
# Bodies in hand at once: 64. Its own, because anybody may come here, and must not take what agents need.
BUDGET: web.AppKey[Budget] = web.AppKey("registry-budget", Budget)
BODIES = 64
# What an id means never changes.
FOR_EVER = "public, max-age=31536000, immutable"

Words = dict[str, str]
Answer = Callable[[Subjects, Words, Any], Any]
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


def _types(subjects: Subjects, words: Words, body: Any) -> Any:
    return [answers.AVRO]


def _schema(subjects: Subjects, words: Words, body: Any) -> Any:
    return {"schema": subjects.text(answers.schema(subjects, words["id"]).id)}


def _raw_schema(subjects: Subjects, words: Words, body: Any) -> Any:
    return answers.schema(subjects, words["id"]).text


def _versions_of_schema(subjects: Subjects, words: Words, body: Any) -> Any:
    number = answers.schema(subjects, words["id"]).id
    return [{"subject": subject, "version": version} for subject, version in subjects.places(number)]


def _subjects_of_schema(subjects: Subjects, words: Words, body: Any) -> Any:
    return [subject for subject, _ in subjects.places(answers.schema(subjects, words["id"]).id)]


def _subjects(subjects: Subjects, words: Words, body: Any) -> Any:
    return [name for name in subjects.names if name.startswith(words.get("subjectPrefix", ""))]


def _versions(subjects: Subjects, words: Words, body: Any) -> Any:
    return list(range(1, len(answers.versions(subjects, words["subject"])) + 1))


def _version(subjects: Subjects, words: Words, body: Any) -> Any:
    found = answers.version(subjects, words["subject"], words["version"])
    return answers.entry(subjects, words["subject"], *found)


def _raw_version(subjects: Subjects, words: Words, body: Any) -> Any:
    return answers.version(subjects, words["subject"], words["version"])[1].text


def _referenced_by(subjects: Subjects, words: Words, body: Any) -> Any:
    answers.version(subjects, words["subject"], words["version"])
    return []


def _look_up(subjects: Subjects, words: Words, body: Any) -> Any:
    return answers.look_up(subjects, words["subject"], body)


def _register(subjects: Subjects, words: Words, body: Any) -> Any:
    return answers.register(subjects, words["subject"], body)


def _compatibility(subjects: Subjects, words: Words, body: Any) -> Any:
    return answers.compatibility(subjects, words["subject"], words.get("version"), body)


def _config(subjects: Subjects, words: Words, body: Any) -> Any:
    if "subject" in words:
        answers.versions(subjects, words["subject"])
    return {"compatibilityLevel": answers.LEVEL}


def _mode(subjects: Subjects, words: Words, body: Any) -> Any:
    return {"mode": "READONLY"}


def _refused(subjects: Subjects, words: Words, body: Any) -> Any:
    raise answers.read_only(words.get("subject", "of every name"))


def _empty(subjects: Subjects, words: Words, body: Any) -> Any:
    return {}


def _contexts(subjects: Subjects, words: Words, body: Any) -> Any:
    return ["."]


def _nothing(subjects: Subjects, words: Words, body: Any) -> Any:
    remedy = f"GET {PREFIX}/subjects is one; the registry here is a read-only part of the usual API."
    raise RegistryError(404, "address_unknown", "HTTP 404 Not Found", "there is no such address", remedy)


_ID = "/schemas/ids/{id}"
_SUBJECT = "/subjects/{subject}"
_ONE = _SUBJECT + "/versions/{version}"
# Method, address below PREFIX, answer. What is not here is the registry's own 404, `_nothing`.
ROUTES: tuple[tuple[str, str, Answer], ...] = (
    ("GET", "", _empty),
    ("GET", "/", _empty),
    ("GET", "/schemas/types", _types),
    ("GET", _ID, _schema),
    ("GET", f"{_ID}/schema", _raw_schema),
    ("GET", f"{_ID}/versions", _versions_of_schema),
    ("GET", f"{_ID}/subjects", _subjects_of_schema),
    ("GET", "/subjects", _subjects),
    ("GET", f"{_SUBJECT}/versions", _versions),
    ("GET", _ONE, _version),
    ("GET", f"{_ONE}/schema", _raw_version),
    ("GET", f"{_ONE}/referencedby", _referenced_by),
    ("POST", _SUBJECT, _look_up),
    ("POST", f"{_SUBJECT}/versions", _register),
    ("DELETE", _SUBJECT, _refused),
    ("DELETE", _ONE, _refused),
    ("POST", "/compatibility/subjects/{subject}/versions", _compatibility),
    ("POST", "/compatibility/subjects/{subject}/versions/{version}", _compatibility),
    ("GET", "/config", _config),
    ("GET", "/config/{subject}", _config),
    ("PUT", "/config", _refused),
    ("PUT", "/config/{subject}", _refused),
    ("GET", "/mode", _mode),
    ("GET", "/mode/{subject}", _mode),
    ("PUT", "/mode", _refused),
    ("PUT", "/mode/{subject}", _refused),
    ("GET", "/contexts", _contexts),
    ("*", "/{rest:.*}", _nothing),
)
_WITH_BODY = (_look_up, _register, _compatibility)
_IMMUTABLE = (_schema, _raw_schema)


def routes(app: web.Application, map_: Topology) -> None:
    """Mount the table below PREFIX."""
    app[SUBJECTS] = Subjects(map_)
    app[BUDGET] = Budget(BODIES * BODY_MAX)
    for method, path, answer in ROUTES:
        app.router.add_route(method, PREFIX + path, partial(_handle, answer))


async def _handle(answer: Answer, request: web.Request) -> web.StreamResponse:
    try:
        words = dict(request.query) | dict(request.match_info)
        body = await _body(request) if answer in _WITH_BODY else None
        found = answer(request.app[SUBJECTS], words, body)
    except RegistryError as error:
        return _error(error.status, error.number, error)
    except MandateError as error:
        status = problems.status_of(error)
        return _error(status, status, error)
    return _said(request, found, FOR_EVER if answer in _IMMUTABLE else "no-cache")


async def _body(request: web.Request) -> Any:
    """The body as JSON, whatever its media type says. Raises RegistryError, BadRequest, Busy."""
    with request.app[BUDGET].taking(BODY_MAX):
        raw = b""
        try:
            async with asyncio.timeout(BODY_SECONDS):
                async for chunk in request.content.iter_chunked(BODY_MAX):
                    raw += chunk
                    if len(raw) > BODY_MAX:
                        why, remedy = f"it is larger than {BODY_MAX} bytes", "Send one schema."
                        raise RegistryError(413, "body_too_large", "the body", why, remedy)
        except TimeoutError as error:
            why = f"it did not arrive within {BODY_SECONDS:.0f} s"
            raise RegistryError(408, "request_too_slow", "the body", why, "Send it again.") from error
        except (web.RequestPayloadError, ContentEncodingError) as error:
            why = "it ended early, or is not compressed as it says"
            raise RegistryError(400, "body_unreadable", "the body", why, "Send it again, whole.") from error
        return json_text.parse(raw)


def _said(request: web.Request, found: Any, cache: str) -> web.StreamResponse:
    raw = json.dumps(found, separators=(",", ":"), ensure_ascii=False).encode()
    etag = f'"{sha256(raw).hexdigest()[:32]}"'
    headers = {"Cache-Control": cache, "ETag": etag}
    if request.method == "GET" and request.headers.get("If-None-Match") == etag:
        return web.Response(status=304, headers=headers)
    return web.Response(body=raw, content_type=CONTENT_TYPE, headers=headers)


def _error(status: int, number: int, error: MandateError) -> web.StreamResponse:
    raw = json.dumps({"error_code": number, "message": f"{error.what}: {error.why}. {error.remedy}"})
    headers = {"Cache-Control": "no-store"}
    if status in problems.RETRY_SECONDS:
        headers["Retry-After"] = str(problems.RETRY_SECONDS[status])
    return web.Response(body=raw.encode(), status=status, content_type=CONTENT_TYPE, headers=headers)
