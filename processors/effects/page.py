"""What a page or a notice says: the body of a webhook and the line of the console. The same request, the same bytes."""

from __future__ import annotations

import json
from typing import Any

from schemas import ids
from schemas.envelope import rfc3339
from schemas.messages.notifications import NoticeRequested, Request

# Standard Webhooks advises bodies under 20 KB: two texts of at most 4 × 2,000 bytes leave room for the rest.
TEXT_LIMIT = 2_000
ALSO_PAGED_LIMIT = 20
MUTE_MINUTES = 10


def document(request: Request, link_base: str) -> dict[str, Any]:
    """The page or notice as a JSON object: {"type", "timestamp", "data"} (HTTP contract, "The webhook …")."""
    if isinstance(request, NoticeRequested):
        return _notice(request, link_base)
    return {
        "type": "page.requested",
        "timestamp": rfc3339(request.at),
        "data": {
            "notification_id": ids.text(request.notification_id),
            "tenant": request.tenant,
            "incident": name(request),
            "incident_id": ids.text(request.incident_id),
            "severity": request.severity,
            "what": cut(request.title),
            "resource": cut(request.resource),
            "since": rfc3339(request.since),
            "impact": {"failures": request.failures, "affected": request.affected_count},
            "person": request.person,
            "also_paged": list(request.also_paged[:ALSO_PAGED_LIMIT]),
            "step": request.step,
            "steps": request.steps,
            "round": request.round,
            "rounds": request.rounds,
            "why": request.why,
            "link": link(request, link_base),
        },
    }


def _notice(request: NoticeRequested, link_base: str) -> dict[str, Any]:
    """The notice as a JSON object, with what one may do about it; `mute` needs the token of a person."""
    mute = {"minutes": MUTE_MINUTES}
    return {
        "type": "errors.aggregated",
        "timestamp": rfc3339(request.at),
        "data": {
            "notification_id": ids.text(request.notification_id),
            "tenant": request.tenant,
            "incident": name(request),
            "incident_id": ids.text(request.incident_id),
            "severity": request.severity,
            "what": cut(request.text),
            "resource": cut(request.resource),
            "since": rfc3339(request.since),
            "errors": request.errors,
            "window_s": request.window_s,
            "impact": {"failures": request.failures, "affected": request.affected_count},
            "person": request.person,
            "link": link(request, link_base),
            "actions": [
                {"title": "View all", "method": "GET", "url": link(request, link_base)},
                {
                    "title": f"Mute for {MUTE_MINUTES}min",
                    "method": "POST",
                    "url": link_base + request.mute,
                    "body": mute,
                },
            ],
        },
    }


def body(request: Request, link_base: str) -> bytes:
    """The page or notice as compact UTF-8 JSON."""
    return json.dumps(document(request, link_base), ensure_ascii=False, separators=(",", ":")).encode()


def line(request: Request, link_base: str) -> str:
    """The page or notice in one line for a terminal, without control characters."""
    if isinstance(request, NoticeRequested):
        text = f"NOTICE {request.person}: {name(request)} {request.severity} {request.text}, {link(request, link_base)}"
        return "".join(c if c.isprintable() else " " for c in cut(text))
    text = (
        f"PAGE {request.person}: {name(request)} {request.severity} {request.title} on {request.resource}, "
        f"{request.failures} failures, {request.affected_count} affected, "
        f"step {request.step} of {request.steps}, round {request.round} of {request.rounds}, "
        f"{link(request, link_base)}"
    )
    return "".join(c if c.isprintable() else " " for c in cut(text))


def name(request: Request) -> str:
    """What people call it: `INC-1`, or `REVIEW` where there is no incident, but something to look at (a flood)."""
    return f"INC-{request.number}" if request.number else "REVIEW"


def link(request: Request, link_base: str) -> str:
    """Where the incident is seen. The processor gives a path; only this service knows where the pages are."""
    return link_base + request.link if request.link.startswith("/") else request.link


def cut(text: str) -> str:
    """At most TEXT_LIMIT characters, with an ellipsis where something was left out."""
    return text if len(text) <= TEXT_LIMIT else text[: TEXT_LIMIT - 1] + "…"
