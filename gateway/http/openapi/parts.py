"""What several descriptions share: path parameters, paging, keys, lists, problems."""

from __future__ import annotations

from collections.abc import Mapping

from gateway.http.openapi.operation import Parameter
from gateway.http.openapi.schema import Component, Plain, Schema, array, choice, integer, maybe, obj, text, time, whole

# Every name that stands in braces in the route table. An Operation may describe one anew in its own `parameters`.
PATH: Mapping[str, Parameter] = {
    p.name: p
    for p in (
        Parameter("tenant", text(pattern="^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$"), "The tenant's name.", "path"),
        Parameter("incident", text(min=1, example="INC-1"), "INC-n, or the incident's id.", "path"),
        Parameter(
            "service", text(min=1, example="payments-service"), "Its id, or the name of a resource of it.", "path"
        ),
        Parameter("case", text(min=1, example="CASE-1"), "CASE-n, or the case's id.", "path"),
        Parameter("suggestion", text(min=1, example="SUG-1"), "SUG-n, or the suggestion's id.", "path"),
        Parameter("review", text(min=1), "The id of what was flagged.", "path"),
        Parameter("change", text(min=1), "The change's id.", "path"),
        Parameter("event", text(min=1), "`event_id` of a receipt.", "path"),
        Parameter("id", text(min=1, max=1_024), "An event id, the sender's own id, or topic-partition@offset.", "path"),
        Parameter("command", text(min=1), "The id that an answer 202 gave.", "path"),
    )
}

LIMIT = Parameter("limit", integer(low=1, high=1_000) | {"default": 50}, "How many items at most.")
CURSOR = Parameter("cursor", text(max=16_384), "`next` of the page before, unchanged.")
# Printable ASCII; HTTP itself takes away blanks at the ends of a header.
KEY_PATTERN = "^[!-~]([ -~]*[!-~])?$"
IDEMPOTENCY = Parameter(
    "Idempotency-Key",
    text(min=1, max=256, pattern=KEY_PATTERN),
    "The same key gives the same ids, so sending again changes nothing.",
    "header",
)

SEVERITY = choice(("SEV1", "SEV2", "SEV3", "SEV4"))

WARNING = Component(
    "Warning",
    whole(
        {
            "code": choice(("field_unknown",), "Stable."),
            "field": text("Where, as a path: `actions[3].effect.amont`."),
            "detail": text("What became of it."),
        },
        "Something that was accepted and not used, most likely a typo.",
    ),
)
WARNINGS = array(WARNING, "Fields that nobody asked for; left out when there are none.", max=100)

PROBLEM = Component(
    "Problem",
    obj(
        {
            "type": text("urn:mandate:problem:<code>", format="uri"),
            "title": text("What it is about."),
            "status": integer("The status of the answer.", low=400, high=599),
            "detail": text("Why."),
            "code": text("Stable; never changes its meaning.", pattern="^[a-z][a-z0-9_]*$"),
            "remedy": text("What to do."),
            "field": text("Which field, as a path."),
        },
        "RFC 9457: what happened, why, and what to do.",
        required=("type", "title", "status", "detail", "code", "remedy"),
    ),
)

AS_OF = array(
    whole(
        {
            "topic": text(),
            "partition": integer(low=0),
            "next_offset": integer(low=0),
            "append_time": maybe(time()),
        }
    ),
    "How far on the log the read models had come when this was read.",
)


def page_of(item: Schema, **more: Schema) -> Plain:
    """A page of a list, and what else this list says."""
    following = maybe(text("Give it as `cursor` for the next page; null: this was the last."))
    return whole({"items": array(item), "next": following, "as_of": AS_OF} | more)
