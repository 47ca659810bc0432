"""POST /v1/tenants/{tenant}/catalog/import: files become the catalog, by the code that `mandate catalog import` uses.

A file that cannot be read refuses all of them, and the catalog in force stays. Called by routes.py and, for the upload
form of the page, by pages_backend.py.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any

from aiohttp import web

from gateway.catalog.importing import FILES_MAX, Given, Options, import_files
from gateway.http.auth import principal_of
from gateway.http.bodies import json_body
from gateway.http.budget import BODY_MAX
from gateway.http.errors import Invalid
from gateway.http.fields import Fields, invalid
from gateway.http.keys import SERVICES
from gateway.http.services import Services

_REMEDY = "Send a list of objects with `name` and `content`."


async def post_import(request: web.Request) -> web.Response:
    """Make files the catalog of a tenant, or with `dry_run` only say what they would be."""
    by, tenant = principal_of(request).subject, request.match_info["tenant"]
    async with json_body(request) as plain:
        body = Fields(plain)
        files = _files(body.take("files"))
        options = Options(body.text("repository") or "", _folders(body.take("folders")))
        expected, dry_run = body.integer("expected", 0), body.boolean("dry_run")
        body.done()
        found = await take(request.app[SERVICES], tenant, by, files, options, expected, dry_run)
    return web.json_response(body.warnings.beside(found))


async def take(
    services: Services,
    tenant: str,
    by: str,
    files: Sequence[Given],
    options: Options,
    expected: int | None,
    dry_run: bool,
) -> dict[str, Any]:
    """What the files tell (Imported.report), and `version`, `changed`, `diff`, `dry_run`. Raises ConfigurationError."""
    # A large catalog takes seconds of a core to read.
    imported = await asyncio.to_thread(import_files, files, options)
    wanted: dict[str, Any] = {"documents": {"catalog": dict(imported.document)}, "dry_run": dry_run}
    if expected is not None:
        wanted["expected"] = {"catalog": expected}
    answer = await services.configurations.put(tenant, wanted, by)
    change = next((c for c in answer["changed"] if c["document"] == "catalog"), None)
    told = {"tenant": tenant, "version": answer["versions"].get("catalog", 0), "changed": change is not None}
    return imported.report() | told | {"diff": [] if change is None else change["diff"], "dry_run": dry_run}


def _files(value: Any) -> list[Given]:
    if not isinstance(value, list) or not value:
        raise invalid("field_required", "files", "it is no list of files, or empty", _REMEDY)
    if len(value) > FILES_MAX:
        raise Invalid("too_many_files", "files", f"it has {len(value)}, more than {FILES_MAX}", "Send fewer.")
    out = []
    for n, each in enumerate(value):
        one = Fields(each, f"files[{n}]")
        out.append(Given(one.required("name"), one.required("content", BODY_MAX).encode()))
    return out


def _folders(value: Any) -> Mapping[str, str]:
    if value is None:
        return {}
    if not isinstance(value, dict) or not all(isinstance(service, str) and service for service in value.values()):
        why = "it is no object of folders and their services"
        raise invalid("field_malformed", "folders", why, 'Send {"FOLDER": "SERVICE"}.')
    return value
