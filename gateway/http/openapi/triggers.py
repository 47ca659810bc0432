"""What may open an incident: observations, PagerDuty's events, suggestions."""

from __future__ import annotations

from dataclasses import replace

from gateway.http.openapi.incidents import command
from gateway.http.openapi.operation import JSON, Answer, Operation, Parameter, answer
from gateway.http.openapi.parts import CURSOR, LIMIT, PROBLEM, page_of
from gateway.http.openapi.schema import (
    Component,
    Plain,
    array,
    choice,
    either,
    integer,
    maybe,
    number,
    obj,
    text,
    time,
    uuid,
    whole,
)

_NAME = text(min=1, max=1_024)
_MAYBE = maybe(text(max=1_024))
_OBSERVATION = obj(
    {
        "name": text("What is measured, as a threshold names it.", min=1, max=256),
        "resource": _NAME,
        "value": either(number("Between -10^12 and 10^12, kept to a millionth."), text("A decimal.", max=64)),
        "actor": maybe(text("Who caused it, where that is known.", max=1_024)),
        "unit": maybe(text(max=32)),
        "time": maybe(text("RFC 3339; now without it.", format="date-time")),
        "id": maybe(text("Your own id: told twice, it is one observation.", max=256)),
    },
    required=("name", "resource", "value"),
)
_RESULT = either(
    whole({"status": integer(), "observation": uuid(), "value": text("As it was understood.", example="12.5")}),
    whole({"status": integer(), "problem": PROBLEM}),
)
OBSERVE = Operation(
    "Tell of measured values: spend, rows, instances",
    "incidents",
    {202: answer("A result for each observation, in their order.", whole({"results": array(_RESULT)}))},
    about="Thresholds of the document `incidents` decide whether one opens an incident; none are set by default.",
    bodies={JSON: either(_OBSERVATION, array(_OBSERVATION, max=1_000))},
    problems={413: ("batch_too_large",), 422: ("batch_refused", "field_not_a_number"), 503: ("send_failed",)},
)

# --- PagerDuty ----------------------------------------------------------------------------------------------------

_KEY = text("A token of Mandate; a tenant's, of any kind.", min=1, max=512)
_PD_ERROR = obj(
    {"status": text(), "message": text(), "errors": array(text())}, "PagerDuty's own form.", required=("status",)
)


def _pagerduty(summary: str, accepted: Plain, body: Plain, about: str) -> Operation:
    plain = {JSON: _PD_ERROR, "text/plain": {"type": "string"}}
    after = {"Retry-After": "Seconds."}
    return Operation(
        summary,
        "incidents",
        {
            202: answer("It is on the log.", accepted),
            400: Answer("The event is malformed, or nobody has this routing key: do not send it again.", plain),
            413: Answer("The event is too large.", {JSON: _PD_ERROR}),
            429: Answer("Too many at once: send it again later.", {JSON: _PD_ERROR}, after),
            503: Answer("The log does not take it now: send it again later.", {JSON: _PD_ERROR}, after),
        },
        about=about,
        bodies={JSON: body},
    )


PD_EVENT = _pagerduty(
    "Take an event as PagerDuty's Events API v2 does",
    obj({"status": text(), "message": text(), "dedup_key": text()}, required=("status", "message", "dedup_key")),
    obj(
        {
            "routing_key": _KEY,
            "event_action": choice(("trigger", "acknowledge", "resolve")),
            "dedup_key": maybe(text("What the alert is known by until it is over.", max=255)),
            "payload": obj(
                {
                    "summary": text(max=1_024),
                    "source": text("What is affected; `component` or `custom_details.mandate_resource` say more."),
                    "severity": choice(("critical", "error", "warning", "info")),
                    "timestamp": text(),
                    "component": text(),
                    "class": text(),
                    "custom_details": obj({}),
                }
            ),
            "links": array(obj({"href": text(), "text": text()})),
            "client_url": text(),
        },
        required=("routing_key", "event_action"),
    ),
    "`trigger` opens or joins an incident, `resolve` ends the alert, `acknowledge` is a note: paging goes on.",
)
PD_CHANGE = _pagerduty(
    "Take a change event as PagerDuty does",
    obj({"status": text(), "message": text()}, required=("status", "message")),
    obj(
        {
            "routing_key": _KEY,
            "payload": obj(
                {"summary": text(max=1_024), "source": text(), "timestamp": text(), "custom_details": obj({})},
                required=("summary",),
            ),
            "links": array(obj({"href": text(), "text": text()})),
        },
        required=("routing_key", "payload"),
    ),
    "`custom_details.kind` says whether it is a deploy, config, flag, migration or permission; else it is a change.",
)

# --- suggestions --------------------------------------------------------------------------------------------------

SUGGESTION = Component(
    "Suggestion",
    whole(
        {
            "id": uuid(),
            "number": integer(low=1),
            "name": text(example="SUG-1"),
            "kind": choice(("pattern", "anomaly")),
            "confidence": choice(("high", "medium", "low", "none")),
            "state": choice(("open", "accepted", "dismissed", "expired")),
            "resource": text(),
            "title": text(),
            "pattern": text("What is alike, in words."),
            "actor": _MAYBE,
            "past": maybe(text("The incident that it resembles.", example="INC-1")),
            "reasons": array(text()),
            "evidence": array(uuid("An action or a change.")),
            "times": integer("How often it was seen.", low=1),
            "event_time": time(),
            "at": time(),
            "expires_at": time(),
            "decided_at": maybe(time()),
            "decided_by": _MAYBE,
            "said": maybe(text("The note or the reason of who decided.")),
            "incident": maybe(text("The incident that it became.", example="INC-1")),
            "counts": whole(
                {"accepted": integer(low=0), "dismissed": integer(low=0), "expired": integer(low=0)},
                "What people made of this pattern so far.",
            ),
        }
    ),
)
_STATE = Parameter(
    "state", choice(("open", "accepted", "dismissed", "expired", "all")) | {"default": "open"}, "Only these."
)
SUGGESTIONS = Operation(
    "List suggestions, the newest first",
    "incidents",
    {200: answer("A page of suggestions.", page_of(SUGGESTION))},
    parameters=(LIMIT, CURSOR, _STATE),
    problems={400: ("parameter_unknown", "parameter_malformed", "bad_limit", "bad_cursor")},
)
SUGGESTED = Operation(
    "Read a suggestion",
    "incidents",
    {200: answer("The suggestion.", obj({}, "A Suggestion, with `as_of`."))},
    problems={404: ("suggestion_unknown",)},
)


def _decision(summary: str, body: Plain, about: str, body_required: bool) -> Operation:
    found = command(summary, body, about)
    kept = {status: codes for status, codes in found.problems.items() if status not in (404, 409)}
    kept |= {404: ("suggestion_unknown",), 409: ("suggestion_decided", "idempotency_conflict")}
    return replace(found, body_required=body_required, problems=kept)


ACCEPT = _decision(
    "Accept a suggestion: it is an incident",
    obj({"note": maybe(text(max=4_096))}),
    "It opens an incident, or joins the one that is open on the resource.",
    body_required=False,
)
DISMISS = _decision(
    "Dismiss a suggestion: it is none",
    obj({"reason": text("Why.", min=1, max=4_096)}, required=("reason",)),
    "The same is not suggested again for `suggestions.quiet_s`.",
    body_required=True,
)
