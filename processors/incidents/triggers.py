"""Which signs may open an incident: the switches of the document `incidents`, looked at after a decision was made.

A trigger that is switched off opens nothing; what it tells still joins an incident that is open. A report is a command,
so it is refused with a reason.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import cast

from processors.kernel.decider import Command, Decision, Event, View
from schemas.catalog import Catalog
from schemas.ids import key_of
from schemas.incident_rules import Incidents
from schemas.incident_triggers import TriggerName, is_on
from schemas.messages.incidents import AlertObserved, CommandRefused, ErrorSignalled, IncidentOpened, ReportProblem

_TRIGGERS: Mapping[type, TriggerName] = {ErrorSignalled: "error", AlertObserved: "alert", ReportProblem: "report"}


def switched_on(view: View, tenant: str, trigger: TriggerName, resource: str) -> bool:
    """Whether a trigger is on for this resource, or for the service it belongs to."""
    rules = cast(Incidents, view.config(tenant, "incidents")).triggers
    if not rules:
        return is_on((), trigger)
    service = cast(Catalog, view.config(tenant, "catalog")).service(resource)
    return is_on(rules, trigger, *((resource,) if service is None else (resource, service.id)))


def allowed(command: Command, decision: Decision, view: View) -> Decision:
    """The decision, or nothing where it opens an incident by a trigger that is off."""
    trigger = _TRIGGERS.get(type(command.message))
    if trigger is None or not decision.events:
        return decision
    opened = next((e.message for e in decision.events if isinstance(e.message, IncidentOpened)), None)
    if opened is None or switched_on(view, opened.tenant, trigger, opened.resource):
        return decision
    if not isinstance(command.message, ReportProblem):
        return Decision(reasons=("trigger_off",))
    wish = command.message
    refused = CommandRefused(
        tenant=wish.tenant,
        command_id=wish.command_id,
        subject=wish.subject,
        incident_id=opened.incident_id,
        command="ReportProblem",
        code="trigger_off",
        why=f"reports open no incident on {wish.resource}: the trigger is switched off there, and none is open",
        remedy="Switch `report` on in `triggers` of the document `incidents`, or tell the owner in another way.",
        at=command.now,
    )
    return Decision((Event(key_of(wish.tenant), refused),), reasons=("trigger_off",), answer="trigger_off")
