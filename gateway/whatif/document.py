"""The answer as JSON: the shape of issue 5, which programs may rely on. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from gateway.whatif.compare import Difference, Fidelity, MovedPage, Pair, intervention
from gateway.whatif.outside import Unmatched
from gateway.whatif.seen import Case, Page
from schemas.envelope import rfc3339
from schemas.ids import Id

Json = dict[str, Any]


def document(fidelity: Fidelity, found: Difference, unmatched: list[Unmatched]) -> Json:
    """The whole answer. Times are RFC 3339, durations seconds, shares 0-1; `by_seconds` is against the baseline."""
    return {
        "baseline": {"fidelity": {"incidents": fidelity.incidents, "pages": fidelity.pages, "cases": fidelity.cases}},
        "incidents": {
            "gained": [_incident(p) for p in found.gained],
            "lost": [_incident(p) for p in found.lost],
            "regrouped": [_incident(p) for p in found.regrouped],
        },
        "pages": {
            "added": [_page(p, found.named_after) for p in found.pages_added],
            "removed": [_page(p, found.named) for p in found.pages_removed],
            "moved": [_moved(m, found) for m in found.pages_moved],
        },
        "intervention": {
            "before": {p.label: intervention(p.before) for p in found.pairs if p.before is not None},
            "after": {p.label: intervention(p.after) for p in found.pairs if p.after is not None},
        },
        "cases": {
            "gained": [_case(c) for c in found.cases_gained],
            "lost": [_case(c) for c in found.cases_lost],
        },
        "unmatched": [
            {
                "command": u.command,
                "by": u.by,
                "incident": found.named.get(u.incident_id, ""),
                "at": rfc3339(u.at),
            }
            for u in unmatched
        ],
    }


def seconds(ms: int) -> int | float:
    """Milliseconds as seconds, whole where they are."""
    return ms // 1000 if ms % 1000 == 0 else ms / 1000


def _incident(pair: Pair) -> Json:
    shown = pair.before or pair.after
    assert shown is not None  # a pair has a side
    return {
        "incident": pair.label,
        "title": shown.title,
        "resource": shown.resource,
        "severity": shown.severity,
        "opened_at": rfc3339(shown.opened_at),
        "events_before": 0 if pair.before is None else len(pair.before.events),
        "events_after": 0 if pair.after is None else len(pair.after.events),
    }


def _page(page: Page, named: Mapping[Id, str]) -> Json:
    return {
        "incident": named.get(page.incident_id, ""),
        "to": page.person,
        "channel": page.channel,
        "at": rfc3339(page.at),
        "step": page.step,
    }


def _moved(moved: MovedPage, found: Difference) -> Json:
    return {
        "incident": found.named_after.get(moved.after.incident_id, ""),
        "to": moved.after.person,
        "channel": moved.after.channel,
        "by_seconds": seconds(moved.by_ms),
    }


def _case(case: Case) -> Json:
    return {"case": f"CASE-{case.number}", "world": case.world, "resource": case.resource, "why": case.why}
