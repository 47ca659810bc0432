"""Incidents: reading them, and what people tell them."""

from __future__ import annotations

from gateway.http.openapi.attribution import KIND, RANKED
from gateway.http.openapi.operation import JSON, Answer, Operation, Parameter, answer
from gateway.http.openapi.parts import AS_OF, CURSOR, IDEMPOTENCY, LIMIT, SEVERITY, WARNINGS, page_of
from gateway.http.openapi.schema import (
    Component,
    Schema,
    array,
    boolean,
    choice,
    integer,
    maybe,
    number,
    obj,
    text,
    time,
    uuid,
    whole,
)
from gateway.http.openapi.together import TOGETHER
from projections.incidents.groups import GROUPS
from projections.worlds import WORLDS
from schemas import incident_rules

STATES = ("open", *incident_rules.STATES)
_WHEN = maybe(time())
_COUNT = maybe(integer())
INTERVENTION = Component(
    "Intervention",
    whole(
        {
            "first_failure_at": _WHEN,
            "detected_at": _WHEN,
            "first_page_at": _WHEN,
            "acknowledged_at": _WHEN,
            "contained_at": _WHEN,
            "resolved_at": _WHEN,
            "complete": boolean("Somebody was paged, acknowledged, and it is resolved."),
            "failures_before_detection": _COUNT,
            "failures_before_page": _COUNT,
            "failures_before_acknowledge": _COUNT,
            "failures_before_contain": _COUNT,
            "failures_after_page": _COUNT,
            "affected_before_page": _COUNT,
            "affected_after_page": _COUNT,
            "seconds": whole(
                {name: maybe(number()) for name in ("detect", "page", "acknowledge", "contain", "resolve")}
            ),
        },
        "Could a person intervene in time?",
    ),
)
CAUSE = Component(
    "Cause",
    whole(
        {
            "candidate": maybe(
                whole(
                    {
                        "change_id": uuid(),
                        "kind": text(),
                        "resource": text(),
                        "reference": whole({"before": maybe(text()), "after": maybe(text())}),
                        "summary": maybe(text()),
                        "actor": text(),
                        "changed_at": time(),
                        "seconds_before": integer("Before the first failure.", low=0),
                    },
                    "The change that is the likely cause.",
                )
            ),
            "said": text("The cause in one line, or `no candidate`."),
            "confidence": choice(("high", "medium", "low", "none")),
            "score": integer(low=0, high=1_000),
            "percent": integer("As people see it.", low=0, high=99),
            "tied": integer("So many others have as many points.", low=0),
            "reasons": array(text(), "Why we think this."),
            "ranked": array(whole(RANKED), "The changes that may be it, the best first.", max=8),
            "considered": array(
                whole(
                    {
                        "change_id": uuid(),
                        "kind": text(),
                        "resource": text(),
                        "actor": text(),
                        "changed_at": time(),
                        "score": integer(low=0, high=1_000),
                        "why": text("Why it lost."),
                    }
                ),
                "The best of the changes that lost.",
                max=8,
            ),
            "weighed": integer("How many changes were weighed.", low=0),
            "at": time(),
        },
        "The likely cause of an incident.",
    ),
)
_MOVE = whole({"at": time(), "from": maybe(SEVERITY), "to": SEVERITY, "reason": text(), "by": maybe(text())})
_FIELDS: dict[str, Schema] = {
    "id": uuid(),
    "number": integer(low=1),
    "name": text(pattern="^INC-[1-9][0-9]*$", example="INC-1"),
    "state": text(),
    "severity": SEVERITY,
    "severity_reason": text(),
    "title": text(),
    "resource": text(),
    "fingerprint": text(),
    "error_type": text(),
    "sample": text(),
    "actor": text(),
    "opened_at": time(),
    "first_failure_at": time(),
    "last_failure_at": time(),
    "failures": integer(low=0),
    "affected_count": integer(low=0),
    "assignee": maybe(text()),
    "acknowledged_at": _WHEN,
    "resolved_at": _WHEN,
    "resolved_by": maybe(text()),
    "note": maybe(text()),
    "historical": boolean(),
    "trigger": choice(("error", "report", "alert", "threshold", "suggestion"), "What opened it."),
    "trigger_confidence": choice(("high", "medium", "low", "none"), "How far that is to be believed."),
    "in_maintenance": maybe(text("The maintenance window in which nobody is told of it.")),
    "assigned_by": maybe(text("Who assigned it, where the assignee has not acknowledged.")),
    "assigned_at": maybe(time("Since when the assignee has it.")),
    "contained_at": _WHEN,
    "contained_by": maybe(text()),
    "reopened_at": _WHEN,
    "closed_at": _WHEN,
    "closed_by": maybe(text()),
    "merged_into": maybe(uuid("The incident that it is now.")),
    "split_from": maybe(uuid("The incident that its first failures were split from.")),
    "opened_why": array(text(), "Why its first failure belonged to no other incident."),
    "severities": array(_MOVE, "The history of the severity, oldest first."),
    "report_count": integer(low=0),
    "alert_count": integer(low=0),
    "alerts_firing": integer(low=0),
    "kind": KIND,
    "classified": maybe(obj({})),
    "cause": maybe(CAUSE),
    "confidence": maybe(choice(("high", "medium", "low"))),
    "world": choice(WORLDS, "What the log says of it: RML3 by a case or an effect of unknown outcome."),
    "world_why": text("One sentence for people."),
    "cases": array(
        whole({"id": uuid(), "name": text(example="CASE-1"), "world": text(), "reason": text(), "state": text()}),
        "RML cases on its resource in its time, oldest first.",
        max=20,
    ),
    "exhausted": boolean("Everybody was paged and nobody has answered."),
    "intervention": INTERVENTION,
    **TOGETHER,
}
INCIDENT = Component("Incident", whole(_FIELDS, "Failures that belong together."))
_REPORT = whole(
    {
        "id": uuid(),
        "at": time(),
        "by": text(),
        "kind": choice(("person", "agent", "operator")),
        "what": text(),
        "severity": maybe(SEVERITY),
        "since": _WHEN,
        "opened": boolean("It opened the incident."),
    }
)
_ALERT = whole(
    {
        "id": uuid(),
        "at": time(),
        "source": text(),
        "fingerprint": text(),
        "name": text(),
        "summary": maybe(text()),
        "severity": maybe(SEVERITY),
        "link": maybe(text()),
        "resource_from": text("The label that the resource was taken from."),
        "starts_at": time(),
        "ends_at": _WHEN,
        "resolved_at": _WHEN,
        "firing": boolean(),
        "opened": boolean("It opened the incident."),
    }
)
_BREACH = whole(
    {
        "id": uuid(),
        "at": time(),
        "threshold": text("Its id in `thresholds`."),
        "name": text("What was measured."),
        "resource": text(),
        "actor": maybe(text()),
        "value": text("A decimal.", example="5000"),
        "unit": maybe(text()),
        "limit": text("A decimal."),
        "side": choice(("above", "below")),
        "held_s": integer(low=0),
        "baseline": maybe(text("A decimal: the mean before.")),
        "ratio_permille": maybe(integer("Of the baseline.")),
        "event_time": time(),
        "recovered_at": maybe(time("Null while it is over.")),
        "lasted_s": maybe(integer(low=0)),
        "opened": boolean("True for the one that opened the incident."),
    }
)
_TOLD = {
    "reports": array(_REPORT, "Newest first.", max=50),
    "alerts": array(_ALERT, "Newest first.", max=50),
    "breaches": array(_BREACH, "Crossed thresholds, newest first.", max=50),
}
RELATED = array(
    whole(
        {
            "id": uuid(),
            "name": text(example="INC-2"),
            "title": text(),
            "state": text(),
            "severity": SEVERITY,
            "resource": text(),
            "assignee": maybe(text()),
            "score": integer(low=0, high=1_000),
            "reasons": array(text(), "Where the points come from."),
            "at": time(),
        }
    ),
    "Incidents that may be related, the likeliest first.",
    max=16,
)
_GROUPED = {"aliases": array(text(example="INC-2"), "What was merged into it."), "related": RELATED, "as_of": AS_OF}
WHOLE = Component("IncidentWhole", whole(_FIELDS | _TOLD | _GROUPED, "An incident with all that was told."))
ENTRY = whole(
    {
        "id": maybe(uuid()),
        "at": time(),
        "kind": text(),
        "text": text(),
        "actor": maybe(text()),
        "event_id": maybe(uuid("The agent's action it speaks of.")),
        "details": {},
        "incident": maybe(text("Whose it is; of a change nobody's.", example="INC-1")),
    }
)
DECIDED = Component(
    "Decided",
    obj(
        {
            "command_id": uuid(),
            "code": text("`accepted`, or the code of a refusal."),
            "reasons": array(text()),
            "events": array(uuid()),
            "incident_id": uuid("Of a split: the new incident, which a read model has in a moment."),
            "warnings": WARNINGS,
        },
        "What a processor answered.",
        required=("command_id", "code", "reasons", "events"),
    ),
)
NOTE = obj({"note": maybe(text("For those who come after.", max=4_096))})

