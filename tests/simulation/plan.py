"""What a seed draws before anything runs: who there is, how often what happens, and how rough it is."""

from __future__ import annotations

from dataclasses import dataclass
from random import Random

TENANTS = ("shop", "bank", "a/b %", "münze")
RESOURCES = ("payments", "search", "a/b", "catalog")


@dataclass(frozen=True, slots=True)
class Size:
    """How large a world is at most."""

    acts: int
    faults: int

    @staticmethod
    def of(name: str) -> Size:
        """`small` for thousands of seeds, `large` for what needs many records in one batch."""
        return {"small": Size(24, 9), "large": Size(600, 60)}[name]


@dataclass(frozen=True, slots=True)
class Plan:
    """One world. Shares are of a hundred."""

    tenants: tuple[str, ...]
    actors: int
    sessions: tuple[str, ...]
    acts: int
    faults: int
    slots: int
    apart_ms: tuple[int, ...]
    again: int
    late: int
    skipped: int
    failing: int
    resources: int
    facts: int
    poison: int
    strayed: int
    commands: int
    documents: int
    themes: int
    corrections: int
    bursts: int
    imports: int
    tick_faults: int
    silent_hands: int
    failing_hands: int
    configured_late: bool
    orphans_ms: int
    stepping: bool
    store_faults: int


# Quick work, work of a minute, and stretches in which windows end: 5 s, 30 s, 60 s, 300 s.
PACES = (
    (0, 0, 0, 1, 7),
    (0, 0, 20, 150, 900),
    (0, 0, 300, 2_000, 4_999),
    (0, 1, 900, 5_000, 29_990, 30_000, 61_000),
    (0, 3, 100, 9_000, 299_000, 301_000, 420_000),
)


def draw(random: Random, size: Size) -> Plan:
    """One plan."""
    few = random.randrange
    # Who corrects the grouping has something to correct: many failures of few services.
    corrections = random.choice((0, 0, 12))
    return Plan(
        tenants=TENANTS[: random.choice((1, 1, 2, 3, 4))],
        actors=random.choice((1, 2, 3)),
        sessions=random.choice((("s1",), ("s1", "s2"), ("s1", "séance", ""))),
        acts=size.acts // 3 + few(size.acts),
        faults=random.choice((0, few(size.faults + 1), few(size.faults + 1), size.faults)),
        slots=random.choice((1, 1, 2, 3)),
        apart_ms=random.choice(PACES),
        again=random.choice((0, 10, 30, 50)),
        late=random.choice((0, 0, 8, 25)),
        skipped=random.choice((0, 0, 5, 15)),
        failing=60 if corrections else random.choice((5, 15, 40)),
        resources=random.choice((1, 2)) if corrections else len(RESOURCES),
        facts=random.choice((0, 10, 35)),
        poison=random.choice((0, 0, 3, 12)),
        strayed=random.choice((0, 0, 5)),
        commands=random.choice((0, 4, 12)),
        documents=random.choice((0, 0, 3)),
        themes=random.choice((0, 0, 8)),
        corrections=corrections,
        bursts=random.choice((0, 0, 2)),
        imports=random.choice((0, 0, 0, 0, 0, 0, 0, 40)),
        tick_faults=random.choice((0, 0, 20, 70)),
        silent_hands=random.choice((0, 0, 15, 40)),
        failing_hands=random.choice((0, 0, 15, 40)),
        configured_late=few(4) == 0,
        # A broker looks for transactions that timed out (5 s) once in up to 10 s: longer than a session (6 s).
        orphans_ms=random.choice((5_000, 9_000, 15_000)),
        stepping=few(5) == 0,
        store_faults=random.choice((0, 10, 30)),
    )
