"""decide, for incidents of Mandate itself: pages that do not arrive, or false alarms, soon after its configuration was
changed (seed 20.5). Such an incident is opened once, on the document that was changed, and never counts its own pages.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, cast

from processors.incidents import kinds, told
from processors.incidents.finding import open_on
from processors.incidents.kinds_state import BLAMED, TROUBLES, Routing, RoutingSeen, routing_part
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
    about = page if page is not None else next(m for m in said if isinstance(m, FalseAlarmMarked))
    tenant, key = about.tenant, key_of(about.tenant)
    incident: Incident | None = view.get(incident_part(key, about.incident_id))
    if incident is None or is_own(incident.resource) or (page is not None and page.outcome == "delivered"):
        return ()
    routing: Routing = view.get(routing_part(key)) or Routing()
    if page is not None:
        routing = replace(routing, failed=(*routing.failed, command.now)[-TROUBLES:])
    else:
        routing = replace(routing, false_alarms=(*routing.false_alarms, command.now)[-TROUBLES:])
    causes = cast(Incidents, view.config(tenant, "incidents")).causes
    times = routing.failed if page is not None else routing.false_alarms
    documents = ROUTING if page is not None else GROUPING
    window = causes.meta_window_s if page is not None else causes.meta_lookback_s
    blamed = _blamed(view, key, documents, times, command.now - window * 1000, causes)
    # One incident a change: also when a person has ended it, or called it a false alarm too.
    if blamed is None or blamed.change.change_id in routing.blamed or open_on(view, key, PREFIX + blamed.document):
        return (Event(key, RoutingSeen(routing_part(key), routing)),)
    routing = replace(routing, blamed=(*routing.blamed, blamed.change.change_id)[-BLAMED:])
    kept = Event(key, RoutingSeen(routing_part(key), routing))
    what = "pages that did not arrive" if page is not None else "false alarms"
    return (kept, *_opening(command, tenant, view, blamed, what))


@dataclass(frozen=True, slots=True)
class _Blamed:
    """The change after which it went wrong, and when it did (ms of log time)."""

    document: str
    change: Change
    spike: tuple[int, ...]


def _blamed(
    view: View, key: str, documents: tuple[str, ...], times: tuple[int, ...], since: int, causes: Causes
) -> _Blamed | None:
    """The latest change of these documents after which enough went wrong since `since`, and far more than before it."""
    found: _Blamed | None = None
    for document in documents:
        kept = view.get(changes_part(key, PREFIX + document))
        for change in kept.changes if kept is not None else ():
            made = change.event_time
            spike = tuple(at for at in times if at >= max(since, made))
            near = len(spike) >= causes.meta_failures and spike[0] - made <= causes.meta_lookback_s * 1000
            earlier = sum(made - causes.meta_lookback_s * 1000 <= at < made for at in times)
            if near and earlier * 2 <= len(spike) and (found is None or made > found.change.event_time):
                found = _Blamed(document, change, spike)
    return found


def _opening(command: Command, tenant: str, view: View, blamed: _Blamed, what: str) -> tuple[Event, ...]:
    document, change, spike = blamed.document, blamed.change, blamed.spike
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
    """The kind of an incident on a configuration document. A change after it began (its repair) is not what is told."""
    document = subject.resource.removeprefix(PREFIX)
    kept = view.get(changes_part(key, subject.resource))
    known = [c for c in (kept.changes if kept is not None else ()) if c.event_time <= subject.first_failure_at]
    last = max(known, key=lambda c: c.event_time, default=None)
    before = (last.before if last is not None else None) or "the version before"
    after = (last.after if last is not None else None) or "the newest version"
    routing = document in ROUTING
    what = "pages that did not arrive" if routing else "false alarms"
    guess = "Config change may have broken routing" if routing else "New rule may be too broad"
    return kinds.meta(document, before, after, what, (guess, subject.text))
