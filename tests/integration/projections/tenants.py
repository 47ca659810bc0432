"""A database filled through the real store, for tests of what is written and read."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import psycopg

from processors.host.places import Place
from processors.rml import DECIDER
from projections.catalog import PROJECTIONS
from projections.metrics import Metrics, RunnerMetrics
from projections.postgres import Pool, reading_pool
from projections.runner import Runner
from projections.store import PostgresStore
from schemas import ids, topology
from schemas.messages.incidents import flooding
from schemas.record import Record
from tests.support.desk import Desk
from tests.support.rml_words import charge, label
from tests.unit.projections import blast_records
from tests.unit.projections import corrected_records as c
from tests.unit.projections import incident_records as m
from tests.unit.projections import records as r
from tests.unit.projections import trigger_records as t
from tests.unit.projections.memory import MemoryLog, MemorySource
from tests.unit.projections.records import STREAMS, T0, Log


def places_of(projection: str, partitions: int = 2) -> tuple[Place, ...]:
    """Two partitions of each of its topics."""
    reads = topology.load().projections[projection].reads
    return tuple(Place(topic, p) for topic in reads for p in range(partitions))


def memory_log(projection: str, records: Sequence[Record]) -> MemoryLog:
    """These records with two markers behind each place."""
    log = MemoryLog(*places_of(projection))
    for place in places_of(projection):
        log.add([x for x in records if Place(x.topic, x.partition) == place], markers=2)
    return log


def project_all(dsn: str, projection: str, log: MemoryLog, store: PostgresStore | None = None, most: int = 3) -> Runner:
    """Run a projection over a whole log, in this thread, in batches of `most`."""
    store = store or PostgresStore(dsn, PROJECTIONS[projection], STREAMS)
    metrics = RunnerMetrics(Metrics(), projection)
    sources: list[MemorySource] = []

    def source() -> MemorySource:
        sources.append(_Stopping(log, most, runner))
        return sources[-1]

    runner = Runner(projection, places_of(projection), source, store, metrics, pause=lambda _: None)
    runner.run()
    return runner


class _Stopping(MemorySource):
    """Tells the runner to stop when everything was read twice (the second time after it was written)."""

    def __init__(self, log: MemoryLog, most: int, runner: Runner) -> None:
        super().__init__(log, most)
        self._runner = runner

    def read(self, limit, seconds):
        if not any(self.lag().values()):
            self._runner.stop()
        return super().read(limit, seconds)


def actions(count: int = 9) -> list[Record]:
    """Actions of two tenants on two partitions, errors and rubbish among them, over midnight; gaps and a drift."""
    logs = [Log("actions.ordered", p, now=T0 + p * 300, step=40_000_000, hole=1) for p in range(2)]
    for n in range(count):
        made = (r.failed_action if n % 3 == 0 else r.an_action)(n, tenant="bank" if n % 4 == 3 else "shop")
        logs[n % 2].add(made, headers=(("flags", b"late"),) if n % 2 else ())
    logs[0].add_raw(b"rubbish")
    events = Log("ordering.events", 1)
    for kind in ("opened", "filled", "declared"):
        events.add(r.gap(kind))
    events.add(r.drift())
    return [record for log in (*logs, events) for record in log.records]


def incident_story() -> list[Record]:
    """INC-1 from its change to its end on partition 1; INC-1 of another tenant on partition 0."""
    log = Log("incidents.events", 1, hole=1)
    for event in (
        r.change(1, T0 - 60_000),
        r.change(2, T0 - 60_000, resource="search"),
        r.opened(T0),
        m.cause(T0),
        r.attached(2, 1, T0 + 1_000),
        m.reported(T0 + 1_500, report_id=ids.derive("command", 1)),
        m.alert_attached(T0 + 2_000),
        r.paged(T0 + 3_000, failures=2, affected=1),
        r.attached(3, 3, T0 + 4_000, sample="NUL \x00 in a message"),
        r.raised(T0 + 4_000),
        r.acknowledged(T0 + 12_000, failures=3),
        r.moved("detected", "investigating", T0 + 12_000),
        r.answer(1),
        r.answer(1, "idempotency_conflict"),
        r.change(3, T0 + 20_000),
        m.alert_resolved(T0 + 25_000),
        r.moved("investigating", "resolved", T0 + 30_000),
        r.resolved(T0 + 30_000, failures=3),
        r.refused(T0 + 31_000),
        r.answer(2, "already_resolved"),
        r.healed(T0 + 32_000),
    ):
        log.add(event)
    other = Log("incidents.events", 0)
    other.add(r.opened(T0, tenant="bank", title="another tenant's"))
    # What the themes have tables of their own for.
    themes: tuple[Any, ...] = (t.breached(), t.recovered(), t.suggested(), blast_records.blast(T0), c.related())
    for event in themes:
        other.add(replace(event, tenant="bank"))
    return [*log.records, *other.records]


def page_story() -> list[Record]:
    """Alice does not answer, Bob acknowledges; then the severity rises and nobody acknowledges."""
    log = Log("notifications.events", 1)
    for_bob = {"notification_id": ids.derive("page", 2), "person": "bob"}
    for event in (
        r.started(T0 + 100),
        r.requested(T0 + 100),
        r.page_failed(T0 + 1_000),
        r.requested(T0 + 1_000, attempt=2),
        r.delivered(T0 + 2_500, attempt=2),
        r.requested(T0 + 8_000, step=2, also_paged=("alice",), **for_bob),
        r.delivered(T0 + 8_500, **for_bob),
        r.stopped(T0 + 12_000),
    ):
        log.add(event)
    return log.records


def exhausted_story() -> list[Record]:
    """As above until Alice's page arrived; then nobody acknowledges."""
    log = Log("notifications.events", 1)
    for event in (r.started(T0 + 100), r.requested(T0 + 100), r.delivered(T0 + 500), r.exhausted(T0 + 60_000)):
        log.add(event)
    return log.records


