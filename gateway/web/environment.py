"""The Jinja2 environment of the pages: autoescaped, strict about undefined names, templates from this package."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any

from gateway.web import words

if TYPE_CHECKING:
    from jinja2 import Environment

SEVERITY = {"SEV1": ("red", "sev1"), "SEV2": ("amber", "sev2"), "SEV3": ("blue", "sev3"), "SEV4": ("grey", "sev4")}
STATE = {
    "detected": ("red", "eye", "Detected"),
    "investigating": ("blue", "search", "Investigating"),
    "contained": ("green", "shield", "Contained"),
    "reopened": ("amber", "undo", "Reopened"),
    "resolved": ("green", "check", "Resolved"),
    "closed": ("grey", "check", "Closed"),
    "escalated": ("red", "bell", "Escalated"),
    "postmortem": ("grey", "pen", "Postmortem"),
    "false_alarm": ("grey", "x", "False alarm"),
    "merged": ("grey", "link", "Merged"),
}
# How far a harm has come: (hue, icon, name, word).
WORLD = {
    "RML1": ("grey", "rml1", "RML-1", "process"),
    "RML2": ("grey", "rml2", "RML-2", "our systems"),
    "RML3": ("violet", "rml3", "RML-3", "history"),
}
# The main addresses: name, address, words.
NAV = (
    ("incidents", "/incidents", "Incidents"),
    ("suggestions", "/suggestions", "Suggestions"),
    ("cases", "/cases", "Cases"),
    ("catalog", "/catalog", "Services"),
    ("calendar", "/calendar", "Calendar"),
    ("review", "/review", "Review"),
    ("actions", "/actions", "Actions"),
    ("health", "/health", "Health"),
)
OUTCOME = {
    "pending": ("amber", "clock", "not yet"),
    "delivered": ("grey", "check", "delivered, no answer"),
    "failed": ("red", "x", "failed"),
    "unknown": ("amber", "help", "not known"),
}


@cache
def environment() -> Environment:
    """The one environment; templates are compiled once."""
    # Loaded for the first page: senders, who wait for a gateway that starts, see none.
    from jinja2 import Environment, PackageLoader, StrictUndefined

    env = Environment(
        loader=PackageLoader("gateway.web"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    env.filters.update(clock=words.clock, full=words.full, span=words.span, money=words.money, readable=words.readable)
    env.globals.update(
        between=words.between,
        count=words.count,
        SEVERITY=SEVERITY,
        STATE=STATE,
        OUTCOME=OUTCOME,
        WORLD=WORLD,
        NAV=NAV,
        STATES=[(n, s[2].lower()) for n, s in STATE.items()],
    )
    return env


def render(template: str, **context: Any) -> str:
    """A template as text."""
    return environment().get_template(template).render(**context)
