"""The pages of the grouping: pick failures to split off, merge, undo, each with a page that says what will happen; and
two incidents on one timeline. Plain forms; the commands themselves are those of `incidents.answer`.
"""

from __future__ import annotations

import re

from aiohttp import web

from gateway.web.door import Backend, Json, Reader, html, signed_in
from gateway.web.environment import render
from gateway.web.secret import masked
from gateway.web.story import look

ENTRIES = 1_000
_FINGERPRINT = re.compile(r" \([0-9a-f]{32}\)")
_FAILURES = ("IncidentOpened", "SignalAttached")


async def _page(
    backend: Backend, reader: Reader, found: Json, confirm: Json | None, failures: list[Json]
) -> web.StreamResponse:
    exhausted = (await backend.summary(reader))["exhausted"]
    context: Json = {"me": reader, "here": "incidents", "exhausted": exhausted, "csrf": masked(reader.csrf)}
    return html(render("regroup.html", **context, x=found, confirm=confirm, failures=failures))


def _failure(entry: Json) -> Json:
    """A failure to tick, with why it is here; the fingerprint tells nobody anything."""
    details = entry["details"]
    why = [_FINGERPRINT.sub("", reason) for reason in details.get("reasons") or ()]
    return entry | {"what": details.get("sample") or entry["text"], "why": why}


@signed_in
async def regroup_page(request: web.Request, backend: Backend, reader: Reader) -> web.StreamResponse:
    """The failures with a box each, and the forms of merge and undo."""
    found = await backend.incident(reader, request.match_info["name"])
    entries = (await backend.timeline(reader, found["name"], ENTRIES))["items"]
    failures = {e["event_id"]: _failure(e) for e in reversed(entries) if e["kind"] in _FAILURES and e["event_id"]}
    return await _page(backend, reader, found, None, list(failures.values())[::-1])


@signed_in
async def confirm_page(request: web.Request, backend: Backend, reader: Reader) -> web.StreamResponse:
    """What will happen, and a field for the reason."""
    found = await backend.incident(reader, request.match_info["name"])
    what = request.query.get("what", "")
    if what == "split":
        return await _page(backend, reader, found, _split(found, request.query.getall("events", [])), [])
    if what == "merge":
        other = await backend.incident(reader, request.query.get("into", "").strip())
        return await _page(backend, reader, found, _merge(found, other), [])
    return await _page(backend, reader, found, _undo(found), [])


def _split(found: Json, events: list[str]) -> Json:
    stay = found["failures"] - len(events)
    ready = bool(events) and stay > 0
    lines = [f"{len(events)} of {found['failures']} failures become a new incident; {max(0, stay)} stay."]
    lines += (
        [
            "Later failures go where the two differ: by their error, else by their actors; where neither tells them"
            f" apart, to {found['name']}.",
            "Who has this one has the new one too. Nobody is paged who has been paged for it.",
            "It can be undone: undo the last one.",
        ]
        if ready
        else ["Tick at least one failure, and leave at least one."]
    )
    title, fields = f"Split {len(events)} failures off {found['name']}", {"events": " ".join(events)}
    return {"title": title, "lines": lines, "ready": ready, "verb": "split", "fields": fields, "button": "Split off"}


def _merge(found: Json, other: Json) -> Json:
    ready = found["name"] != other["name"]
    together = found["failures"] + other["failures"]
    lines = [
        f"{found['name']} becomes another name of {other['name']} ({other['title']}): every link leads there.",
        f"Together they have {together} failures; the first page, the first acknowledgement and the higher severity"
        " count.",
        "One escalation goes on. Later failures of both belong to it.",
        "It can be undone: what came since is then decided anew.",
    ]
    return {
        "title": f"Merge {found['name']} into {other['name']}",
        "lines": lines if ready else [f"{found['name']} is one incident already. Name another one."],
        "ready": ready,
        "verb": "merge",
        "fields": {"into": other["name"]},
        "button": "Merge",
    }


def _undo(found: Json) -> Json:
    lines = [
        f"The last split or merge of {found['name']} is taken back; without anything since, it is as it was before.",
        "Failures that came since are decided anew, one after the other; what people did since stays.",
    ]
    title = f"Undo the last split or merge of {found['name']}"
    return {"title": title, "lines": lines, "ready": True, "verb": "undo", "fields": {}, "button": "Undo"}


@signed_in
async def together_page(request: web.Request, backend: Backend, reader: Reader) -> web.StreamResponse:
    """Two incidents on one timeline."""
    found = await backend.incident(reader, request.match_info["name"])
    other = await backend.incident(reader, request.match_info["other"])
    told = (await backend.timeline(reader, found["name"], ENTRIES, other["name"]))["items"]
    entries = [e | dict(zip(("hue", "icon"), look(e["kind"]), strict=True)) for e in told]
    exhausted = (await backend.summary(reader))["exhausted"]
    context: Json = {"me": reader, "here": "incidents", "exhausted": exhausted}
    return html(render("together.html", **context, x=found, other=other, entries=entries))
