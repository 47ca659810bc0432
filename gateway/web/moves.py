"""Which commands a person is offered on an incident's page, by its state and by who they are to it. Pure.

Offers follow the processor's own state machine, but do not replace it: a button of a page that is seconds old may be
refused, and the page then shows the processor's words. Exactly one of them is filled: what is to be done next.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, replace
from typing import Any

from schemas.incident_rules import OPEN, OVER

Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Move:
    """A command as a button. `asks` are the form's fields, by name: `assignee`, `severity`, `note`, `to`, …"""

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
ASSIGN = Move("assign", "Assign", "user", ("assignee", "note"), "Somebody takes it; paging goes on until they answer.")
HAND_OFF = Move("handoff", "Hand off", "user", ("to", "note"), "Somebody else is primary from here; you stay joined.")
SEVERITY = Move("severity", "Change severity", "up", ("severity", "note"), "What it deserves, in your judgement.")
FALSE_ALARM = Move("false-alarm", "False alarm", "x", ("note",), "Nothing is wrong: paging stops.")
ESCALATE = Move("escalate", "Escalate", "bell", ("note",), "The next ones of the policy are paged now.")
MUTE = Move("mute", "Mute for 10min", "bell", ("note",), "Further errors are not told; pages are sent all the same.")
POSTMORTEM = Move("postmortem", "Postmortem", "pen", ("link", "note"), "Begin it, or say where its document is.")
ROLLBACK = Move("rollback", "Ask for a rollback", "undo", ("note",), "Of the likely cause. Nothing is undone by this.")
COMMUNICATE = Move(
    "communicate", "Tell stakeholders", "bell", ("text",), "The text goes on the record; nothing is sent."
)
COMMANDER = Move(
    "commander", "Name a commander", "user", ("commander", "note"), "Coordinates, and approves what is big."
)
RELEASE = Move("release-commander", "End the command", "undo", ("note",), "Nobody is incident commander any more.")

# What comes next, and what may be done beside it; the first one that the gateway knows is the filled button.
_LED = (COMMUNICATE, COMMANDER, RELEASE)
_BY_STATE: dict[str, tuple[tuple[Move, ...], tuple[Move, ...]]] = {
    "detected": ((ACKNOWLEDGE,), (ASSIGN, CONTAIN, RESOLVE, SEVERITY, FALSE_ALARM, ESCALATE, MUTE, *_LED)),
    "reopened": ((ACKNOWLEDGE,), (ASSIGN, CONTAIN, RESOLVE, SEVERITY, MUTE, *_LED)),
    "escalated": ((ACKNOWLEDGE, CONTAIN), (HAND_OFF, ASSIGN, CONTAIN, RESOLVE, ROLLBACK, SEVERITY, MUTE, *_LED)),
    "investigating": ((CONTAIN, RESOLVE), (HAND_OFF, ASSIGN, RESOLVE, ROLLBACK, SEVERITY, ESCALATE, *_LED)),
    "contained": ((RESOLVE,), (HAND_OFF, ASSIGN, ROLLBACK, SEVERITY, *_LED)),
    "resolved": ((CLOSE,), (REOPEN, POSTMORTEM, *_LED)),
    "postmortem": ((CLOSE,), (POSTMORTEM, *_LED)),
    "closed": ((), (REOPEN,)),
    "false_alarm": ((), (REOPEN,)),
    "merged": ((), ()),
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
    if not x["assignee"] and x["state"] not in OVER:
        usable = [ACKNOWLEDGE]
    go = usable[0] if usable else None
    beside = None
    if x["assignee"] and x["assignee"] != me and x["state"] in OPEN:
        beside = replace(ACKNOWLEDGE, label=f"Take over from @{x['assignee']}", icon="user")
        beside = None if go is not None and go.verb == beside.verb else beside
    left = (move for move in more if move.verb in known and move is not go and _theirs(move, x, me))
    return Offers(go, beside, tuple(left))


def _theirs(move: Move, x: Json, me: str) -> bool:
    """Whether the command is this person's to give, beside what the state allows."""
    lead, commander = (x["assignee"], x.get("commander")), x.get("commander")
    match move.verb:
        case "handoff":
            return bool(x["assignee"]) and me in lead
        case "rollback":
            cause = x.get("cause")
            return bool(x["assignee"] and cause and cause.get("candidate")) and me in lead
        case "commander":
            return commander is None or me in lead
        case "release-commander":
            return commander is not None and me in lead
        case "mute":
            return not x["assignee"]
        case "false-alarm":
            return bool(x.get("world") != "RML3")
    return True
