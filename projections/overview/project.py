"""Pure: incidents.events to briefs, each a fold of its incident's events. A brief is a plain JSON object:

{number, state, severity, title, resource, historical, opened_at, first_failure_at, changed_at, failures, affected,
 assignee, acknowledged_at, paged_at, cause}                    times in ms; cause {summary, confidence} or null
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

from projections.incidents.corrected import CORRECTIONS
from projections.plain import Json
from projections.reading import Said
from projections.redis_keys import tenant_key
from projections.redis_script import Operations
from schemas import incident_rules
from schemas.messages import incidents as said

NAME = "overview"
VERSION = 1

# Nobody reads more in short; 600 bytes each, 1.2 MB a tenant at most.
INCIDENTS_MAX = 2_000
OVER = frozenset(incident_rules.OVER)

Briefs = dict[bytes, Json]


def data_key(tenant: str) -> str:
    """Where a tenant's briefs are."""
    return tenant_key(tenant, NAME, VERSION, "incidents")


def tenant_of(each: Said) -> str | None:
    """Whose incident a record speaks of, or None when it speaks of none."""
    return each.message.tenant if hasattr(each.message, "incident_id") else None


def project(batch: Iterable[Said], present: dict[str, Briefs]) -> Operations:
    """Fold a batch over the briefs of its tenants (all of each); changes `present`, gives what is to be written."""
    touched: dict[tuple[str, bytes], None] = {}
    for each in batch:
        tenant = tenant_of(each)
        if tenant is None:
            continue
        briefs, event = present[tenant], each.message
        changed = {event.incident_id: evolve(briefs.get(event.incident_id), event)}
        if isinstance(event, CORRECTIONS):
            changed |= {one.incident_id: stands(briefs.get(one.incident_id), one, event.at) for one in event.incidents}
        for incident_id, after in changed.items():
            if after is not None and after != briefs.get(incident_id):
                briefs[incident_id] = after
                touched[tenant, incident_id] = None
        # With each event, not with each batch: else what is left would depend on where batches end.
        if len(briefs) > INCIDENTS_MAX:
            gone = min(briefs, key=lambda key: (briefs[key]["state"] not in OVER, briefs[key]["number"]))
            del briefs[gone]
            touched[tenant, gone] = None
    operations = Operations()
    for tenant, key in touched:
        brief = present[tenant].get(key)
        if brief is None:
            operations.delete(data_key(tenant), key.hex())
        else:
            operations.set(data_key(tenant), key.hex(), encode(brief))
    return operations


def encode(brief: Json) -> str:
    """One text for one brief, the same in every run."""
    return json.dumps(brief, sort_keys=True, separators=(",", ":"))


def evolve(brief: Json | None, event: Any) -> Json | None:
    """A brief after one event; the same when the event says nothing that is shown. Total."""
    if isinstance(event, said.IncidentOpened):
        return _opened(event)
    if brief is None:
        return None
    changes: Json = {}
    match event:
        case said.SeverityRaised() | said.SeverityChanged():
            changes = {"severity": event.after}
        case said.IncidentPaged():
            changes = {} if brief["paged_at"] is not None else {"paged_at": event.at}
        case said.IncidentAcknowledged():
            changes = {"assignee": event.subject, "acknowledged_at": brief["acknowledged_at"] or event.at}
        case said.IncidentAssigned():
            changes = {"assignee": event.assignee}
        case said.IncidentHandedOff():
            changes = {"assignee": event.to}
        case said.IncidentReopened():
            changes = {"assignee": None}
        case said.IncidentStateChanged():
            changes = {"state": event.after}
        case said.CauseSuggested():
            changes = {"cause": _cause(event)}
        case said.SignalAttached():
            changes = {"first_failure_at": min(brief["first_failure_at"], event.event_time)}
        case _ if not hasattr(event, "failures"):
            return brief
    if hasattr(event, "failures"):
        changes |= {"failures": event.failures, "affected": event.affected_count}
    return brief | changes | {"changed_at": event.at}


def stands(brief: Json | None, standing: said.Standing, at: int) -> Json | None:
    """A brief as a correction says that its incident stands; None for one that is not kept. Total."""
    if brief is None:
        return None
    return brief | {
        "state": standing.state,
        "severity": standing.severity,
        "title": standing.title,
        "resource": standing.resource,
        "opened_at": standing.detected_at,
        "first_failure_at": standing.first_failure_at,
        "changed_at": at,
        "failures": standing.failures,
        "affected": standing.affected_count,
        "assignee": standing.assignee,
        "acknowledged_at": standing.first_acknowledged_at,
        "paged_at": standing.first_page_at,
    }


def _opened(event: said.IncidentOpened) -> Json:
    return {
        "number": event.number,
        "state": "detected",
        "severity": event.severity,
        "title": event.title,
        "resource": event.resource,
        "historical": event.historical,
        "opened_at": event.at,
        "first_failure_at": event.first_failure_at,
        "changed_at": event.at,
        "failures": event.failures,
        "affected": 0 if event.affected is None else 1,
        "assignee": None,
        "acknowledged_at": None,
        "paged_at": None,
        "cause": None,
    }


def _cause(event: said.CauseSuggested) -> Json | None:
    if event.change_id is None:
        return None
    return {"kind": event.kind, "resource": event.resource, "summary": event.summary, "confidence": event.confidence}
