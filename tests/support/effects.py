"""Requests for pages, and a receiver of webhooks, for the tests of the effects service."""

from __future__ import annotations

from typing import Any

from schemas import ids
from schemas.messages.notifications import Channel, NoticeRequested, PageRequested


def notice_requested(**changes: Any) -> NoticeRequested:
    """A request for a notice with everything filled in; `changes` are fields of NoticeRequested."""
    fields: dict[str, Any] = {
        "tenant": "shop",
        "notification_id": ids.derive("test", "notice"),
        "attempt": 1,
        "incident_id": ids.derive("test", "incident"),
        "number": 7,
        "severity": "SEV2",
        "text": "⚠ 103 errors in service/payments (last 1 min)",
        "resource": "service/payments",
        "since": 1_700_000_000_000,
        "errors": 103,
        "window_s": 59,
        "failures": 103,
        "affected_count": 3,
        "person": "alice",
        "channel": Channel("console", "terminal"),
        "link": "/incidents/INC-7",
        "mute": "/v1/incidents/INC-7/mute",
        "at": 1_700_000_060_000,
    }
    return NoticeRequested(**(fields | changes))


def page_requested(**changes: Any) -> PageRequested:
    """A request for a page with everything filled in; `changes` are fields of PageRequested."""
    fields: dict[str, Any] = {
        "tenant": "shop",
        "notification_id": ids.derive("test", "notification"),
        "attempt": 1,
        "incident_id": ids.derive("test", "incident"),
        "number": 7,
        "why": "opened",
        "severity": "SEV2",
        "title": "CardDeclined in payments",
        "resource": "service/payments",
        "since": 1_700_000_000_000,
        "failures": 12,
        "affected_count": 3,
        "person": "alice",
        "channel": Channel("console", "terminal"),
        "also_paged": ("bob",),
        "step": 1,
        "steps": 3,
        "round": 1,
        "rounds": 3,
        "link": "/incidents/INC-7",
        "at": 1_700_000_001_000,
    }
    return PageRequested(**(fields | changes))