def case_story() -> list[Record]:
    """Three charges alike of the shop (one of them told twice) and a label, on partition 1; two of the bank on 0."""
    desk = Desk(DECIDER)
    shop, bank = Log("rml.events", 1, hole=1), Log("rml.events", 0)
    charges: tuple[tuple[Log, dict[str, Any]], ...] = (
        (shop, {}),
        (bank, {}),
        (shop, {"counterparty": "customer \x00 18", "amount": None}),
        (shop, {"actor": "checkout-helper-2"}),
        (bank, {"external_reference": None}),
        (shop, {"external_reference": "ch_0", "actor": "webhook"}),
        (shop, {"external_reference": None}),
    )
    for n, (log, changes) in enumerate(charges):
        tenant = "shop" if log is shop else "bank"
        for event in desk.tell(charge(n, tenant=tenant, **changes)).events:
            log.add(event)
    for event in desk.tell(label(99, tenant="shop")).events:
        shop.add(event)
    return [*shop.records, *bank.records]


def _flood(kind: Any, *more: Any) -> Any:
    return kind("shop", ids.derive("flood", 1), "suspicious_volume", "loop", *more)


def review_story() -> list[Record]:
    """A flood that grows, is judged and ends; a dependency that fails, is said to be degraded, and recovers."""
    log, other = Log("incidents.events", 1, hole=1), Log("incidents.events", 0)
    rated = (0, 96, 5, 3_600, 10, 50, 5, True, "stripe: 5.2 % (elevated)", T0)
    for event in (
        _flood(flooding.FloodSuspected, 101, 100, "101 actions", 100, T0 + 300_000, "alice", T0),
        _flood(flooding.FloodGrew, 240, "240 actions", T0 + 1_000, T0 + 300_000),
        _flood(flooding.FloodJudged, "confirmed", "bob", "NUL \x00 in a note", T0 + 3_600_000, T0 + 2_000),
        _flood(flooding.FloodEnded, 240, 9, T0 + 99_000),
        flooding.DependencyRated("shop", "stripe", *rated),
        flooding.DependencyDegraded("shop", "stripe", "eu", T0, None, "its status page", "bob", None, T0),
        flooding.DependencyRecovered("shop", "stripe", "eu", T0, T0 + 9, "its status page", "bob", None, T0 + 9),
    ):
        log.add(event)
    other.add(flooding.DependencyRated("bank", "stripe", *rated))
    return [*log.records, *other.records]


STORIES = {
    "timeline": actions,
    "incidents": incident_story,
    "pages": page_story,
    "cases": case_story,
    "review": review_story,
}


def fill(dsn: str) -> None:
    """All projections over their stories."""
    for name, story in STORIES.items():
        runner = project_all(dsn, name, memory_log(name, story()))
        assert runner.dead is None


async def pool_of(dsn: str) -> Pool:
    """An open pool."""
    pool = reading_pool(dsn, size=2)
    await pool.open(wait=True)
    return pool


def count(dsn: str, table: str) -> int:
    """Rows of a table, seen by the owner."""
    with psycopg.connect(dsn) as connection:
        found = connection.execute(psycopg.sql.SQL("select count(*) from {}").format(psycopg.sql.Identifier(table)))
        row = found.fetchone()
    assert row is not None
    return int(row[0])
