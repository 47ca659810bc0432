"""The service catalog, and what an incident may have hit."""

from __future__ import annotations

from gateway.http.openapi.operation import Operation, Parameter, answer
from gateway.http.openapi.parts import AS_OF, CURSOR, LIMIT
from gateway.http.openapi.schema import Component, array, boolean, choice, integer, maybe, obj, text, time, whole

_NAME = maybe(text())
_NAMES = array(text())
_GRAPH = {
    "boxes": array(
        whole(
            {
                "id": text(),
                "name": text(),
                "role": choice(("owner", "oncall", "team", "backup", "lead", "parent")),
                "of": text("What it hangs on: the service, or another box."),
                "known": boolean("The catalog or the document `people` has it."),
                "reachable": boolean("A person who can be paged."),
            }
        )
    ),
    "escalation_path": array(text(), "Who is called, in this order."),
    "path_from": text("`policy NAME`, `catalog`, or `nobody`."),
}
OWNERS = Component("OwnerGraph", whole(_GRAPH, "Who owns a service, and who is behind them."))
_SUMMARY = {
    "id": text(),
    "kind": text("service, api, resource, system …"),
    "name": text(),
    "owner": _NAME,
    "tier": _NAME,
    "system": _NAME,
    "resources": array(text(), "The names under which actions speak of it; `*` at the end: a prefix."),
    "depends_on": _NAMES,
    "sources": array(text(), "From where it is known: `backstage:…`, `kubernetes:…`, `github:…`, `manual`."),
}
_NEAR = whole({"id": text(), "owner": _NAME, "declared": boolean("False: only others' dependencies name it.")})
SERVICE = Component(
    "Service",
    whole(
        _SUMMARY
        | {
            "metadata": obj({}),
            "calls": array(_NEAR),
            "called_by": array(_NEAR, "By name.", max=500),
            "called_by_count": integer(low=0),
            "circle": array(text(), "Services that need each other in a circle with it."),
            "owners": OWNERS,
            "version": integer("Of the catalog."),
        },
        "A service with its neighbours and owners.",
    ),
)
LIST = Operation(
    "List the services of the catalog, by name",
    "catalog",
    {
        200: answer(
            "A page of services, and what is odd about the whole catalog.",
            whole(
                {
                    "version": integer("0: there never was one.", low=0),
                    "hash": _NAME,
                    "counts": whole(
                        {
                            name: integer(low=0)
                            for name in (
                                "services",
                                "dependencies",
                                "teams",
                                "people",
                                "unknown_dependencies",
                                "unknown_owners",
                                "cycles",
                            )
                        }
                    ),
                    "unknown_dependencies": array(whole({"service": text(), "depends_on": text()}), max=100),
                    "unknown_owners": array(whole({"service": text(), "owner": _NAME}), max=100),
                    "cycles": array(_NAMES, max=100),
                    "items": array(whole(_SUMMARY)),
                    "next": maybe(text("Give it as `cursor`.")),
                }
            ),
        )
    },
    parameters=(
        LIMIT,
        CURSOR,
        Parameter("owner", text(max=1_024), "Only those of this team or person."),
        Parameter("q", text(max=1_024), "Only those with this in a name."),
    ),
    problems={400: ("parameter_unknown", "bad_limit", "bad_cursor", "field_not_text")},
)
ONE = Operation(
    "Read one service of the catalog",
    "catalog",
    {200: answer("The service.", SERVICE)},
    problems={400: ("parameter_unknown",), 404: ("service_unknown",)},
)
_NODE = whole(
    {
        "service": text(),
        "relation": choice(("direct", "downstream", "possibly")),
        "depth": integer("Steps from what is direct.", low=0),
        "via": maybe(text("Through which neighbour.")),
        "calls": boolean("It calls `via`; else `via` calls it."),
        "owner": _NAME,
        "tier": _NAME,
        "declared": boolean("False: only others' dependencies name it."),
    }
)
RADIUS = Operation(
    "Read what an incident may have hit",
    "incidents",
    {
        200: answer(
            "As it was stated when the incident opened, or when the catalog or the incident changed since.",
            whole(
                {
                    "incident": text(),
                    "resource": text(),
                    "services": array(text(), "The direct ones; none where the catalog does not know the resource."),
                    "nodes": array(_NODE, "Direct, then downstream, then possibly affected.", max=100),
                    "cut": integer("So many more were reached.", low=0),
                    "owners": array(text(), max=50),
                    "circle": array(text(), max=20),
                    "reasons": _NAMES,
                    "because": maybe(choice(("opened", "catalog", "moved"))),
                    "stated_at": maybe(time()),
                    "numbers": whole(
                        {
                            "failed_actions": integer(low=0),
                            "affected": integer(low=0),
                            "actors": integer(low=0),
                            "sessions": integer(low=0),
                            "effects": integer("On the resource, while it lasted.", low=0),
                            "counted_of_first": maybe(integer("Actors and sessions are those of so many failures.")),
                        }
                    ),
                    "owner_graph": maybe(obj({"service": text()} | _GRAPH)),
                    "as_of": AS_OF,
                }
            ),
        )
    },
    problems={400: ("parameter_unknown",), 404: ("incident_unknown",)},
)
