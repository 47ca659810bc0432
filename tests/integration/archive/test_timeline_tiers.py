"""Old days leave Postgres only when the archive has them, and `/v1/timeline` answers the same before and after."""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg
import pytest

from projections import migrate, positions
from projections.archive import cold
from projections.catalog import PROJECTIONS
from projections.postgres import reading_pool, scoped
from projections.store import PostgresStore
from projections.timeline import partitions
from projections.timeline.cold import ColdFiles
from projections.timeline.queries import timeline
from schemas import codec
from schemas.record import Output
from tests.support.actions import action
from tests.support.archived import World

DAY_MS = 86_400_000


@dataclass
class Tiers:
    """A timeline of 100 days ago and of today, and the archive of the same log."""

    world: World
    dsn: str

    async def everything(self, limit: int, **given: Any) -> tuple[list[dict[str, Any]], list[str]]:
        """All pages of a tenant's timeline, and their tiers."""
        items: list[dict[str, Any]] = []
        tiers: list[str] = []
        files = ColdFiles(str(self.world.folder))
        pool = reading_pool(self.dsn, size=1)
        await pool.open(wait=True)
        try:
            cursor: str | None = None
            while True:
                async with scoped(pool, "t/1") as scope:
                    found = await timeline(scope, limit=limit, cursor=cursor, cold=files, **given)
                items += found["items"]
                tiers.append(found["tier"])
                cursor = found["next"]
                if cursor is None:
                    break
        finally:
            await pool.close()
        return [{k: v for k, v in item.items() if k != "processed_at"} for item in items], tiers


@pytest.fixture
def tiers(database: str, tmp_path: Path) -> Tiers:
    migrate.apply(database)
    world = World(tmp_path, {"actions.ordered": 2, "ordering.events": 1})
    start = (int(time.time()) // 86_400 - 100) * DAY_MS
    world.clock.advance(start - world.clock.wall_ms())
    for n in range(48):
        if n == 36:
            world.clock.advance(98 * DAY_MS)
        world.clock.advance(3_600_000)
        value = codec.encode(action(n, tenant=f"t/{n % 2}", actor=f"a{n % 3}", sequence=n))
        world.log.append(
            Output("actions.ordered", n // 2 % 2, b"k", value, (("flags", b"late"),) if n % 4 == 1 else ())
        )
    store = PostgresStore(database, PROJECTIONS["timeline"], {"actions.ordered": "actions", "ordering.events": "x"})
    store.open()
    ends = {place: world.log.ends(place).stable for place in world.places}
    store.begin(dict.fromkeys(ends, 0))
    records = [record for place in world.places for record in world.committed(place)]
    store.write(records, dict.fromkeys(ends, 0), ends)
    store.close()
    world.archive(world.store(flush_records=5), most=5)
    return Tiers(world, database)


def _retire(tiers: Tiers) -> list[int]:
    with psycopg.connect(tiers.dsn) as connection:
        return partitions.retire(connection, cold.counts(tiers.world.files), {})


async def test_old_days_are_dropped_when_archived_and_answered_the_same(tiers: Tiers) -> None:
    asked: list[dict[str, Any]] = [{}, {"order": "newest"}, {"actor": "a1"}, {"actor": "a2", "order": "newest"}]
    before = [await tiers.everything(5, **given) for given in asked]
    assert len(before[0][0]) == 24
    assert {tier for _, found in before for tier in found} == {"hot"}
    today = int(time.time()) // 86_400
    assert _retire(tiers) == [], "nothing lies by tenant and date yet"
    cold.write(tiers.world.history()._manifest, tiers.world.files, today)
    assert _retire(tiers) == [], "the archive's positions are not known here yet"
    with psycopg.connect(tiers.dsn) as connection:
        positions.begin(connection, "archive", tiers.world.shared.positions)
    assert _retire(tiers) == [today - 100, today - 99]
    assert _retire(tiers) == []
    for (items, _), given in zip(before, asked, strict=True):
        for limit in (1, 5, 50):
            found, found_tiers = await tiers.everything(limit, **given)
            assert found == items, (limit, given)
            assert set(found_tiers) <= {"hot", "cold"}
            assert "cold" in found_tiers
    recent, only = await tiers.everything(50, since=(today - 80) * DAY_MS)
    assert recent == [i for i in before[0][0] if i in recent]
    assert only == ["hot"]
    assert recent


async def test_a_day_with_a_row_that_is_not_archived_stays(tiers: Tiers) -> None:
    cold.write(tiers.world.history()._manifest, tiers.world.files, int(time.time()) // 86_400)
    behind = {place: min(at, 3) for place, at in tiers.world.shared.positions.items()}
    with psycopg.connect(tiers.dsn) as connection:
        positions.begin(connection, "archive", behind)
    assert _retire(tiers) == []
