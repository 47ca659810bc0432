"""The state machine as tables: which steps there are (STEPS), and which command takes which of them (MOVES).

STEPS is seed 11.2 with what DESIGN 9 adds; docs/states.md is drawn from it (`make states`).
A command whose aim is further than one step passes through the states between, one event each. Everything that is not
in MOVES is refused, with the reason and what the state allows.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from schemas.incident_rules import OPEN, STATES
from schemas.messages.incidents import State


@dataclass(frozen=True, slots=True)
class Step:
    """One arrow of the drawing."""

    before: State
    after: State
    why: str


STEPS: tuple[Step, ...] = (
    Step("detected", "investigating", "somebody takes it"),
    Step("detected", "false_alarm", "a person says that nothing is wrong"),
    Step("detected", "escalated", "no response, or a person"),
    Step("investigating", "contained", "the harm has stopped"),
    Step("investigating", "escalated", "no response, or a person"),
    Step("escalated", "investigating", "somebody takes it"),
    Step("escalated", "contained", "the harm has stopped"),
    Step("contained", "resolved", "the cause is gone"),
    Step("resolved", "postmortem", "a day later by itself, or a person"),
    Step("resolved", "reopened", "same symptoms, or a person"),
    Step("reopened", "investigating", "somebody takes it"),
    Step("postmortem", "closed", "nothing is left to do"),
    Step("false_alarm", "reopened", "a person says that it was real"),
    Step("closed", "reopened", "a person says that it is not over"),
    *(Step(state, "merged", "merged into another incident") for state in STATES if state != "merged"),
)

_STAYS: Mapping[State, tuple[State, ...]] = dict.fromkeys(OPEN, ())
_STAYS_LATER: Mapping[State, tuple[State, ...]] = {**_STAYS, "resolved": (), "postmortem": ()}
_HELD: Mapping[State, tuple[State, ...]] = {"investigating": (), "contained": (), "escalated": ()}

MOVES: Mapping[str, Mapping[State, tuple[State, ...]]] = {
    "acknowledge": {
        "detected": ("investigating",),
        "reopened": ("investigating",),
        "escalated": ("investigating",),
        "investigating": (),
        "contained": (),
    },
    "assign": {
        "detected": ("investigating",),
        "reopened": ("investigating",),
        "escalated": ("investigating",),
        "investigating": (),
        "contained": (),
    },
    "contain": {
        "detected": ("investigating", "contained"),
        "reopened": ("investigating", "contained"),
        "investigating": ("contained",),
        "escalated": ("contained",),
    },
    "resolve": {
        "detected": ("investigating", "contained", "resolved"),
        "reopened": ("investigating", "contained", "resolved"),
        "investigating": ("contained", "resolved"),
        "escalated": ("contained", "resolved"),
        "contained": ("resolved",),
    },
    "reopen": {"resolved": ("reopened",), "false_alarm": ("reopened",), "closed": ("reopened",)},
    "close": {"resolved": ("postmortem", "closed"), "postmortem": ("closed",)},
    "severity": _STAYS,
    "false-alarm": {"detected": ("false_alarm",)},
    "postmortem": {"resolved": ("postmortem",), "postmortem": ()},
    "escalate": {"detected": ("escalated",), "investigating": ("escalated",)},
    "mute": {"detected": (), "escalated": (), "reopened": ()},
    "join": _STAYS_LATER,
    "leave": _STAYS_LATER,
    "handoff": _HELD,
    "rollback": _HELD,
    "communicate": _STAYS_LATER,
    "commander": _STAYS_LATER,
    "release-commander": _STAYS_LATER,
    "approve": _STAYS_LATER,
    "decline": _STAYS_LATER,
    "merge": {state: ("merged",) for state in STATES if state != "merged"},
}


def path(verb: str, state: State) -> tuple[State, ...] | None:
    """The states that `verb` leads through from `state`; empty when it stays, None when it is not allowed."""
    return MOVES[verb].get(state)


def allowed(state: State) -> str:
    """The commands that `state` allows, for people: `reopen, close`; "nothing" where there are none."""
    return ", ".join(verb for verb, states in MOVES.items() if state in states) or "nothing"


def only_from(verb: str) -> str:
    """The states from which `verb` is possible, for people."""
    return ", ".join(MOVES[verb])
