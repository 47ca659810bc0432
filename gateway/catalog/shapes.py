"""Services, owners and a whole catalog as /v1 shows them. Pure."""

from __future__ import annotations

from typing import Any

from gateway.catalog.current import Current
from gateway.catalog.owners import Owners, owners_of
from schemas.catalog import Service

Json = dict[str, Any]
ODD_MAX = 100  # unknown names and circles that are listed; the counts are whole
NEAR_MAX = 500


def summary(service: Service) -> Json:
    """A service in a list."""
    return {
        "id": service.id,
        "kind": service.kind,
        "name": service.name,
        "owner": service.owner or None,
        "tier": service.tier or None,
        "system": service.system or None,
        "resources": list(service.resources),
        "depends_on": list(service.depends_on),
        "sources": list(service.sources),
    }


def whole(current: Current) -> Json:
    """The catalog in numbers, and what is odd about it."""
    catalog = current.catalog
    unknown, unowned, cycles = catalog.unknown(), catalog.unowned(), catalog.cycles()
    return {
        "version": current.version,
        "hash": current.hash or None,
        "counts": {
            "services": len(catalog.services),
            "dependencies": sum(len(s.depends_on) for s in catalog.services),
            "teams": len(catalog.teams),
            "people": len(catalog.people),
            "unknown_dependencies": len(unknown),
            "unknown_owners": len(unowned),
            "cycles": len(cycles),
        },
        "unknown_dependencies": [{"service": s, "depends_on": other} for s, other in unknown[:ODD_MAX]],
        "unknown_owners": [{"service": s, "owner": owner or None} for s, owner in unowned[:ODD_MAX]],
        "cycles": [list(circle) for circle in cycles[:ODD_MAX]],
    }


def one(current: Current, service: Service) -> Json:
    """A service with its neighbours and owners."""
    catalog = current.catalog
    return summary(service) | {
        "metadata": dict(service.metadata),
        "calls": [_near(current, other) for other in catalog.depends_on(service.id)],
        "called_by": [_near(current, other) for other in catalog.dependents_of(service.id)[:NEAR_MAX]],
        "called_by_count": len(catalog.dependents_of(service.id)),
        "circle": list(catalog.circle_of(service.id)),
        "owners": graph(owners_of(current, service)),
        "version": current.version,
    }


def graph(owners: Owners) -> Json:
    """An owner graph and its escalation path."""
    boxes = [
        {"id": b.id, "name": b.name, "role": b.role, "of": b.of, "known": b.known, "reachable": b.reachable}
        for b in owners.boxes
    ]
    return {"boxes": boxes, "escalation_path": list(owners.path), "path_from": owners.source}


def _near(current: Current, service_id: str) -> Json:
    found = current.catalog.get(service_id)
    return {"id": service_id, "owner": (found.owner or None) if found else None, "declared": found is not None}
