"""What a change changed, as people read it: a panel on the incident, and a page of its own with every line.

`difference` is that of GET /v1/changes/{id}; see projections.incidents.difference.
"""

from __future__ import annotations

from aiohttp import web

from gateway.web.door import Backend, Json, Reader, html, now, signed_in
from gateway.web.environment import render

SHOWN = 3  # changes on an incident's page: its likely cause, then the nearest before the start
ROWS = 12  # lines of one change there; its own page has them all


def compared(difference: Json | None) -> list[Json]:
    """The lines that differ, `{key, before, after}` with the whole path as key; empty where nothing was compared."""
    out = []
    path: list[str] = []
    for line in (difference or {}).get("lines", ()):
        del path[line["depth"] :]
        if line["key"] is not None:
            path.append(line["key"])
        if line["op"] != "same":
            key = ".".join(path)
            out.append({"key": key, "before": line["before"], "after": line["after"]})
    return out


def panel(entries: list[Json], x: Json) -> list[Json]:
    """The changes to show on an incident: its likely cause first, then those before its opening, the nearest first.

    `entries` are its timeline's. Only changes of which both texts were told can be compared.
    """
    candidate = (x.get("cause") or {}).get("candidate") or {}
    found = [e for e in entries if e["kind"] == "ChangeRecorded" and compared(e["details"].get("difference"))]
    likely = [e for e in found if e["id"] == candidate.get("change_id")]
    others = [e for e in found[::-1] if e["at"] <= x["opened_at"] and e not in likely]
    return [_shown(e) for e in (likely + others)[:SHOWN]]


def _shown(entry: Json) -> Json:
    details = entry["details"]
    lines = compared(details["difference"])
    return {
        "id": entry["id"],
        "resource": details["resource"],
        "kind": details["kind"],
        "actor": entry["actor"],
        "at": entry["at"],
        "rows": lines[:ROWS],
        "more": len(lines) - len(lines[:ROWS]),
        "keyed": any(line["key"] for line in lines),
    }


@signed_in
async def change_page(request: web.Request, backend: Backend, reader: Reader) -> web.StreamResponse:
    """One change with every line of its difference, and where it stands in time."""
    found = await backend.change(reader, request.match_info["change"])
    exhausted = (await backend.summary(reader))["exhausted"]
    return html(render("change.html", me=reader, here="incidents", exhausted=exhausted, x=found, now=now()))
