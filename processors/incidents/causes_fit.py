"""Judgements about kinds of change: what each is worth by itself, and in which ways it breaks what it changes.

Shares of the weight `fits` in per cent, from -100 (seldom) to 100 (often): coarse on purpose, so that they say what is
generally known of such changes and nothing of one tenant. Load, hardware and providers show as time-outs, exhaustion
and refused connections, which is why these count little for any change.
"""

from __future__ import annotations

from collections.abc import Mapping

from processors.incidents.causes_evidence import Nature
from schemas.cause_rules import Weights

SIZES = ("", "small", "medium", "large")
NATURES: Mapping[Nature, str] = {
    "access": "a denial",
    "database": "an error of the database",
    "unreachable": "something that cannot be reached",
    "timeout": "a time-out",
    "exhausted": "something used up",
    "application": "an error of the program",
}
_ORDER: tuple[Nature, ...] = ("application", "database", "access", "timeout", "exhausted", "unreachable")
# On what fails itself.
_HERE = {
    "deploy": (100, 40, 0, 0, 0, -30),
    "config": (60, 20, 40, 20, 40, 0),
    "flag": (100, 20, 0, -20, -20, -60),
    "migration": (20, 100, -60, 0, -60, -80),
    "permission": (-40, -100, 100, -100, -100, -100),
}
# Below it: the caller sees time-outs, refusals and errors of what it calls.
_BELOW = {
    "deploy": (40, -60, -20, 30, -40, 30),
    "config": (40, -60, 0, 30, -40, 30),
    "flag": (40, -60, -20, 20, -40, 20),
    "migration": (40, 100, -80, 30, -40, 20),
    "permission": (20, -100, 100, -60, -100, 20),
}


def share(kind: str, nature: Nature, relation: str) -> int:
    """How well a kind of change explains this nature of error, per cent; 0 for kinds that nobody knows."""
    table = _HERE if relation in ("same", "of_actor", "same_actor") else _BELOW
    known = table.get(kind)
    return 0 if known is None else known[_ORDER.index(nature)]


def prior(kind: str, weights: Weights) -> int:
    """What a kind is worth by itself."""
    match kind:
        case "deploy":
            return weights.deploy
        case "config":
            return weights.config
        case "flag":
            return weights.flag
        case "migration":
            return weights.migration
        case "permission":
            return weights.permission
        case _:
            return weights.other