LIST = Operation(
    "List incidents, the newest first",
    "incidents",
    {200: answer("A page of incidents.", page_of(INCIDENT))},
    parameters=(
        LIMIT,
        CURSOR,
        Parameter("state", choice(STATES), "Only these."),
        Parameter("severity", SEVERITY, "Only these."),
        Parameter("assignee", text(max=1_024), "Only those that this person has."),
        Parameter("taken", choice(("yes", "no")), "Whether somebody has it."),
        Parameter("resource", text(max=1_024), "Only those of this resource."),
        Parameter("service", text(max=1_024), "Only those of this service of the catalog."),
        Parameter("owner", text(max=1_024), "Only those whose service this team or person owns."),
        Parameter("actor", text(max=1_024), "Only those that a failure of this actor opened."),
        Parameter("since", time(), "Only those opened from then on."),
        Parameter("until", time(), "Only those opened before then."),
        Parameter("world", choice(WORLDS), "Only those in this world."),
        Parameter("q", text(max=1_024), "Words of the title."),
    ),
    problems={400: ("parameter_unknown", "parameter_malformed", "bad_limit", "bad_cursor", "field_not_text")},
)
ONE = Operation(
    "Read one incident",
    "incidents",
    {200: answer("The incident.", WHOLE)},
    problems={404: ("incident_unknown",)},
)
TIMELINE = Operation(
    "Read what happened to an incident, in the log's order",
    "incidents",
    {200: answer("A page of entries.", page_of(ENTRY))},
    parameters=(
        LIMIT,
        CURSOR,
        Parameter("kind", choice(GROUPS), "Only what agents did, who was told, or what people did."),
        Parameter("with", text(max=1_024), "Another incident, whose entries stand between."),
    ),
    problems={
        400: ("parameter_unknown", "parameter_malformed", "bad_limit", "bad_cursor"),
        404: ("incident_unknown",),
    },
)


