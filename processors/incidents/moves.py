"""The state machine as a table: which command leads from which state through which states. Everything else is refused.

States that were never reached are passed through, one event each (seed 11.2).
"""

from __future__ import annotations

from collections.abc import Mapping

from schemas.messages.incidents import State

MOVES: Mapping[str, Mapping[State, tuple[State, ...]]] = {
    "acknowledge": {
        "detected": ("investigating",),
        "reopened": ("investigating",),
        "investigating": (),
        "contained": (),
    },
    "assign": {
        "detected": ("investigating",),
        "reopened": ("investigating",),
        "investigating": (),
        "contained": (),
    },
    "contain": {
        "detected": ("investigating", "contained"),
        "reopened": ("investigating", "contained"),
        "investigating": ("contained",),
    },
    "resolve": {
        "detected": ("investigating", "contained", "resolved"),
        "reopened": ("investigating", "contained", "resolved"),
        "investigating": ("contained", "resolved"),
        "contained": ("resolved",),
    },
    "reopen": {"resolved": ("reopened",), "closed": ("reopened",)},
    "close": {"resolved": ("closed",)},
    "severity": {"detected": (), "reopened": (), "investigating": (), "contained": ()},
}


def path(verb: str, state: State) -> tuple[State, ...] | None:
    """The states that `verb` leads through from `state`; empty when it stays, None when it is not allowed."""
    return MOVES[verb].get(state)


def allowed(state: State) -> str:
    """The commands that `state` allows, for people: `reopen, close`; "nothing" where there are none."""
    return ", ".join(verb for verb, states in MOVES.items() if state in states) or "nothing"
