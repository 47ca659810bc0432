"""The parts of `make bench`: what each measures, where its figures go, and how long it may take."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from bench.figures import Json


@dataclass(frozen=True)
class Section:
    """One part. `run` gives its figures; `keys` are the entries of RESULTS.json that it fills with them.

    `limit_s` cuts off a part that hangs; all of them together may be longer than the whole may take, because a part
    usually takes a third of its limit.
    """

    name: str
    words: str
    keys: tuple[str, ...]
    limit_s: float
    run: Callable[[], Json]


def _peers() -> Json:
    from bench import dedup

    found = dedup.measure(events=300_000, rounds=2)
    return {"ratios": found.pop("ratios"), "peers": found}


# Imported when they are run: a part that cannot even be loaded must not take the others with it.
SECTIONS = (Section("peers", "the dedup job beside other libraries", ("ratios", "peers"), 420, _peers),)
NAMES = tuple(section.name for section in SECTIONS)


def section(name: str) -> Section:
    """By name. Raises KeyError."""
    return next(s for s in SECTIONS if s.name == name)