def command(summary: str, body: Schema = NOTE, about: str = "") -> Operation:
    """A person's command to an incident: `body` is its JSON schema, which may be left out."""
    address = obj({"command": text("Its address."), "warnings": WARNINGS}, required=("command",))
    return Operation(
        summary,
        "incidents",
        {
            200: answer("It was accepted.", DECIDED),
            202: answer("It is on the log, and nobody has answered yet.", address, Location="The command's address."),
        },
        about=about,
        parameters=(IDEMPOTENCY,),
        bodies={JSON: body},
        body_required=False,
        problems={
            400: ("idempotency_key_malformed",),
            404: ("incident_unknown",),
            409: ("unknown_or_closed", "idempotency_conflict"),
            429: ("too_many_commands", "send_busy"),
            503: ("send_failed",),
        },
    )


_SAID = {"channel": maybe(text("Where you said so.", max=200, example="slack"))}
_SAID |= {"reference": maybe(text("The message's own id there.", max=200)), "note": maybe(text(max=4_096))}
ACKNOWLEDGE = command("Take an incident: the escalation stops", obj(_SAID))
RESOLVE = command("End an incident")
_GIVEN = {"note": maybe(text("For those who come after.", max=4_096))}
ASSIGN = command(
    "Give an incident to somebody",
    obj({"assignee": text("A person of the configuration.", min=1, max=1_024)} | _GIVEN, required=("assignee",)),
    "To yourself it is an acknowledgement; to somebody else paging goes on until somebody acknowledges.",
)
CONTAIN = command("Say that no more harm is done", about="Without an acknowledgement before, it is one too.")
REOPEN = command("Say that an incident is not over", about="People are paged as if it were new.")
CLOSE = command("Say that nothing is left to do")
SEVERITY_OF = command("Set the severity", obj({"severity": SEVERITY} | _GIVEN, required=("severity",)))
COMMAND = Operation(
    "Read what became of a command",
    "incidents",
    {
        200: Answer(
            "Its state.",
            {
                JSON: whole(
                    {
                        "command_id": uuid(),
                        "state": choice(("pending", "answered")),
                        "code": maybe(text()),
                        "reasons": array(text()),
                        "events": array(uuid()),
                        "why": maybe(text()),
                        "remedy": maybe(text()),
                        "incident": maybe(text("The INC-n that a report opened or joined.")),
                        "as_of": AS_OF,
                    }
                )
            },
        )
    },
    problems={404: ("command_unknown",)},
)
