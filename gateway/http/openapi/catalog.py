"""The service catalog, and what an incident may have hit."""

from __future__ import annotations

from gateway.http.openapi.operation import JSON, Operation, Parameter, answer
from gateway.http.openapi.parts import AS_OF, CURSOR, LIMIT, WARNINGS
from gateway.http.openapi.schema import (
    Component,
    Schema,
    array,
    boolean,
    choice,
    integer,
    maybe,
    obj,
    text,
    time,
    whole,
)

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
_LISTS: dict[str, Schema] = {
    "conflicts": array(
        whole({n: text() for n in ("about", "field", "kept", "kept_from", "other", "other_from")}),
        "Where the files disagree, and which one is kept.",
        max=200,
    ),
    "unknown_dependencies": array(whole({"service": text(), "depends_on": text()}), max=200),
    "unknown_owners": array(whole({"service": text(), "owner": text()}), max=200),
    "unowned": array(text(), max=200),
    "cycles": array(_NAMES, max=200),
}
IMPORT = Operation(
    "Make files the catalog of a tenant",
    "catalog",
    {
        200: answer(
            "Accepted (or, with dry_run, acceptable), and what is odd about it.",
            obj(
                {
                    "tenant": text(),
                    "version": integer("Of the catalog that is in force then.", low=0),
                    "changed": boolean(),
                    "diff": array(text(), "Against the catalog in force."),
                    "dry_run": boolean(),
                    "counts": {"type": "object", "additionalProperties": integer(low=0)},
                    "skipped": {"type": "object", "additionalProperties": integer(low=0)},
                    **_LISTS,
                    "warnings": WARNINGS,
                },
                required=("tenant", "version", "changed", "diff", "dry_run", "counts", "skipped", *_LISTS),
            ),
        )
    },
    about="Backstage's catalog-info.yaml, manifests of Kubernetes, CODEOWNERS of GitHub, and our own YAML or JSON, as"
    " `mandate catalog import` reads them. One that cannot be read refuses all, with its file and line; the catalog in"
    " force stays.",
    bodies={
        JSON: obj(
            {
                "files": array(
                    obj(
                        {
                            "name": text("As it is called; `.json` and `CODEOWNERS` say what it is.", min=1, max=1_024),
                            "content": text(min=1),
                        },
                        required=("name", "content"),
                    ),
                    min=1,
                    max=5_000,
                ),
                "repository": maybe(text("ORG/NAME of a CODEOWNERS file.", max=1_024)),
                "folders": maybe({"type": "object", "additionalProperties": text(min=1)}),
                "expected": maybe(integer("The version that it is believed to have.", low=0)),
                "dry_run": maybe(boolean("Check only.")),
            },
            required=("files",),
        )
    },
    problems={
        409: ("configuration_conflict",),
        422: (
            *("catalog_syntax", "catalog_not_text", "catalog_malformed", "catalog_unrecognised", "catalog_empty"),
            *("catalog_too_large", "catalog_reference_malformed", "configuration_invalid", "tenant_malformed"),
        ),
    },
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
