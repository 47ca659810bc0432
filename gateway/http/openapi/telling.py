"""What is told from outside: reports, changes, external alerts."""

from __future__ import annotations

from dataclasses import replace

from gateway.http.openapi.incidents import command
from gateway.http.openapi.operation import JSON, Operation, answer
from gateway.http.openapi.parts import PROBLEM, SEVERITY
from gateway.http.openapi.schema import array, choice, either, integer, maybe, obj, text, time, uuid, whole

_NAME = text(min=1, max=1_024)
_MAYBE = maybe(text(max=4_096))
_WHEN = maybe(text("RFC 3339.", format="date-time"))
_REPORT = obj(
    {
        "resource": _NAME,
        "what": text("What is wrong, in your words.", min=1, max=4_096),
        "severity": maybe(SEVERITY),
        "since": _WHEN,
    },
    required=("resource", "what"),
)
_CHANGE = obj(
    {
        "kind": choice(("deploy", "config", "flag", "migration", "permission")),
        "resource": _NAME,
        "before": _MAYBE,
        "after": _MAYBE,
        "reference": maybe(obj({"before": _MAYBE, "after": _MAYBE}, "In place of `before` and `after`.")),
        "summary": maybe(text(max=4_096)),
        "at": _WHEN,
        "by": maybe(text("Who changed it; without it the token's subject.", max=1_024)),
        "id": maybe(text("Your own id: told twice, it is one change.", max=256)),
    },
    required=("kind", "resource"),
)


def _told(summary: str, body: dict[str, object], about: str) -> Operation:
    found = command(summary, body, about)
    kept = {status: codes for status, codes in found.problems.items() if status != 404}
    kept[409] = ("idempotency_conflict",)
    return replace(found, body_required=True, problems=kept)


REPORT = _told(
    "Report a problem",
    _REPORT,
    "It joins the incident that is open on the resource, or opens one; people are paged. `incident` of the command's "
    "address names it.",
)
CHANGE = _told("Tell of a change", _CHANGE, "What may be the cause of what fails after it.")
_ALERT = obj(
    {
        "status": choice(("firing", "resolved")),
        "labels": obj({}, "`mandate_resource`, else `service`, else `job`/`instance` names the resource."),
        "annotations": obj({}),
        "startsAt": time(),
        "endsAt": text(),
        "fingerprint": text(max=256),
        "generatorURL": text(),
    },
    required=("status", "labels", "startsAt"),
)
_RESULT = either(
    whole(
        {
            "status": integer(),
            "alert": uuid("Its id in `alerts` of the incident."),
            "told": choice(("firing", "resolved")),
            "resource": text(),
            "resource_from": text("The label that the resource was taken from."),
        }
    ),
    whole({"status": integer(), "problem": PROBLEM}),
)
ALERTMANAGER = Operation(
    "Take Alertmanager's webhook (version 4)",
    "incidents",
    {202: answer("A result for each alert, in their order.", whole({"results": array(_RESULT)}))},
    about="An alert is known by its fingerprint and startsAt, so telling it again is harmless.",
    bodies={JSON: obj({"alerts": array(_ALERT, max=1_000)}, required=("alerts",))},
    problems={413: ("batch_too_large",), 422: ("batch_refused",), 503: ("send_failed",)},
)
