"""The pages of RML-3 cases: what stays as history, and the entries of the ledger that say so.

Sentences come from the case itself. Nothing here says what can be undone: that is the residue's to compute.
"""

from __future__ import annotations

from aiohttp import web

from gateway.web import view
from gateway.web.door import Backend, Json, Reader, html, now, signed_in
from gateway.web.environment import render
from gateway.web.words import between, clock, money, span

LIST = 50
# How an effect can be made good, by its producer's word: (hue, icon, word). Shape speaks, not colour alone.
UNDO = {
    "reversible": ("blue", "undo", "can be undone"),
    "compensable": ("amber", "fx-c", "can be made good"),
    "irreversible": ("red", "fx-i", "cannot be undone"),
    "unknown": ("grey", "help", "not known"),
}
# Whether it came about.
OUTCOMES = {
    "applied": ("green", "check", "applied"),
    "failed": ("grey", "x", "failed"),
    "unknown": ("amber", "help", "not known"),
}
# What is compared of two entries, in the order in which a person asks.
_FIELDS = (
    ("Occurred", "event_time"),
    ("By", "actor"),
    ("Action", "action_type"),
    ("To whom", "counterparty"),
    ("Amount", "money"),
    ("Resource", "resource"),
    ("External reference", "external_reference"),
    ("Told", "told"),
)
# More columns than this do not fit; the ledger below has them all.
COMPARED = 4


def shown(x: Json, clock_now: str) -> Json:
    """A case with its title, its age and its entries side by side."""
    entries = [e | {"money": money(e), "told": f"{e['observations']}×"} for e in x["entries"]]
    side = entries[:COMPARED]
    rows = []
    for words, field in _FIELDS:
        values = [_text(e[field], field) for e in side]
        if any(values):
            same = len({str(e[field]) for e in side}) == 1
            apart = _apart(side) if field == "event_time" and not same else ""
            rows.append({"words": words, "cells": values, "same": same, "apart": apart})
    return x | {
        "title": _title(x),
        # The processor's sentence, with the amount as people write it.
        "why": _sentence(x, x["why"]),
        "size_said": _sentence(x, x["size_why"], x["summary"]["amount"]),
        "money": money(x),
        # Told where it is another amount than one movement's.
        "question": money(x | x["summary"]) if x["summary"]["amount"] not in (None, x["amount"]) else "",
        "age": span(between(x["opened_at"], clock_now)),
        "entries": entries,
        "side": side,
        "rows": rows,
    }


def _sentence(x: Json, why: str, amount: str | None = None) -> str:
    amount = amount or x["amount"]
    if amount:
        why = why.replace(f"{amount} {x['currency']} (minor units)", money(x | {"amount": amount}))
    return why[:1].upper() + why[1:]


def _apart(side: list[Json]) -> str:
    times = sorted(str(e["event_time"]) for e in side)
    return f"{span(between(times[0], times[-1]))} apart"


def _text(value: str | None, field: str) -> str:
    return clock(value) if field == "event_time" and value else value or ""


def _title(x: Json) -> str:
    if x["reason"] == "second_charge":
        whom = f" of {x['counterparty']}" if x["counterparty"] else ""
        return f"Suspected second {x['kind'] or 'movement'}{whom}: {money(x)}"
    return f"Marked as history by a label: {x['resource']}"


@signed_in
async def list_page(request: web.Request, backend: Backend, reader: Reader) -> web.StreamResponse:
    """All cases, the newest first."""
    found = await backend.cases(reader, request.query.get("cursor"), LIST)
    clock_now = now()
    page = render(
        "cases.html",
        me=reader,
        here="cases",
        exhausted=(await backend.summary(reader))["exhausted"],
        items=[shown(x, clock_now) for x in found["items"]],
        next=found["next"],
        behind=view.behind(found["as_of"], clock_now),
    )
    return html(page)


@signed_in
async def case_page(request: web.Request, backend: Backend, reader: Reader) -> web.StreamResponse:
    """One case with its ledger entries; it prints as a document."""
    found = await backend.case(reader, request.match_info["name"])
    clock_now = now()
    page = render(
        "case.html",
        me=reader,
        here="cases",
        exhausted=(await backend.summary(reader))["exhausted"],
        x=shown(found, clock_now),
        undo=UNDO,
        outcomes=OUTCOMES,
        behind=view.behind(found["as_of"], clock_now),
    )
    return html(page)
