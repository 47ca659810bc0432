"""The timeline of actions, pages and numbers."""

from __future__ import annotations

from gateway.http.openapi.operation import Operation, Parameter, answer
from gateway.http.openapi.parts import AS_OF, CURSOR, LIMIT, page_of
from gateway.http.openapi.schema import (
    Component,
    Plain,
    Schema,
    array,
    boolean,
    choice,
    integer,
    maybe,
    obj,
    text,
    time,
    uuid,
    whole,
)

_WORD = maybe(text())
_COUNT = integer(low=0)
_ROW: dict[str, Schema] = {
    "event_id": uuid(),
    "source_id": _WORD,
    "actor": text(),
    "session": text(),
    "sequence": maybe(integer(low=0)),
    "type": text(),
    "resource": text(),
    "timestamp": time("By the agent's clock."),
    "received_at": time("By the gateway's clock, or the SDK's."),
    "appended_at": time("By the log."),
    "processed_at": time(),
    "flags": array(text()),
    "late": boolean(),
    "error": maybe(whole({"type": text(), "message": text(), "code": _WORD})),
    "effect": maybe(
        whole(
            {
                "kind": text(),
                "amount": _WORD,
                "currency": _WORD,
                "counterparty": _WORD,
                "external_reference": _WORD,
                "reversibility": text(),
            }
        )
    ),
    "change": maybe(whole({"kind": text(), "before": _WORD, "after": _WORD, "summary": _WORD})),
    "on_behalf_of": _WORD,
    "attempt": maybe(integer(low=1)),
    "result": _WORD,
    "parent_id": maybe(uuid()),
    "trace_id": _WORD,
    "tool": maybe(whole({"name": text(), "type": _WORD, "call_id": _WORD})),
    "topic": text(),
    "partition": _COUNT,
    "offset": _COUNT,
}
ROW = Component("TimelineRow", whole(_ROW, "An action as the timeline lists it."))
_MORE: dict[str, Schema] = {
    "content_key": _WORD,
    "actor_name": _WORD,
    "actor_version": _WORD,
    "parameters_digest": _WORD,
    "attempt_limit": maybe(integer(low=1)),
    "retryable": boolean(),
    "backfill": boolean(),
    "redacted": boolean(),
    "span_id": _WORD,
    "labels": maybe(whole({"world": _WORD, "action": _WORD})),
    "payload": maybe(
        whole({"type": text(), "size": _COUNT, "hash": text(), "location": _WORD, "content_base64": _WORD})
    ),
    "model": maybe(
        whole({"name": text(), "provider": _WORD, "input_tokens": maybe(_COUNT), "output_tokens": maybe(_COUNT)})
    ),
}


def _row_with(more: dict[str, Schema]) -> Plain:
    # What is added is missing where the bytes after the head cannot be read (flag `undecodable`).
    return obj(_ROW | more | {"as_of": AS_OF}, "An action with all that its sender said.", required=(*_ROW, "as_of"))


TIMELINE = Operation(
    "Read actions, in the order of their arrival or the newest first",
    "timeline",
    {200: answer("A page of actions.", page_of(ROW, tier=choice(("hot", "cold"))))},
    parameters=(
        LIMIT,
        CURSOR,
        Parameter("actor", text(max=1_024), "Only this actor's."),
        Parameter("resource", text(max=1_024), "Only those on this resource."),
        Parameter("order", choice(("arrival", "newest", "reading")), "`reading`: a page of arrivals by cause."),
        Parameter("since", time(), "Only what the log took from then on."),
    ),
    problems={400: ("parameter_unknown", "parameter_malformed", "bad_limit", "bad_cursor")},
)
ACTION = Operation(
    "Read one action with all that its sender said",
    "timeline",
    {200: answer("The action.", _row_with(_MORE))},
    problems={404: ("action_unknown",)},
)
PAGE = Component(
    "Page",
    whole(
        {
            "notification_id": uuid(),
            "incident_id": uuid(),
            "incident": text(example="INC-1"),
            "person": text(),
            "channel": whole({"kind": text(), "address": _WORD}),
            "why": text(),
            "severity": text(),
            "step": integer(),
            "steps": integer(),
            "round": integer(),
            "rounds": integer(),
            "attempts": integer(),
            "requested_at": maybe(time()),
            "outcome": _WORD,
            "outcome_at": maybe(time()),
            "detail": _WORD,
            "acknowledged_at": maybe(time()),
            "also_paged": array(text()),
        },
        "One person told on one channel, and what came of it.",
    ),
)
PAGES = Operation(
    "List pages: who was told, by which channel, and what came of it",
    "pages",
    {200: answer("A page of pages, the newest first.", page_of(PAGE))},
    parameters=(LIMIT, CURSOR, Parameter("incident", text(max=1_024), "Only those of this incident (INC-n or id).")),
    problems={400: ("parameter_unknown", "bad_limit", "bad_cursor")},
)
SUMMARY = Operation(
    "Read the tenant in numbers",
    "summary",
    {
        200: answer(
            "The numbers.",
            whole(
                {
                    "timeline_rows": _COUNT,
                    "incidents": whole({"open": _COUNT, "resolved": _COUNT}),
                    "healed_failures": _COUNT,
                    "gaps": whole({"opened": _COUNT, "filled": _COUNT, "declared": _COUNT}),
                    "drift_alerts": _COUNT,
                    "pages": whole({"requested": _COUNT, "delivered": _COUNT, "failed": _COUNT}),
                    "exhausted": array(whole({"incident": text(), "at": time()})),
                    "as_of": AS_OF,
                }
            ),
        )
    },
    problems={400: ("parameter_unknown",)},
)
