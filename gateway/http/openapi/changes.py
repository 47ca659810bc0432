"""Changes: what was changed where by whom, and what exactly."""

from __future__ import annotations

from gateway.http.openapi.operation import Operation, Parameter, answer
from gateway.http.openapi.parts import AS_OF, CURSOR, LIMIT, page_of
from gateway.http.openapi.schema import Component, Schema, array, choice, integer, maybe, text, time, uuid, whole

_WORD = maybe(text())
_COUNT = integer(low=0)
DIFFERENCE = Component(
    "Difference",
    whole(
        {
            "format": choice(("json", "yaml", "text", "value"), "As what the two texts were compared."),
            "changed": _COUNT,
            "added": _COUNT,
            "removed": _COUNT,
            "cut": integer("Lines left out behind the first 200.", low=0),
            "lines": array(
                whole(
                    {
                        "op": choice(("same", "changed", "removed", "added")),
                        "depth": _COUNT,
                        "key": maybe(text("An entry's name; null of a list's item and of a line of text.")),
                        "before": _WORD,
                        "after": _WORD,
                    }
                ),
                max=200,
            ),
        },
        "What a change changed, line by line.",
    ),
)
_FIELDS: dict[str, Schema] = {
    "id": uuid(),
    "resource": text(),
    "kind": text(),
    "before": _WORD,
    "after": _WORD,
    "summary": _WORD,
    "actor": text("Who made it."),
    "recorded_by": maybe(text("Who told of it, where that was not the agent itself.")),
    "text": text("One sentence for people."),
    "difference": maybe(DIFFERENCE),
    "changed_at": time("When it was made, as its sender says."),
    "at": time("By the log."),
    "event_id": uuid("The agent's action, or the command that told of it."),
}
CHANGE = Component("Change", whole(_FIELDS, "A change of a resource."))
LIST = Operation(
    "List changes, the newest first",
    "incidents",
    {200: answer("A page of changes.", page_of(CHANGE))},
    parameters=(
        LIMIT,
        CURSOR,
        Parameter("resource", text(max=1_024), "Only those of this resource."),
        Parameter("kind", text(max=1_024), "Only those of this kind."),
        Parameter("actor", text(max=1_024), "Only those that this one made."),
        Parameter("since", time(), "Only those made from then on."),
        Parameter("until", time(), "Only those made before then."),
    ),
    problems={400: ("parameter_unknown", "parameter_malformed", "bad_limit", "bad_cursor", "field_not_text")},
)
ONE = Operation(
    "Read one change",
    "incidents",
    {200: answer("The change.", Component("ChangeWhole", whole(_FIELDS | {"as_of": AS_OF}, "A change.")))},
    problems={404: ("change_unknown",)},
)
