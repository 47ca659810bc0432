"""What was flagged, and external dependencies."""

from __future__ import annotations

from dataclasses import replace

from gateway.http.openapi.incidents import command
from gateway.http.openapi.operation import JSON, Operation, Parameter, answer
from gateway.http.openapi.parts import AS_OF, CURSOR, LIMIT, page_of
from gateway.http.openapi.schema import Component, array, boolean, choice, integer, maybe, obj, text, time, uuid, whole

KINDS = ("suspicious_volume", "possible_attack", "possible_credential_stuffing", "unusual_behaviour")
_WHEN = maybe(time())
_REVIEW = {
    "id": uuid(),
    "kind": choice(KINDS),
    "actor": maybe(text("Null: the whole tenant is meant.")),
    "state": choice(("running", "ended")),
    "evidence": text("The numbers, in words."),
    "count": integer("What was last said.", low=0),
    "threshold": integer("Above this it was flagged.", low=0),
    "peak": integer(low=0),
    "reports": maybe(integer("How often it was seen; known at its end.", low=0)),
    "rate_limit": integer("Actions a second that the gateway lets pass meanwhile; 0: it limits nothing.", low=0),
    "limited_until": _WHEN,
    "security_owner": maybe(text("Who was told.")),
    "verdict": maybe(choice(("released", "confirmed"))),
    "judged_by": maybe(text()),
    "judged_at": _WHEN,
    "note": maybe(text()),
    "started_at": time(),
    "last_at": time(),
    "ended_at": _WHEN,
}
REVIEW = Component("Review", whole(_REVIEW, "A flood or an unusual actor: flagged, never dropped."))
LIST = Operation(
    "List what was flagged, the newest first",
    "review",
    {200: answer("A page.", page_of(REVIEW))},
    parameters=(
        LIMIT,
        CURSOR,
        Parameter("verdict", choice(("open", "released", "confirmed")), "`open`: nobody has looked yet."),
        Parameter("kind", choice(KINDS), "Only these."),
    ),
    problems={400: ("parameter_unknown", "parameter_malformed", "bad_limit", "bad_cursor")},
)
ONE = Operation(
    "Read one thing that was flagged",
    "review",
    {200: answer("It, with its evidence.", obj(_REVIEW | {"as_of": AS_OF}, required=(*_REVIEW, "as_of")))},
    problems={400: ("parameter_unknown",), 404: ("review_unknown",)},
)


def _judged(summary: str, about: str) -> Operation:
    found = command(summary, obj({"note": maybe(text("Why.", max=4_096))}), about)
    problems = dict(found.problems) | {
        404: ("review_unknown",),
        409: ("unknown_or_closed", "already_judged", "idempotency_conflict"),
    }
    return replace(found, tag="review", problems=problems)


RELEASE = _judged("Say that it is harmless", "The gateway limits nothing for it any more.")
CONFIRM = _judged("Say that it is what it seems", "For a time (document `floods`) nothing of it passes the gateway.")

_RATE = whole(
    {
        "partition": integer(low=0),
        "tries": integer(low=0),
        "failures": integer(low=0),
        "window_s": integer(low=1),
        "expected_per_mille": integer(low=0),
        "alert_per_mille": integer(low=0),
        "fewest": integer("The smallest number of failures that would be elevated at so many tries.", low=0),
        "elevated": boolean(),
        "words": text(example="stripe: 0.8 % (normal <= 1 %)"),
        "at": time(),
    }
)
_STATE = whole(
    {
        "region": text(),
        "state": choice(("degraded", "recovered")),
        "since": time(),
        "until": _WHEN,
        "source": text("Who says so: a status page, a mail."),
        "subject": text(),
        "note": maybe(text()),
        "at": time(),
    }
)
DEPENDENCY = Component(
    "Dependency",
    whole(
        {
            "name": text(),
            "elevated": boolean(),
            "tries": integer("In the window, over all partitions.", low=0),
            "failures": integer(low=0),
            "rates": array(_RATE),
            "states": array(_STATE),
        },
        "An external service that the tenant depends on.",
    ),
)
DEPENDENCIES = Operation(
    "List external dependencies",
    "dependencies",
    {200: answer("All of them.", whole({"items": array(DEPENDENCY), "as_of": AS_OF}))},
    problems={400: ("parameter_unknown",)},
)
_MAYBE = maybe(text("RFC 3339.", format="date-time"))
_BODY = obj(
    {
        "status": choice(("degraded", "recovered")),
        "region": maybe(text(max=256)),
        "since": _MAYBE,
        "until": _MAYBE,
        "source": maybe(text("Where you know it from; without it your own name.", max=1_024)),
        "note": maybe(text(max=4_096)),
    },
    required=("status",),
)


def _status() -> Operation:
    found = command(
        "Say how an external dependency stands",
        _BODY,
        "Incidents of what depends on it, in that time, are told that it may be why: POSSIBLE, never more.",
    )
    codes = ("not_degraded", "too_many_dependencies", "interval_empty", "idempotency_conflict")
    kept = {status: named for status, named in found.problems.items() if status != 404} | {409: codes}
    path = Parameter("name", text(min=1, max=1_024), "The dependency's name.", "path")
    return replace(
        found,
        tag="dependencies",
        bodies={JSON: _BODY},
        body_required=True,
        parameters=(*found.parameters, path),
        problems=kept,
    )


STATUS = _status()
