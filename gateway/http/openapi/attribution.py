"""The words of the API document about causes, kinds and advice."""

from __future__ import annotations

from gateway.http.openapi.operation import Operation, answer
from gateway.http.openapi.parts import AS_OF
from gateway.http.openapi.schema import Component, array, boolean, choice, integer, maybe, obj, text, time, uuid, whole
from projections.incidents.attributed import WORDS

KIND = choice(tuple(WORDS))
_PART = whole({"name": text(), "points": integer("May be negative."), "why": text("In words, with its numbers.")})
RANKED = {
    "change_id": uuid(),
    "kind": text(),
    "resource": text(),
    "before": maybe(text()),
    "after": maybe(text()),
    "summary": maybe(text()),
    "actor": text(),
    "changed_at": time(),
    "seconds_before": integer("Before the first failure.", low=0),
    "relation": text("Where the change was, seen from what fails."),
    "score": integer("The sum of the parts, from 0 to 990.", low=0, high=1_000),
    "percent": integer(low=0, high=99),
    "parts": array(_PART, "Why we think this."),
}
_ADVICE = whole({"action": text(), "parameters": obj({}), "why": text()}, "What a person could do; nothing does it.")
_WRITE = whole(
    {
        "action_id": uuid(),
        "kind": text(),
        "actor": text(),
        "rows": maybe(integer(low=0)),
        "written_at": time(),
        "score": integer(low=0, high=1_000),
        "why": text(),
    }
)
CAUSES = Component(
    "Causes",
    whole(
        {
            "incident": text(),
            "said": maybe(text("The likely cause in one line, or `no candidate`; null until it is weighed.")),
            "confidence": maybe(choice(("high", "medium", "low", "none"))),
            "percent": integer(low=0, high=99),
            "tied": integer("So many others have as many points.", low=0),
            "reasons": array(text(), "Why we think this."),
            "ranked": array(
                whole(
                    RANKED
                    | {
                        "badge": choice(("likely", "suspected", "low")),
                        "collapsed": boolean("Below 50 %: pages fold it."),
                    }
                ),
                "The best first.",
                max=8,
            ),
            "weighed": integer("How many changes were weighed.", low=0),
            "kind": KIND,
            "kind_reasons": array(text()),
            "facts": obj({}),
            "warning": maybe(text("What to know before acting.")),
            "advice": array(_ADVICE),
            "writes": array(_WRITE, "Of wrong data: the writes that may have made it so.", max=8),
            "at": maybe(time()),
            "as_of": AS_OF,
        },
        "Why an incident happened, as known now.",
    ),
)
LIST = Operation(
    "Rank the causes of an incident, with its kind and advice",
    "incidents",
    {200: answer("What may have caused it, and why we think so.", CAUSES)},
)
