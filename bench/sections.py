"""The parts of `make bench`: what each measures, where its figures go, and how long it may take."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from bench.figures import Json


@dataclass(frozen=True)
class Section:
    """One part. `run` gives its figures; `keys` are the entries of RESULTS.json that it fills with them.

    `limit_s` cuts off a part that hangs; all of them together may be longer than the whole may take, because a part
    usually takes a third of its limit. `named_only`: not begun unless it is named, since all would take too long.
    """

    name: str
    words: str
    keys: tuple[str, ...]
    limit_s: float
    run: Callable[[], Json]
    named_only: bool = False


def _peers() -> Json:
    from bench import dedup

    found = dedup.measure(events=240_000, rounds=3)
    return {"ratios": found.pop("ratios"), "peers": found}


def _chain() -> Json:
    from bench import chain

    return {"chain": chain.measure(seconds=12.0)}


def _pipeline() -> Json:
    from bench import pipeline

    return {"pipeline": pipeline.measure(seconds=20.0)}


def _growth() -> Json:
    from bench import growth

    return {"growth": growth.measure()}


def _restore() -> Json:
    from bench import restore

    return {"restore": restore.measure([case.name for case in restore.CASES])}


def _ingest() -> Json:
    from bench.stack import python

    return {"ingest": python(("bench.ingest", "--seconds", "8"), 150.0)}


def _latency() -> Json:
    from bench import stack

    return {"latency": stack.latency()}


def _processes() -> Json:
    from bench import stack

    with stack.stack(separate=True) as running:
        return {"processes": running.processes()}


def _poison() -> Json:
    from bench.stack import python

    return {"poison": python(("bench.poison", "--alone"), 110.0)}


def _projections() -> Json:
    from bench.stack import python

    return {"projections": python(("bench.projections", "--records", "40000"), 110.0)}


def _incidents() -> Json:
    from bench.stack import python

    return {"incidents": python(("bench.incidents", "--errors", "20000", "--outages", "60"), 150.0)}


def _catalog() -> Json:
    from bench.stack import python

    return {"catalog": python(("bench.catalog",), 60.0)}


def _history_memory() -> Json:
    from bench.stack import python

    return {"history_memory": python(("bench.history_memory", "--actions", "30000", "90000"), 190.0)}


def _whatif() -> Json:
    from bench.stack import python

    return {"whatif": python(("bench.whatif", "--actions", "5000"), 110.0)}


# What is left out when the time is over is the last, and keeps its figures.
# Imported when they are run: a part that cannot even be loaded must not take the others with it.
SECTIONS = (
    Section("peers", "the dedup job beside other libraries", ("ratios", "peers"), 300, _peers),
    Section("chain", "dedup, ordering and signals in a chain", ("chain",), 90, _chain),
    Section("pipeline", "from Kafka to timeline row and incident", ("pipeline",), 120, _pipeline),
    Section("ingest", "the gateway alone", ("ingest",), 160, _ingest),
    Section("latency", "accepted to paged, accepted to visible", ("latency",), 240, _latency),
    Section("processes", "memory and start-up of every process", ("processes",), 90, _processes),
    Section("restore", "a killed processor's state", ("restore",), 240, _restore),
    Section("poison", "an action's wait while the gateway refuses poison", ("poison",), 120, _poison),
    Section("projections", "CPU of each read model for a record", ("projections",), 120, _projections),
    Section("incidents", "a storm of errors, and who caused an outage", ("incidents",), 160, _incidents),
    Section("catalog", "blast radii of 5,000 services", ("catalog",), 70, _catalog),
    Section("growth", "processes, partitions, keys, open incidents", ("growth",), 330, _growth),
    Section("whatif", "a what-if over 5,000 actions", ("whatif",), 120, _whatif, True),
    Section("history_memory", "replay and reconcile of a history", ("history_memory",), 200, _history_memory, True),
)
NAMES = tuple(section.name for section in SECTIONS)
USUAL = tuple(section.name for section in SECTIONS if not section.named_only)


def section(name: str) -> Section:
    """By name. Raises KeyError."""
    return next(s for s in SECTIONS if s.name == name)
