"""Events of what may open an incident, each with its sentence."""

from __future__ import annotations

from typing import Any

from schemas import ids
from schemas.messages import incidents
from tests.unit.projections.records import INCIDENT, T0, TENANT

SUGGESTION = ids.derive("suggestion", 1)
BREACH = ids.derive("breach", 1)


def breached(at: int = T0, **changes: Any) -> incidents.ThresholdBreached:
    """The spend of importer-1 is five times what it was."""
    fields: dict[str, Any] = {
        "tenant": TENANT,
        "incident_id": INCIDENT,
        "number": 1,
        "breach_id": BREACH,
        "observation_id": ids.derive("observation", 1),
        "threshold": "spend",
        "name": "spend",
        "resource": "warehouse",
        "actor": "importer-1",
        "value": 5_000_000_000,
        "unit": "EUR",
        "limit": 1_000_000_000,
        "side": "above",
        "held_s": 300,
        "baseline": 800_000_000,
        "ratio_permille": 6_250,
        "samples": 24,
        "severity": None,
        "event_time": at,
        "opened": True,
        "reasons": ("value 5000 EUR over 1000 EUR for 300 s",),
        "at": at,
    }
    return incidents.ThresholdBreached(**(fields | changes))


def recovered(at: int = T0) -> incidents.ThresholdRecovered:
    """The spend is back."""
    return incidents.ThresholdRecovered(
        TENANT, INCIDENT, 1, BREACH, "spend", "spend", "warehouse", 900_000_000, "EUR", 1_000_000_000, 60, ("",), at, at
    )


def noted(at: int = T0) -> incidents.AlertNoted:
    """PagerDuty acknowledged."""
    why = ("nobody here has answered",)
    return incidents.AlertNoted(
        TENANT, INCIDENT, 1, ids.derive("alert", 1), "pagerduty", "disk full", "acknowledged there", why, at
    )


def silence_over(at: int = T0, raised: bool = False) -> incidents.MaintenanceOver:
    """The window is over and it goes on."""
    return incidents.MaintenanceOver(
        TENANT, INCIDENT, 1, "Weekly", "payments", "PaymentError", "SEV2", raised, T0, 4, 2, at
    )


def suggested(at: int = T0, **changes: Any) -> incidents.IncidentSuggested:
    """The same heals again and again."""
    fields: dict[str, Any] = {
        "tenant": TENANT,
        "suggestion_id": SUGGESTION,
        "number": 1,
        "kind": "pattern",
        "confidence": "medium",
        "resource": "payments",
        "title": "PaymentError heals again and again",
        "pattern": "healed f1",
        "actor": "checkout-1",
        "past_incident_id": INCIDENT,
        "past_number": 1,
        "reasons": ("3 failures of this error healed within 3600 s, at least 3",),
        "evidence": (ids.derive("action", 1),),
        "event_time": at,
        "expires_at": at + 86_400_000,
        "at": at,
    }
    return incidents.IncidentSuggested(**(fields | changes))


def supported(at: int = T0) -> incidents.SuggestionSupported:
    """Once more."""
    return incidents.SuggestionSupported(TENANT, SUGGESTION, 1, 2, "4 failures healed", ids.derive("action", 2), at)


def accepted(at: int = T0) -> incidents.SuggestionAccepted:
    """bob says yes."""
    return incidents.SuggestionAccepted(
        TENANT,
        SUGGESTION,
        1,
        INCIDENT,
        1,
        "pattern",
        "medium",
        "payments",
        "PaymentError heals again and again",
        "healed f1",
        "bob",
        "as last week",
        True,
        ("3 failures healed",),
        (),
        at,
    )


def dismissed(at: int = T0) -> incidents.SuggestionDismissed:
    """bob says no."""
    return incidents.SuggestionDismissed(TENANT, SUGGESTION, 1, "bob", "a load test.", at)


def expired(at: int = T0) -> incidents.SuggestionExpired:
    """Nobody says anything."""
    return incidents.SuggestionExpired(TENANT, SUGGESTION, 1, at)


SENTENCES = {
    breached(): (
        "spend on warehouse is 5000 EUR, over 1000 EUR for 300 seconds, 625 % of the usual 800 EUR, by importer-1."
    ),
    recovered(): "spend on warehouse is back at 900 EUR after 60 seconds.",
    noted(): "The alert disk full was acknowledged there, says pagerduty: nobody here has answered.",
    silence_over(): (
        "People are told of it now, after 4 failures and 2 affected: the maintenance window Weekly kept it silent."
    ),
    suggested(): "SUG-1: PaymentError heals again and again.",
    supported(): "SUG-1 was seen again: 4 failures healed.",
    accepted(): "bob accepted SUG-1 (medium confidence): as last week.",
    dismissed(): "bob dismissed SUG-1: a load test.",
    expired(): "Nobody decided on SUG-1 in time.",
}
