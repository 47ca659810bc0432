"""decide, for a merge: an incident becomes an alias of another one, which counts its failures too.

Nothing moves: the merged incident keeps its failures at home, so that the merge can be undone.
"""

from __future__ import annotations

from dataclasses import replace
from typing import cast

from processors.incidents import attribution, counting, refusing, undoing
from processors.incidents.drafting import Draft
from processors.incidents.events import PartsWritten
from processors.incidents.refusing import Refusal
from processors.incidents.rules import KEEP_MS
from processors.incidents.state import (
    Incident,
    correction_part,
)
from processors.kernel.decider import Command, Decision, Event, SetTimer, View
from schemas.ids import child_id, key_of
from schemas.incident_rules import Incidents
from schemas.messages.incidents import (
    IncidentsMerged,
    MergeIncident,
    SeverityRaised,
    Standing,
)

# Homes that are looked into for one failure of an incident: its own and those of 15 others.
MEMBERS_MAX = 15


def merge(command: Command, wish: MergeIncident, view: View) -> Decision:
    """An incident becomes an alias of another one, which has its failures too."""
    key = key_of(wish.tenant)
    kept = refusing.open_incident(view, key, wish.into, alias=False)
    gone = refusing.open_incident(view, key, wish.incident_id, alias=False)
    if isinstance(gone, Refusal):
        return gone.decision(command, wish)
    if isinstance(kept, Refusal):
        return kept.decision(command, wish)
    affected = counting.affected_together(view, key, kept, gone)
    refused = refusing.of_merge(kept, gone, affected, MEMBERS_MAX)
    if refused is not None or affected is None:
        return (refused or refusing.too_many_affected(kept, gone)).decision(command, wish)
    config = cast(Incidents, view.config(wish.tenant, "incidents"))
    correction_id = child_id(command.id, "incidents.Correction", key, 0)
    both, why = counting.together(kept, gone, affected, config)
    both = replace(both, last_correction=correction_id)
    draft = Draft(view, key)
    every = counting.every(view, key, both)
    if every is not None:
        both = counting.at_times(both, every)
    alias = replace(gone, state="merged", merged_into=kept.incident_id, last_correction=correction_id)
    draft.keep(both)
    draft.keep(alias)
    correction = replace(
        undoing.correction(command, wish, "merge", kept, both, alias),
        other_state=gone.state,
        other_previous=gone.last_correction,
    )
    draft.write({correction_part(key, correction_id): correction})
    said: list[Standing] = [
        replace(counting.standing(draft, key, both, why, every), severity=kept.severity),
        counting.standing(draft, key, alias, "", counting.every(view, key, gone)),
    ]
    told = IncidentsMerged(
        tenant=wish.tenant,
        incident_id=kept.incident_id,
        number=kept.number,
        merged_id=gone.incident_id,
        merged_number=gone.number,
        correction_id=correction_id,
        subject=wish.subject,
        reason=wish.reason,
        severity_before=kept.severity,
        incidents=tuple(said),
        at=command.now,
    )
    events = [Event(key, PartsWritten(draft.parts)), Event(key, told)]
    because = f"merged into INC-{kept.number}: {wish.reason}"
    events += undoing.moved_to(command.now, wish.tenant, gone, "merged", wish.subject, because)
    taken = f"INC-{gone.number}, which {both.acknowledged_by} has, was merged into it"
    events += undoing.moved_to(command.now, wish.tenant, kept, both.state, wish.subject, taken)
    if both.severity != kept.severity:
        events.append(Event(key, _raised(command.now, wish.tenant, kept, both, why)))
    if both.first_failure_at != kept.first_failure_at:
        events += attribution.revised(draft, wish.tenant, key, both, attribution.failing(both), config, command.now)
    forget = SetTimer(correction_part(key, correction_id), "forget", command.now + KEEP_MS)
    return Decision(tuple(events), (forget,), ("merged",), answer="accepted")


def _raised(now: int, tenant: str, before: Incident, after: Incident, why: str) -> SeverityRaised:
    return SeverityRaised(
        tenant=tenant,
        incident_id=after.incident_id,
        number=after.number,
        resource=after.resource,
        title=after.title,
        before=before.severity,
        after=after.severity,
        reason=f"merged: {why}",
        first_failure_at=after.first_failure_at,
        failures=after.failures,
        affected_count=after.affected_count,
        historical=after.historical,
        at=now,
        stated=after.stated,
    )
