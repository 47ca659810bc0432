"""What every reading door does alike: take the query's parameters, give a read model's answer."""

from __future__ import annotations

import json
from typing import Any

from aiohttp import web

from gateway.http.errors import BadRequest
from gateway.http.fields import NAME_MAX, clean
from projections.paging import check_limit

CURSOR_MAX = 16_384
LIMIT = 50


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


def limit_of(query: dict[str, str]) -> int:
    """How many items are asked for. Raises BadRequest `bad_limit`."""
    given = query.get("limit", str(LIMIT))
    # isdecimal alone takes digits of every script; six are more than any limit has.
    if not (given.isascii() and given.isdecimal() and len(given) <= 6):
        raise BadRequest("bad_limit", "parameter limit", "it is no whole number", "Use 1 to 1000.", field="limit")
    return check_limit(int(given))


def answer(found: dict[str, Any]) -> web.Response:
    """A read model's answer as JSON."""
    # A read model changes with every record: no cache may keep an answer.
    body = json.dumps(found, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "replace")
    return web.Response(body=body, content_type="application/json", headers={"Cache-Control": "no-store"})
