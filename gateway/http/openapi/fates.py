"""What became of an action, and what is open now: the read models in Redis."""

from __future__ import annotations

from gateway.http.openapi.operation import Operation, Parameter, answer
from gateway.http.openapi.parts import AS_OF, LIMIT, SEVERITY
from gateway.http.openapi.reading import ACTION
from gateway.http.openapi.schema import Schema, array, boolean, choice, integer, maybe, obj, text, time, uuid, whole

_PLACE: dict[str, Schema] = {"topic": text(), "partition": integer(low=0), "offset": integer(low=0)}
_ACTOR = Parameter("actor", text(max=1_024), "Who sent it: needed when the id is the sender's own and no UUID.")
_IDS = (
    "The id is an event id as every receipt names it, the sender's own id (with `actor` unless it is a UUID), or for a "
    "record without a readable id its coordinates `topic-partition@offset`."
)

ONE = Operation(
    "Read one action as it is remembered, by the event id or by the sender's own id",
    "timeline",
    ACTION.answers,
    _IDS,
    parameters=(_ACTOR,),
    problems={400: ("parameter_unknown", "actor_required"), 404: ("action_unknown",), 422: ("field_too_long",)},
)
FATE = Operation(
    "Ask what became of one action",
    "timeline",
    {
        200: answer(
            "What is known; also when that is nothing.",
            whole(
                {
                    "id": text("As asked."),
                    "event_id": maybe(uuid()),
                    "fate": choice(("in_timeline", "admitted", "accepted", "dropped", "dead_letter", "unknown")),
                    "text": text("One sentence for people."),
                    "accepted": array(whole(_PLACE | {"appended_at": time()}), "Where it was written, each time."),
                    "admitted": array(
                        whole(_PLACE | {"appended_at": time(), "flags": array(text())}), "Passed deduplication."
                    ),
                    "dropped": array(
                        whole(
                            {"reason": text(), "rule": choice(("event_id", "sequence"))}
                            | _PLACE
                            | {"dropped_at": time(), "first": maybe(whole(_PLACE))}
                        ),
                        "Copies that were dropped, and where the first is.",
                    ),
                    "dead_letters": array(
                        whole(
                            {"processor": text(), "code": text(), "detail": text()} | _PLACE | {"set_aside_at": time()}
                        )
                    ),
                    "session": maybe(
                        whole(
                            {
                                "sequence": integer("Its number.", low=0),
                                "standing": choice(("seen", "open", "unknown"), "Whether that number passed."),
                                "highest": integer("The highest that passed.", low=0),
                                "floor": integer("Below it nothing is known.", low=0),
                                "open": array(array(integer(low=0)), "Unseen ranges: first and last.", max=64),
                                "passed_at": time("When a number of it passed last."),
                            },
                            "What the mark of its session says; null without one, or after a day of silence.",
                        )
                    ),
                    "timeline": maybe(obj({}, "As in /v1/timeline/{event}, without `as_of`.")),
                    "window": maybe(
                        whole(
                            {"since": maybe(time()), "until": maybe(time())},
                            "How far back the lists reach; null: only the timeline could be asked.",
                        )
                    ),
                    "as_of": AS_OF,
                }
            ),
        )
    },
    _IDS,
    parameters=(_ACTOR,),
    problems={400: ("parameter_unknown", "actor_required"), 422: ("field_too_long",), 503: ("redis_unavailable",)},
)

_COUNT = integer(low=0)
OVERVIEW = Operation(
    "Read what is open now, in short",
    "incidents",
    {
        200: answer(
            "Numbers, and the worst and oldest open incidents first.",
            whole(
                {
                    "open": _COUNT,
                    "worst": maybe(SEVERITY),
                    "by_severity": obj({}, "SEV1 to SEV4, each with how many are open."),
                    "by_state": obj({}, "Every state in which something is open, with how many."),
                    "unassigned": _COUNT,
                    "over": integer("Of those that are kept in short.", low=0),
                    "left_out": integer("Older ones that are not kept in short.", low=0),
                    "items": array(
                        whole(
                            {
                                "id": uuid(),
                                "name": text(example="INC-1"),
                                "number": integer(low=1),
                                "state": text(),
                                "severity": SEVERITY,
                                "title": text(),
                                "resource": text(),
                                "historical": boolean(),
                                "opened_at": time(),
                                "first_failure_at": time(),
                                "changed_at": time(),
                                "failures": _COUNT,
                                "affected": _COUNT,
                                "assignee": maybe(text()),
                                "acknowledged_at": maybe(time()),
                                "paged_at": maybe(time()),
                                "cause": maybe(
                                    whole(
                                        {
                                            "kind": maybe(text()),
                                            "resource": maybe(text()),
                                            "summary": maybe(text()),
                                            "confidence": text(),
                                        }
                                    )
                                ),
                            }
                        )
                    ),
                    "as_of": AS_OF,
                }
            ),
        )
    },
    parameters=(LIMIT,),
    problems={400: ("parameter_unknown", "bad_limit"), 503: ("redis_unavailable",)},
)
