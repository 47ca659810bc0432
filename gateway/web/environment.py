"""The Jinja2 environment of the pages: autoescaped, strict about undefined names, templates from this package."""

from __future__ import annotations

from functools import cache
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined

from gateway.web import words

SEVERITY = {"SEV1": ("red", "sev1"), "SEV2": ("amber", "sev2"), "SEV3": ("blue", "sev3"), "SEV4": ("grey", "sev4")}
STATE = {
    "detected": ("red", "eye", "Detected"),
    "investigating": ("blue", "user", "Investigating"),
    "resolved": ("green", "shield", "Resolved"),
}
# What an entry of an incident's timeline looks like: (hue, icon) by event type; anything else is quiet.
ENTRY = {
    "IncidentOpened": ("red", "warn"),
    "SignalAttached": ("red", "warn"),
    "SeverityRaised": ("red", "up"),
    "IncidentAcknowledged": ("blue", "user"),
    "IncidentStateChanged": ("blue", "user"),
    "IncidentResolved": ("green", "shield"),
    "ChangeRecorded": ("grey", "bot"),
    "CommandRefused": ("grey", "x"),
    "IncidentPaged": ("amber", "bell"),
    "EscalationStarted": ("amber", "bell"),
    "PageRequested": ("amber", "bell"),
    "PageDelivered": ("amber", "check"),
    "PageFailed": ("red", "x"),
    "EscalationStopped": ("green", "check"),
    "EscalationExhausted": ("red", "bell"),
}
OUTCOME = {
    "pending": ("amber", "clock", "not yet"),
    "delivered": ("grey", "check", "delivered, no answer"),
    "failed": ("red", "x", "failed"),
    "unknown": ("amber", "help", "not known"),
}


@cache
def environment() -> Environment:
    """The one environment; templates are compiled once."""
    env = Environment(
        loader=PackageLoader("gateway.web"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    env.filters.update(clock=words.clock, full=words.full, span=words.span)
    env.globals.update(
        between=words.between, count=words.count, SEVERITY=SEVERITY, STATE=STATE, ENTRY=ENTRY, OUTCOME=OUTCOME
    )
    return env


def render(template: str, **context: Any) -> str:
    """A template as text."""
    return environment().get_template(template).render(**context)
