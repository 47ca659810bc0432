"""What every reading door does alike: take the query's parameters, give a read model's answer."""

from __future__ import annotations

import json
from collections.abc import Mapping
from hashlib import sha256
from typing import Any

from aiohttp import web

from gateway.http import times
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


def time_of(query: Mapping[str, str], name: str) -> int | None:
    """A parameter that is a time, in ms; None without it. Raises BadRequest `parameter_malformed`."""
    given = query.get(name)
    if given is None:
        return None
    # The offset's `+`, which a query that was not percent-encoded turns into a space.
    found = times.parse(f"{given[:-6]}+{given[-5:]}" if given[-6:-5] == " " else given)
    if found is None:
        why, remedy = "it is no time", "Use RFC 3339: 2026-11-22T04:00:00Z."
        raise BadRequest("parameter_malformed", f"parameter {name}", why, remedy, field=name)
    return found


def answer(found: dict[str, Any]) -> web.Response:
    """A read model's answer as JSON, with an ETag of what it says.

    Weak, because `as_of` is no part of it: that moves with every record of anybody, and who asks again and again
    would never be told that nothing is new. No cache may keep an answer; a client that has one may ask by it.
    """
    body = _json(found)
    said = _json({name: value for name, value in found.items() if name != "as_of"}) if "as_of" in found else body
    headers = {"Cache-Control": "no-store", "ETag": f'W/"{sha256(said).hexdigest()[:32]}"'}
    return web.Response(body=body, content_type="application/json", headers=headers)


def _json(found: Mapping[str, Any]) -> bytes:
    return json.dumps(found, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "replace")
