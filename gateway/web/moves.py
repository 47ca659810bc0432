"""Which commands a person is offered on an incident's page, by its state. Pure.

Offers follow the processor's own state machine, but do not replace it: a button of a page that is seconds old may be
refused, and the page then shows the processor's words. Exactly one of them is filled: what is to be done next.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, replace
from typing import Any

Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Move:
    """A command as a button. `asks` are the form's fields, by name: `assignee`, `severity`, `note`."""

    verb: str
    label: str
    icon: str
    asks: tuple[str, ...] = ()
    says: str = ""


ACKNOWLEDGE = Move("acknowledge", "Acknowledge", "check")
CONTAIN = Move("contain", "Mark contained", "shield", ("note",), "No more harm is done; the cause may still be there.")
RESOLVE = Move("resolve", "Resolve", "check", ("note",), "It is over, also if nobody said that it was contained.")
CLOSE = Move("close", "Close", "check", ("note",), "Nothing is left to do.")
REOPEN = Move("reopen", "Reopen", "undo", ("note",), "It is not over after all.")
ASSIGN = Move("assign", "Hand off", "user", ("assignee", "note"), "Somebody else takes it from here.")
SEVERITY = Move("severity", "Change severity", "up", ("severity", "note"), "What it deserves, in your judgement.")

# What comes next, and what may be done beside it; the first one that the gateway knows is the filled button.
_BY_STATE: dict[str, tuple[tuple[Move, ...], tuple[Move, ...]]] = {
    "detected": ((ACKNOWLEDGE,), (ASSIGN, CONTAIN, RESOLVE, SEVERITY)),
    "reopened": ((ACKNOWLEDGE,), (ASSIGN, CONTAIN, RESOLVE, SEVERITY)),
    "investigating": ((CONTAIN, RESOLVE), (ASSIGN, RESOLVE, SEVERITY)),
    "contained": ((RESOLVE,), (ASSIGN, SEVERITY)),
    "resolved": ((CLOSE,), (REOPEN,)),
    "closed": ((), (REOPEN,)),
}


@dataclass(frozen=True, slots=True)
class Offers:
    """`go` is the one filled button, `beside` stands next to it, `more` are forms further down."""

    go: Move | None
    beside: Move | None
    more: tuple[Move, ...]


# What a token that is not a person's is offered.
NOTHING = Offers(None, None, ())


def offers(x: Json, me: str, known: Collection[str]) -> Offers:
    """What `me` is offered on an incident; `known` are the commands of this gateway."""
    following, more = _BY_STATE.get(x["state"], ((), ()))
    usable = [move for move in following if move.verb in known]
    if not x["assignee"] and x["state"] not in ("resolved", "closed"):
        usable = [ACKNOWLEDGE]
    go = usable[0] if usable else None
    beside = None
    if x["assignee"] and x["assignee"] != me and x["state"] in ("investigating", "contained", "reopened"):
        beside = replace(ACKNOWLEDGE, label=f"Take over from @{x['assignee']}", icon="user")
        beside = None if go is not None and go.verb == beside.verb else beside
    return Offers(go, beside, tuple(move for move in more if move.verb in known and move is not go))
