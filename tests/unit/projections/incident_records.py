"""Events of INC-1 besides failures: what people move, what is reported, which alerts fire, and its likely cause."""

from __future__ import annotations

from typing import Any

from schemas import ids
from schemas.messages import incidents
from tests.unit.projections.records import INCIDENT, T0, TENANT

ALERT = ids.derive("alert", 1)


def assigned(at: int) -> incidents.IncidentAssigned:
    """bob gives INC-1 to alice."""
    return incidents.IncidentAssigned(TENANT, INCIDENT, 1, "bob", "alice", "she knows the pool", 6, 4, at)


def contained(at: int, failures: int = 6) -> incidents.IncidentContained:
    """bob stopped the harm."""
    return incidents.IncidentContained(TENANT, INCIDENT, 1, "bob", None, failures, 4, at)


def reopened(at: int) -> incidents.IncidentReopened:
    """INC-1 is not over."""
    return incidents.IncidentReopened(
        TENANT, INCIDENT, 1, "carol", "it is back", "payments", "PaymentError", "SEV3", T0, 7, 5, False, at
    )


def closed(at: int) -> incidents.IncidentClosed:
    """Nothing is left to do."""
    return incidents.IncidentClosed(TENANT, INCIDENT, 1, "bob", None, at)


def severity_changed(at: int) -> incidents.SeverityChanged:
    """bob knows better."""
    return incidents.SeverityChanged(
        TENANT, INCIDENT, 1, "payments", "PaymentError", "SEV2", "SEV1", "bob", "the press", T0, 5, 3, False, at
    )


def reported(at: int, **changes: Any) -> incidents.ReportAttached:
    """erin says what she sees."""
    fields: dict[str, Any] = {
        "tenant": TENANT,
        "incident_id": INCIDENT,
        "number": 1,
        "report_id": ids.derive("command", 5),
        "subject": "erin",
        "subject_kind": "person",
        "resource": "payments",
        "what": "customers cannot pay.",
        "severity": None,
        "since": T0 - 60_000,
        "opened": False,
        "reasons": ("same resource payments",),
        "at": at,
    }
    return incidents.ReportAttached(**(fields | changes))


def alert_attached(at: int, **changes: Any) -> incidents.AlertAttached:
    """Alertmanager sees it too."""
    fields: dict[str, Any] = {
        "tenant": TENANT,
        "incident_id": INCIDENT,
        "number": 1,
        "alert_id": ALERT,
        "source": "alertmanager",
        "fingerprint": "a1b2c3d4e5f60718",
        "name": "PaymentsErrorRateHigh",
        "resource": "payments",
        "resource_from": "service",
        "summary": "23 % of charges fail",
        "severity": "SEV2",
        "link": "http://prometheus/graph",
        "starts_at": T0 - 30_000,
        "opened": False,
        "reasons": ("same resource payments",),
        "at": at,
    }
    return incidents.AlertAttached(**(fields | changes))


def alert_resolved(at: int, still_firing: int = 0) -> incidents.AlertResolved:
    """The alert is over."""
    name = "PaymentsErrorRateHigh"
    return incidents.AlertResolved(
        TENANT, INCIDENT, 1, ALERT, "alertmanager", name, at - 500, still_firing, ("noted",), at
    )


def cause(at: int, **changes: Any) -> incidents.CauseSuggested:
    """The deploy is it."""
    fields: dict[str, Any] = {
        "tenant": TENANT,
        "incident_id": INCIDENT,
        "number": 1,
        "change_id": ids.derive("change", 1),
        "kind": "deploy",
        "resource": "payments",
        "before": "v2.3.0",
        "after": "v2.3.1",
        "summary": "pool 10 → 5",
        "actor": "deployer",
        "changed_at": T0 - 3_000,
        "seconds_before": 1,
        "confidence": "high",
        "score": 949,
        "reasons": ("on payments, the resource that fails: 400 points",),
        "considered": (
            incidents.Considered(
                ids.derive("change", 2), "config", "search", "config-gen", T0 - 4_000, 0, "on another resource"
            ),
        ),
        "weighed": 2,
        "at": at,
    }
    return incidents.CauseSuggested(**(fields | changes))


def no_cause(at: int) -> incidents.CauseSuggested:
    """Nothing changed."""
    nothing = ("change_id", "kind", "resource", "before", "after", "summary", "actor", "changed_at", "seconds_before")
    return cause(
        at,
        **dict.fromkeys(nothing),
        confidence="none",
        score=0,
        considered=(),
        weighed=0,
        reasons=("no change is known in the 86400 s before the first failure",),
    )


def classified(at: int) -> incidents.IncidentClassified:
    """A feature flag is suspected."""
    disable = incidents.Advice(
        "disable_flag", (incidents.Fact("flag", "new-checkout"), incidents.Fact("to", "off")), "its likely cause"
    )
    return incidents.IncidentClassified(
        tenant="acme",
        incident_id=INCIDENT,
        number=1,
        kind="feature_flag",
        before=None,
        cause_id=None,
        percent=80,
        facts=(incidents.Fact("flag", "new-checkout"), incidents.Fact("changed_at", "1790000000000")),
        warning=None,
        advice=(disable,),
        writes=(),
        reasons=("its likely cause (80 %) is a flag change of payments",),
        symptom="KeyError",
        at=at,
    )
