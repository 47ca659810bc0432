"""Incidents: reading them, and what people tell them."""

from __future__ import annotations

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
            "failures_after_page": _COUNT,
            "affected_before_page": _COUNT,
            "affected_after_page": _COUNT,
            "seconds": whole({name: maybe(number()) for name in ("detect", "page", "acknowledge", "resolve")}),
        },
        "Could a person intervene in time?",
    ),
)
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
    "exhausted": boolean("Everybody was paged and nobody has answered."),
    "intervention": INTERVENTION,
}
INCIDENT = Component("Incident", whole(_FIELDS, "Failures that belong together."))
ENTRY = whole(
    {
        "id": maybe(uuid()),
        "at": time(),
        "kind": text(),
        "text": text(),
        "actor": maybe(text()),
        "event_id": maybe(uuid("The agent's action it speaks of.")),
        "details": {},
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
        Parameter("state", choice(("open", "detected", "investigating", "resolved")), "Only these."),
        Parameter("severity", SEVERITY, "Only these."),
        Parameter("assignee", text(max=1_024), "Only those that this person has."),
        Parameter("taken", choice(("yes", "no")), "Whether somebody has it."),
        Parameter("resource", text(max=1_024), "Only those of this resource."),
        Parameter("q", text(max=1_024), "Words of the title."),
    ),
    problems={400: ("parameter_unknown", "parameter_malformed", "bad_limit", "bad_cursor", "field_not_text")},
)
ONE = Operation(
    "Read one incident",
    "incidents",
    {200: answer("The incident.", INCIDENT)},
    problems={404: ("incident_unknown",)},
)
TIMELINE = Operation(
    "Read what happened to an incident, in the log's order",
    "incidents",
    {200: answer("A page of entries.", page_of(ENTRY))},
    parameters=(LIMIT, CURSOR),
    problems={400: ("parameter_unknown", "bad_limit", "bad_cursor"), 404: ("incident_unknown",)},
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


ACKNOWLEDGE = command("Take an incident: the escalation stops")
RESOLVE = command("End an incident")
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
                        "as_of": AS_OF,
                    }
                )
            },
        )
    },
    problems={404: ("command_unknown",)},
)
