"""Look-ups that more than one theme needs: what an incident is now, and which are open on a resource."""

from __future__ import annotations

from processors.incidents.rules import RESOURCE_CHARACTERS, clip
from processors.incidents.state import Incident, incident_part, place_part
from processors.kernel.decider import View
from schemas.ids import Id
from schemas.incident_rules import OVER

# A merged incident leads to its survivor in one step for each merge above it; nobody merges 16 deep by hand.
MERGES_DEEP = 16


def survivor(view: View, key: str, incident_id: Id) -> Incident | None:
    """The incident that this one is now: itself, or the one that it was merged into; None when it is not known."""
    incident: Incident | None = view.get(incident_part(key, incident_id))
    for _ in range(MERGES_DEEP):
        if incident is None or incident.merged_into is None:
            break
        incident = view.get(incident_part(key, incident.merged_into))
    return incident


def there(view: View, key: str, incident_id: Id) -> Incident:
    """An incident that is known to be there."""
    incident = view.get(incident_part(key, incident_id))
    assert isinstance(incident, Incident)
    return incident


def open_on(view: View, key: str, resource: str) -> list[Incident]:
    """The open live incidents on a resource; what was merged stands for what it was merged into."""
    name = clip(resource, RESOURCE_CHARACTERS)
    listed = view.get(place_part(key, name))
    found: dict[Id, Incident] = {}
    for incident_id in listed.incidents if listed is not None else ():
        own: Incident | None = view.get(incident_part(key, incident_id))
        if own is None or own.resource != name:
            continue  # it is listed here by its actor
        now = survivor(view, key, incident_id)
        if now is not None and now.state not in OVER and not now.historical:
            found[now.incident_id] = now
    return list(found.values())
