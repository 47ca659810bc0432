"""decide, for incidents of Mandate itself: pages that do not arrive, or false alarms, soon after its configuration was
changed (seed 20.5). Such an incident is opened once, on the document that was changed, and never counts its own pages.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any, cast

from processors.incidents import kinds, told
from processors.incidents.finding import open_on
from processors.incidents.kinds_state import TROUBLES, Routing, RoutingSeen, routing_part
from processors.incidents.state import Change, Incident, changes_part, incident_part
from processors.kernel.decider import Command, Event, View
from schemas.cause_rules import Causes
from schemas.ids import child_id, key_of
from schemas.incident_rules import Incidents
from schemas.messages.incidents import FalseAlarmMarked, PageObserved

# Changes of these documents are told by the gateway as changes of `configuration/<document>`, kind `configuration`.
PREFIX = "configuration/"
ROUTING = ("people", "ownership", "escalation", "targets")  # who is told, and how
GROUPING = ("incidents", "signals", "floods")  # what is an incident


def is_own(resource: str) -> bool:
    """Whether an incident is about Mandate's own configuration."""
    return resource.startswith(PREFIX)


def seen(command: Command, said: list[Any], view: View) -> tuple[Event, ...]:
    """What follows from a page that did not arrive, or from a false alarm."""
    page = command.message if isinstance(command.message, PageObserved) else None
    tenant = page.tenant if page is not None else next(m for m in said if isinstance(m, FalseAlarmMarked)).tenant
    key = key_of(tenant)
    if page is not None:
        incident: Incident | None = view.get(incident_part(key, page.incident_id))
        if page.outcome == "delivered" or incident is None or is_own(incident.resource):
            return ()
    routing: Routing = view.get(routing_part(key)) or Routing()
    if page is not None:
        routing = replace(routing, failed=(*routing.failed, command.now)[-TROUBLES:])
    else:
        routing = replace(routing, false_alarms=(*routing.false_alarms, command.now)[-TROUBLES:])
    kept = Event(key, RoutingSeen(routing_part(key), routing))
    causes = cast(Incidents, view.config(tenant, "incidents")).causes
    times = routing.failed if page is not None else routing.false_alarms
    documents = ROUTING if page is not None else GROUPING
    window = causes.meta_window_s if page is not None else causes.meta_lookback_s
    spike = [at for at in times if command.now - at <= window * 1000]
    blamed = _blamed(view, key, documents, spike[0], causes)
    if len(spike) < causes.meta_failures or blamed is None or _open(view, key, PREFIX + blamed[0]):
        return (kept,)
    earlier = sum(blamed[1].event_time - causes.meta_lookback_s * 1000 <= at < blamed[1].event_time for at in times)
    if earlier * 2 > len(spike):
        return (kept,)  # it went wrong before the change already
    what = "pages that did not arrive" if page is not None else "false alarms"
    return (kept, *_opening(command, tenant, view, *blamed, what, spike))


def _blamed(view: View, key: str, documents: tuple[str, ...], first: int, causes: Causes) -> tuple[str, Change] | None:
    """The latest change of these documents before the trouble began, not too long ago."""
    found: tuple[str, Change] | None = None
    for document in documents:
        kept = view.get(changes_part(key, PREFIX + document))
        for change in kept.changes if kept is not None else ():
            near = 0 <= first - change.event_time <= causes.meta_lookback_s * 1000
            if near and (found is None or change.event_time > found[1].event_time):
                found = (document, change)
    return found


def _open(view: View, key: str, resource: str) -> bool:
    return bool(open_on(view, key, resource))


def _opening(
    command: Command, tenant: str, view: View, document: str, change: Change, what: str, spike: list[int]
) -> tuple[Event, ...]:
    after_s = (spike[0] - change.event_time) // 1000
    title = f"{len(spike)} {what} since {document} {change.after or 'was changed'}"
    sign = told.Sign(
        tenant=tenant,
        trigger="alert",
        id=child_id(command.id, "incidents.Meta", key_of(tenant), 0),
        resource=PREFIX + document,
        title=title,
        text=f"{title}; the first {after_s} s after the change",
        by="mandate",
        error_type="ConfigurationTrouble",
        severity=None,
        since=spike[0],
    )
    return tuple(told.found(command, sign, view).opening)


def kind(key: str, subject: kinds.Subject, view: View) -> kinds.Kind:
    """The kind of an incident on a configuration document."""
    document = subject.resource.removeprefix(PREFIX)
    kept = view.get(changes_part(key, subject.resource))
    last = kept.changes[-1] if kept is not None and kept.changes else None
    before = (last.before if last is not None else None) or "the version before"
    after = (last.after if last is not None else None) or "the newest version"
    routing = document in ROUTING
    what = "pages that did not arrive" if routing else "false alarms"
    guess = "Config change may have broken routing" if routing else "New rule may be too broad"
    return kinds.meta(document, before, after, what, (guess, subject.text))
