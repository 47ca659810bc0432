"""The health of the pipeline."""

from __future__ import annotations

from gateway.http.openapi.operation import Operation, answer
from gateway.http.openapi.parts import AS_OF
from gateway.http.openapi.reading import PAGE
from gateway.http.openapi.schema import Schema, array, boolean, choice, integer, maybe, number, obj, text, time, whole

_COUNT = integer(low=0)
_STATE = choice(("ok", "behind", "stands", "not_started", "unknown"))
_STANDS: dict[str, Schema] = {
    "name": text(),
    "state": _STATE,
    "waiting": maybe(_COUNT),
    "seconds_behind": maybe(number()),
}
PIPELINE = Operation(
    "Is everything that was sent on its way, and how late?",
    "operating",
    {
        200: answer(
            "Processors, read models, and where the actions of the last minutes went.",
            whole(
                {
                    "looked": boolean("False: the broker has not answered for 10 s."),
                    "gateway": whole({"sender": text("`ok`, or why it can never send again."), "in_flight": _COUNT}),
                    "processors": array(whole({**_STANDS, "reads": text()}), "In the order of an action's way."),
                    "read_models": array(
                        whole({**_STANDS, "store": text(), "reads": array(text()), "as_of": AS_OF}),
                    ),
                    "processes": array(
                        whole(
                            {
                                "name": text(),
                                "state": choice(("healthy", "unhealthy", "no_answer", "cannot_be_asked")),
                                "threads": obj({}, "Each with the state it says: running, restoring, dead, …"),
                                "codes": array(text(), "What it cannot get over by itself.", max=8),
                                "asked_at": maybe(time()),
                            }
                        ),
                        "By their own /healthz; `cannot_be_asked` where the gateway knows no address.",
                    ),
                    "account": maybe(
                        whole(
                            {
                                "since": time("By the log."),
                                "accepted": _COUNT,
                                "admitted": _COUNT,
                                "dropped": _COUNT,
                                "dead_letters": _COUNT,
                                "on_the_way": _COUNT,
                                "unaccounted": _COUNT,
                            },
                            "Ids of the tenant in the last 20 to 30 minutes.",
                        )
                    ),
                    "pages": whole({"requested": _COUNT, "delivered": _COUNT, "failed": _COUNT}),
                    "last_page": maybe(PAGE),
                    "as_of": AS_OF,
                }
            ),
        )
    },
    problems={400: ("parameter_unknown",)},
)
