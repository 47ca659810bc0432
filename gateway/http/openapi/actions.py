"""POST /v1/actions: its encodings, and the receipts."""

from __future__ import annotations

from gateway.http.openapi.operation import JSON, Answer, Operation
from gateway.http.openapi.parts import IDEMPOTENCY, PROBLEM, WARNINGS
from gateway.http.openapi.schema import (
    Component,
    array,
    boolean,
    choice,
    either,
    integer,
    maybe,
    obj,
    text,
    time,
    uuid,
)

_NAME = {"type": "string", "minLength": 1, "maxLength": 1_024}
_LONG = maybe(text(max=4_096))
_SHORT = maybe(text(max=1_024))
_INTEGER_MAX = 2**63 - 1
_DIGEST = maybe(text("SHA-256 in hexadecimal.", pattern="^[0-9A-Za-z._:/+=-]{1,256}$"))

ERROR = maybe(
    either(
        boolean(),
        obj({"type": _NAME, "message": _LONG, "code": _SHORT}, "What went wrong.", required=("type",)),
    )
)
EFFECT = maybe(
    obj(
        {
            "kind": _NAME,
            "amount": maybe(text("Whole minor units, as a text: 12999 is 129.99 EUR.", pattern="^-?[0-9]{1,38}$")),
            "currency": maybe(text("ISO 4217; with every amount.", pattern="^[A-Z]{3}$")),
            "counterparty": _SHORT,
            "external_reference": _SHORT,
            "reversibility": maybe(choice(("reversible", "compensable", "irreversible", "unknown"))),
        },
        "Something done to the world. Such an action needs an `id` or an Idempotency-Key.",
        required=("kind",),
    )
)
CHANGE = maybe(
    obj(
        {
            "kind": choice(("deploy", "config", "flag", "migration", "permission")),
            "before": _LONG,
            "after": _LONG,
            "summary": _LONG,
        },
        "A change of the resource: what may be the cause of what follows.",
        required=("kind",),
    )
)
PAYLOAD = maybe(
    either(
        obj(
            {
                "type": choice(("inline",)),
                "content": text("Base64 of at most 256 KB.", max=349_528),
                "hash": maybe(text("SHA-256 in hexadecimal.", max=1_024)),
                "size": maybe(integer(low=0, high=_INTEGER_MAX)),
            },
            required=("type", "content"),
        ),
        obj(
            {
                "type": choice(("external",)),
                "size": integer("Bytes.", low=0, high=_INTEGER_MAX),
                "hash": _NAME,
                "location": {"type": "string", "minLength": 1, "maxLength": 4_096},
            },
            required=("type", "size", "hash", "location"),
        ),
    )
)

ACTION = Component(
    "Action",
    obj(
        {
            "actor": either(
                _NAME, obj({"id": _NAME, "name": _SHORT, "version": _SHORT}, "The agent.", required=("id",))
            ),
            "type": _NAME | {"description": "What it did: charge, deploy, …"},
            "resource": _NAME | {"description": "To what: payments, svc:checkout, …"},
            "id": maybe(text("Yours; with it the action is counted once, however often it is sent.", min=1, max=256)),
            "session": maybe(text("The agent's start; numbers count within it.", max=1_024)),
            "sequence": maybe(integer("Counts up by one in a session.", low=0, high=_INTEGER_MAX)),
            "timestamp": maybe(either(time(), integer("Milliseconds since 1970.", low=-62_135_596_800_000))),
            "on_behalf_of": _SHORT,
            "parameters": maybe(obj({}, "Only their digest is kept.")),
            "parameters_digest": _DIGEST,
            "attempt": maybe(integer(low=1, high=1_000_000)),
            "attempt_limit": maybe(integer(low=1, high=1_000_000)),
            "parent_id": maybe(text("`id` of the action that this is a part of.", min=1, max=256)),
            "trace_id": maybe(text(max=256)),
            "span_id": maybe(text(max=256)),
            "result": _LONG,
            "retryable": maybe(boolean("Another try is to be expected.")),
            "backfill": maybe(boolean("Imported from the past: pages nobody.")),
            "error": ERROR,
            "effect": EFFECT,
            "change": CHANGE,
            "tool": maybe(
                obj(
                    {"name": _NAME, "type": _SHORT, "call_id": maybe(text(max=256))},
                    "The tool call behind the action.",
                    required=("name",),
                )
            ),
            "model": maybe(
                obj(
                    {
                        "name": _NAME,
                        "provider": _SHORT,
                        "input_tokens": maybe(integer(low=0, high=_INTEGER_MAX)),
                        "output_tokens": maybe(integer(low=0, high=_INTEGER_MAX)),
                    },
                    "The model that chose the action.",
                    required=("name",),
                )
            ),
            "labels": maybe(obj({"world": _SHORT, "action": _SHORT})),
            "payload": PAYLOAD,
        },
        "One action of an agent.",
        required=("actor", "type", "resource"),
    ),
)

