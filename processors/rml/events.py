"""Facts of rml that have no wire form: only the state changes."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class AlikeForgotten:
    """Nothing can be compared with the effects of this part any more."""

    part: str


@dataclass(frozen=True, slots=True)
class LabelForgotten:
    """The labelled action of this part is not expected again."""

    part: str
