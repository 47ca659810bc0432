"""What payments of INC-1 may have hit, and what its change may."""

from __future__ import annotations

from typing import Any

from schemas import ids
from schemas.messages import incidents
from schemas.messages.incidents.blast import Reached
from tests.unit.projections.records import INCIDENT, TENANT

CHANGE = ids.derive("change", 1)
NODES = (
    Reached("payments", "direct", 0, "", False, "payments-team", "critical", True),
    Reached("web", "downstream", 1, "payments", True, "web-team", "", True),
    Reached("mailer", "possibly", 1, "payments", False, "", "", False),
)


def blast(at: int, **changes: Any) -> incidents.BlastRadiusStated:
    """One calls it, one is beside it, two more were counted."""
    fields: dict[str, Any] = {
        "tenant": TENANT,
        "incident_id": INCIDENT,
        "number": 1,
        "resource": "payments",
        "services": ("payments",),
        "nodes": NODES,
        "cut": 2,
        "owners": ("payments-team", "web-team"),
        "circle": (),
        "because": "opened",
        "digest": bytes(16),
        "reasons": ("1 call it, 0 more call those within 4 steps",),
        "at": at,
    }
    return incidents.BlastRadiusStated(**(fields | changes))


def change_blast(at: int) -> incidents.ChangeRadiusStated:
    """Of the change on payments."""
    reasons = ("1 call it, 0 more call those within 4 steps",)
    return incidents.ChangeRadiusStated(
        TENANT, CHANGE, "payments", ("payments",), NODES, 0, ("payments-team", "web-team"), (), reasons, at
    )