EVENT = Component(
    "CloudEvent",
    obj(
        {
            "specversion": choice(("1.0",)),
            "id": text("The action's id; (source, id) is what makes an event the same.", min=1, max=256),
            "source": text("The actor, unless `data` names one.", min=1, max=1_024),
            "type": text("The action's type, unless `data` names one.", min=1, max=1_024),
            "subject": maybe(text("The resource, unless `data` names one.", min=1, max=1_024)),
            "time": maybe(time("Its timestamp, unless `data` has one.")),
            "traceparent": maybe(text("W3C: trace_id and span_id, unless `data` has them.", max=1_024)),
            "data": maybe(obj({}, "The fields of an Action; all may be left out that attributes say.")),
        },
        "CloudEvents 1.0, structured mode. Binary mode: the attributes as headers (`ce-id`, …), `data` as the body.",
        required=("specversion", "id", "source", "type"),
    ),
)

RECEIPT = Component(
    "Receipt",
    obj(
        {
            "status": integer("202: all replicas have it. Else see `problem`.", low=202, high=503),
            "event_id": uuid("Ask for it at /v1/timeline/{event_id}."),
            "topic": text(),
            "partition": integer(low=0),
            "offset": integer(low=0),
            "warnings": WARNINGS,
            "problem": PROBLEM,
        },
        "What became of one action of the batch.",
        required=("status",),
    ),
)

SEND = Operation(
    "Tell what an agent did",
    "actions",
    {
        202: Answer(
            "At least one action is on the log; `results` has one receipt for each, in order.",
            {JSON: obj({"results": array(RECEIPT), "warnings": WARNINGS}, required=("results",))},
        )
    },
    about="One action, a list, or {actions: […]}; at most 1,000. Bad ones are refused one by one, the rest goes on. "
    "Or one action in Avro single-object encoding, or CloudEvents 1.0 (docs/api.md shows each).",
    parameters=(IDEMPOTENCY,),
    bodies={
        JSON: either(
            ACTION,
            array(ACTION, min=1, max=1_000),
            obj({"actions": array(ACTION, min=1, max=1_000)}, required=("actions",)),
        ),
        "application/avro": {"type": "string", "format": "binary", "description": "C3 01, fingerprint, Action."},
        "application/cloudevents+json": EVENT,
        "application/cloudevents-batch+json": array(EVENT, min=1, max=1_000),
    },
    problems={
        400: ("idempotency_key_malformed", "avro_not_single_object", "header_twice"),
        403: ("tenant_foreign",),
        413: ("batch_too_large", "action_too_large"),
        422: (
            "batch_empty",
            "batch_refused",
            "field_not_list",
            "field_not_object",
            "effect_without_id",
            "avro_schema_unknown",
        ),
        429: ("pipeline_behind", "send_busy"),
        503: ("send_failed",),
    },
)
