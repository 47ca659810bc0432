"""What every reading door does alike: take the query's parameters, give a read model's answer."""

from __future__ import annotations

import json
from typing import Any

from aiohttp import web

from gateway.http.errors import BadRequest
from gateway.http.fields import NAME_MAX, clean

CURSOR_MAX = 16_384


def query_of(request: web.Request, *allowed: str) -> dict[str, str]:
    """The query's parameters; one that the address does not know, or twice the same, is refused."""
    out: dict[str, str] = {}
    for name, value in request.query.items():
        if name not in allowed or name in out:
            why = "it is given twice" if name in out else "this address does not take it"
            remedy = f"Use {', '.join(allowed)}." if allowed else "Leave it out."
            raise BadRequest("parameter_unknown", f"parameter {ascii(name)[1:-1][:40]}", why, remedy, field=name[:40])
        out[name] = clean(name, value, CURSOR_MAX if name == "cursor" else NAME_MAX)
    return out


def answer(found: dict[str, Any]) -> web.Response:
    """A read model's answer as JSON."""
    # A read model changes with every record: no cache may keep an answer.
    body = json.dumps(found, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "replace")
    return web.Response(body=body, content_type="application/json", headers={"Cache-Control": "no-store"})
