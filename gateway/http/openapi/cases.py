"""RML cases and the ledger of effects."""

from __future__ import annotations

from gateway.http.openapi.operation import Operation, Parameter, answer
from gateway.http.openapi.parts import AS_OF, CURSOR, LIMIT, page_of
from gateway.http.openapi.schema import Component, Schema, array, choice, integer, maybe, obj, text, time, uuid, whole

_WORD = maybe(text())
_HASH = text("SHA-256.", pattern="^[0-9a-f]{64}$")
_AMOUNT = maybe(text("Whole minor units.", example="4900"))
ENTRY = Component(
    "LedgerEntry",
    whole(
        {
            "number": integer("Its place in the tenant's ledger.", low=1),
            "id": uuid(),
            "action_id": uuid(),
            "actor": text(),
            "action_type": text(),
            "kind": text(),
            "outcome": choice(("applied", "failed", "unknown")),
            "amount": _AMOUNT,
            "currency": _WORD,
            "counterparty": _WORD,
            "external_reference": _WORD,
            "resource": text(),
            "reversibility": text(),
            "event_time": time("By the agent's clock."),
            "at": time("When it was entered, by the log's clock."),
            "observations": integer("How often this one movement was told.", low=1),
            "previous_hash": _HASH,
            "hash": _HASH,
        },
        "One effect on the world. The hash covers all entries before it, and of this one all but the last three.",
    ),
)
_CASE: dict[str, Schema] = {
    "id": uuid(),
    "number": integer(low=1),
    "name": text(pattern="^CASE-[1-9][0-9]*$", example="CASE-1"),
    "world": choice(("RML1", "RML2", "RML3")),
    "state": choice(("open",)),
    "reason": choice(("second_charge", "label")),
    "why": text("One sentence for people."),
    "opened_at": time(),
    "resource": text(),
    "kind": _WORD,
    "counterparty": _WORD,
    "amount": _AMOUNT,
    "currency": _WORD,
    "actor": text("Whose action opened it."),
    "action_id": uuid(),
    "event_time": time(),
    "labels": whole({"world": _WORD, "action": _WORD}),
    "entries_count": integer(low=0),
    "entries": array(ENTRY),
    "incident_id": maybe(uuid("The incident on the same resource in whose time it came about.")),
    "incident": maybe(text(example="INC-1")),
    "size": maybe(choice(("small", "medium", "large"), "Who leads, not how bad the world is.")),
    "size_why": text("One sentence for people."),
    "summary": whole(
        {
            "parties": maybe(integer("Null when an entry names nobody.", low=0)),
            "amount": maybe(text("In question: whole minor units of the case's currency.", example="4900")),
            "first_at": maybe(time()),
            "last_at": maybe(time()),
        },
        "Of the entries that it names.",
    ),
}
CASE = Component("Case", whole(_CASE, "Something that has become history, and the entries of the ledger it is about."))
_HEAD = whole({"number": integer(low=1), "hash": _HASH}, "The newest entry.")

LIST = Operation(
    "List RML cases, the newest first",
    "cases",
    {200: answer("A page of cases, each with its first 20 entries.", page_of(CASE))},
    parameters=(LIMIT, CURSOR, Parameter("state", choice(("open",)), "Only these.")),
    problems={400: ("parameter_unknown", "parameter_malformed", "bad_limit", "bad_cursor")},
)
ONE = Operation(
    "Read one case with its entries",
    "cases",
    {200: answer("The case, with up to 1,000 entries.", obj(_CASE | {"as_of": AS_OF}, required=(*_CASE, "as_of")))},
    problems={400: ("parameter_unknown",), 404: ("case_unknown",)},
)
LEDGER = Operation(
    "Read the ledger of effects in its order",
    "cases",
    {
        200: answer(
            "A page of entries.",
            whole(
                {
                    "ledger": text("The tenant: its name is in every hash."),
                    "head": maybe(_HEAD),
                    "items": array(ENTRY),
                    "next": _WORD,
                    "as_of": AS_OF,
                }
            ),
        )
    },
    about="Each hash is SHA-256 over `mandate-ledger-v1`, a zero byte, the 32 bytes of the hash before it (zeroes for"
    " entry 1) and the entry in canonical JSON (RFC 8785): the members from `number` to `at`, and `ledger`.",
    parameters=(LIMIT, CURSOR),
    problems={400: ("parameter_unknown", "bad_limit", "bad_cursor")},
)
