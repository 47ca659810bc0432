"""Attribution, judged by outages of known cause: bench/causal_model.py through the incidents processor as it runs.

Each outage is a tenant's day of changes and failures on one engine. What counts is the newest cause that the processor
suggests for the incident of what fails, after everything was told. Seeds that are held out are counted apart.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from bench.causal_model import OUTAGES, Change, Failure, Outage, held_out, outage
from bench.figures import Json
from bench.incidents_naive import latest_on_the_same
from processors.kernel.runnable import Runnable, runnables
from processors.rooms import DECIDERS
from processors.signals.rules import fingerprint, normalise
from schemas import codec, ids, topology
from schemas.configuration import canonical
from schemas.envelope import headers_of
from schemas.messages.incidents import CauseSuggested, ChangeObserved, ChangeRecorded, ErrorSignalled, IncidentOpened
from schemas.messages.kernel import ConfigurationAnnounced
from schemas.messages.tables import STREAMS
from schemas.partitioning import partition_of
from schemas.record import Record

TENANT = "bench"
KEY = ids.key_of(TENANT)
SEEN_MS = 800  # from a failure to its signal
BATCH = 500


@dataclass
class Tally:
    """How often the likely cause was the true one."""

    caused: int = 0
    top1: int = 0
    top3: int = 0
    naive: int = 0
    causeless: int = 0
    none_right: int = 0
    likely: int = 0
    likely_right: int = 0

    def add(self, day: Outage, named: int | None, ranked: Sequence[int], percent: int) -> None:
        """One outage: the change that was named, the ranked ones, and how sure that was."""
        if day.cause is None:
            self.causeless += 1
            self.none_right += named is None
        else:
            self.caused += 1
            self.top1 += named == day.cause
            self.top3 += day.cause in ranked[:3]
            self.naive += latest_on_the_same(day) == day.cause
        if percent >= 70:
            self.likely += 1
            self.likely_right += named == day.cause

    def shares(self) -> Json:
        """Shares from 0 to 1; top1, top3 and the naive rule of the outages that have a cause."""
        return {
            "top1": _share(self.top1, self.caused),
            "top3": _share(self.top3, self.caused),
            "naive_top1": _share(self.naive, self.caused),
            "none_right": _share(self.none_right, self.causeless),
            "likely_right": _share(self.likely_right, self.likely),
            "outages": self.caused + self.causeless,
        }


def _share(part: int, whole: int) -> float:
    return round(part / max(1, whole), 3)


def measure(seeds: Iterable[int] = range(OUTAGES)) -> tuple[Json, float]:
    """All figures of these seeds, and the CPU per command of the processor in microseconds."""
    room = runnables(topology.load(), DECIDERS)["incidents"]
    tuned, held = Tally(), Tally()
    spent = commands = 0
    for seed in seeds:
        day = outage(seed)
        records = list(_records(day, room))
        said, nanoseconds = run(room, records)
        spent, commands = spent + nanoseconds, commands + len(records)
        _judge(day, said, held if held_out(seed) else tuned)
    return {**tuned.shares(), "held_out": held.shares()}, spent / max(1, commands) / 1000


def run(room: Runnable, records: Sequence[Record]) -> tuple[list[Any], int]:
    """What the processor says to these records, in order, and its CPU time in nanoseconds."""
    engine = room.engine(records[0].partition)
    engine.ready()
    words = codec.Words(STREAMS["incidents.events"])
    said: list[Any] = []
    spent = 0
    for at in range(0, len(records), BATCH):
        batch = records[at : at + BATCH]
        begun = time.process_time_ns()
        outputs = engine.advance_all(batch, 1 << 30).outputs
        engine.flush(batch[-1].offset + 1)
        spent += time.process_time_ns() - begun
        said += [words.decode(o.value) for o in outputs if o.topic == "incidents.events"]
    return said, spent


def _records(day: Outage, room: Runnable) -> Iterable[Record]:
    """The catalog, then changes and signals in the order in which they are told."""
    services = [{"id": s.id, "kind": s.kind, "depends_on": sorted(s.depends_on)} for s in day.services]
    document = canonical({"services": services})
    told: list[tuple[int, bytes, Any]] = [
        (min(c.told_at for c in day.changes) - 1, b"", ConfigurationAnnounced(TENANT, "catalog", 1, "", document))
    ]
    told += [(c.told_at, _id(day, "change", c.number), _change(day, c)) for c in day.changes]
    told += [(f.at + SEEN_MS, _id(day, "failure", n), _signal(day, n, f)) for n, f in enumerate(day.failures)]
    told.sort(key=lambda each: (each[0], each[1]))
    partition = partition_of(KEY.encode(), room.room.partitions)
    for offset, (at, cause, message) in enumerate(told):
        headers = headers_of(cause, "bench", "bench", KEY, at) if cause else ()
        yield Record(room.input, partition, offset, at, KEY.encode(), codec.encode(message), headers)


def _id(day: Outage, what: str, number: int) -> bytes:
    return ids.derive("causal model", day.seed, what, number)


def _change(day: Outage, c: Change) -> ChangeObserved:
    return ChangeObserved(
        TENANT, c.resource, c.kind, c.before, c.after, c.summary, c.actor, _id(day, "change", c.number), c.at
    )


def _signal(day: Outage, number: int, f: Failure) -> ErrorSignalled:
    return ErrorSignalled(
        tenant=TENANT,
        resource=f.resource,
        fingerprint=fingerprint(f.error_type, f.message),
        error_type=f.error_type,
        message=normalise(f.message),
        sample=f.message,
        actor=f.actor,
        session="s",
        action_type="call",
        action_id=_id(day, "failure", number),
        affected=None,
        event_time=f.at,
        first_event_time=f.at,
        failed_tries=1,
        reason="not_retryable",
    )


def _judge(day: Outage, said: Sequence[Any], tally: Tally) -> None:
    numbers = {_id(day, "change", c.number): c.number for c in day.changes}
    changes = {e.change_id: numbers[e.action_id] for e in said if isinstance(e, ChangeRecorded)}
    opened = next(e for e in said if isinstance(e, IncidentOpened) and e.resource == day.failing)
    newest = [e for e in said if isinstance(e, CauseSuggested) and e.incident_id == opened.incident_id][-1]
    named = None if newest.change_id is None else changes[newest.change_id]
    tally.add(day, named, [changes[r.change_id] for r in newest.ranked], newest.percent if named is not None else 0)
