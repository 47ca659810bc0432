"""Read models in Redis on a real one: each record once whatever is killed or emptied, and a rebuild gives the same."""

from __future__ import annotations

import asyncio

import pytest
import redis as client_library

from processors.host.places import Place
from projections import redis_checksum
from projections.dedup import queries
from projections.dedup.fate import fate
from projections.dedup.project import NAME, VERSION, coordinates
from projections.dedup.store import DedupWriter
from projections.errors import NotReady, PositionLost, Refused
from projections.metrics import Metrics, RunnerMetrics
from projections.overview import project as overview
from projections.overview import queries as overviews
from projections.overview.store import OverviewWriter
from projections.redis_keys import tenant_key
from projections.redis_reading import reader
from projections.redis_store import RedisProjection, RedisStore
from projections.runner import Runner
from schemas import codec, ids
from tests.support.waiting import until
from tests.unit.projections import records as r
from tests.unit.projections.memory import MemoryLog, Patient
from tests.unit.projections.records import T0, TENANT, Log, an_action
from tests.unit.projections.sightings import KINDS, a_story, event_id

DEDUP = RedisProjection(NAME, VERSION, lambda: DedupWriter(KINDS))
PLACES = [Place(topic, 0) for topic in KINDS]


@pytest.fixture
def empty(redis):
    """The shared Redis without a key; whatever a test leaves goes too."""
    with client_library.Redis.from_url(redis.url) as client:
        client.flushall()
        yield client
        client.flushall()


@pytest.fixture
def log():
    """The story of `a_story`, as a log in memory."""
    made = MemoryLog(*PLACES)
    for written in a_story().values():
        made.add(written.records, markers=1)
    return made


def _more(log, n):
    """Action n is written and admitted."""
    for topic in ("actions.raw", "actions.unique"):
        place = Place(topic, 0)
        last = log.records[place][-1]
        value = codec.encode(an_action(n))
        log.add([last._replace(offset=log.ends[place], append_time=last.append_time + 1, value=value)], markers=1)


class Running:
    """A runner in its thread over a real Redis."""

    def __init__(self, url, log, most=3):
        self.store = RedisStore(url, DEDUP)
        metrics = RunnerMetrics(Metrics(), NAME)
        self.runner = Runner(NAME, PLACES, lambda: Patient(log, most), self.store, metrics)

    def __enter__(self):
        self.runner.start()
        return self

    def __exit__(self, *_):
        self.runner.stop()
        assert self.runner.join(60)


def _look(url, field, tenant=TENANT):
    async def look():
        client = reader(url)
        try:
            return await queries.sightings(client, tenant, field, KINDS)
        finally:
            await client.aclose()

    return asyncio.run(look())


def _at_end(url, log):
    found = _look(url, b"").positions
    return {place: mark.next_offset for place, mark in found.items()} == log.ends


def _filled(url, log):
    with Running(url, log):
        until(lambda: _at_end(url, log), 20, "the read model to come to the log's end")


def test_the_fate_of_a_redelivered_action(redis, empty, log):
    _filled(redis.url, log)
    said = fate("1", None, _look(redis.url, event_id(1)), None)
    assert said["fate"] == "admitted"
    assert [a["offset"] for a in said["accepted"]] == [0, 3, 4]
    assert [(d["offset"], d["first"]["offset"]) for d in said["dropped"]] == [(3, 0), (4, 0)]
    assert fate("3", None, _look(redis.url, event_id(3)), None)["dead_letters"][0]["code"] == "wrong_key"
    rubbish = _look(redis.url, coordinates("actions.raw", 0, 5))
    assert fate("r", None, rubbish, None)["fate"] == "dead_letter"
    assert fate("9", None, _look(redis.url, event_id(9)), None)["fate"] == "unknown"


def test_another_tenant_sees_nothing(redis, empty, log):
    _filled(redis.url, log)
    for other in ("bank", "sho", "shop:dedup", "*", f"shop:dedup:{VERSION}:", ""):
        assert _look(redis.url, event_id(1), other).seen == ()


def test_a_rebuild_gives_the_same(redis, empty, log):
    _filled(redis.url, log)
    before = redis_checksum.checksum(redis.url, DEDUP)
    assert before[0] >= 4
    empty.flushall()
    with Running(redis.url, log, most=1):
        until(lambda: _at_end(redis.url, log), 20, "the rebuild to come to the log's end")
    assert redis_checksum.checksum(redis.url, DEDUP) == before
    empty.hset(tenant_key(TENANT, NAME, VERSION, "x:1"), "a", "b")
    assert redis_checksum.checksum(redis.url, DEDUP) != before


def test_an_emptied_redis_is_noticed_without_a_record_and_filled_again(redis, empty, log, monkeypatch):
    monkeypatch.setattr("projections.runner.LAG_SECONDS", 0.05)
    with Running(redis.url, log):
        until(lambda: _at_end(redis.url, log), 20, "the read model to come to the log's end")
        before = redis_checksum.checksum(redis.url, DEDUP)
        empty.flushall()
        until(lambda: _at_end(redis.url, log), 20, "the emptied Redis to be filled again")
        assert redis_checksum.checksum(redis.url, DEDUP) == before


def test_an_emptied_redis_is_noticed_by_the_next_record(redis, empty, log):
    with Running(redis.url, log):
        until(lambda: _at_end(redis.url, log), 20, "the read model to come to the log's end")
        empty.flushall()
        _more(log, 4)
        until(lambda: _at_end(redis.url, log), 20, "the emptied Redis to be filled again")
        assert len(_look(redis.url, event_id(1)).of("accepted")) == 3
        assert len(_look(redis.url, event_id(4)).of("admitted")) == 1


def test_a_killed_redis_comes_back_and_nothing_is_twice_or_lost(redis, empty, log):
    with Running(redis.url, log) as running:
        until(lambda: _at_end(redis.url, log), 20, "the read model to come to the log's end")
        redis.kill()
        _more(log, 4)
        with pytest.raises(NotReady):
            _look(redis.url, event_id(4))
        assert running.runner.alive
        redis.restart()
        until(lambda: _at_end(redis.url, log), 30, "the read model to catch up")
        assert running.runner.alive
    after = redis_checksum.checksum(redis.url, DEDUP)
    empty.flushall()
    _filled(redis.url, log)
    assert redis_checksum.checksum(redis.url, DEDUP) == after


def test_a_second_writer_writes_nothing(redis, empty, log):
    _filled(redis.url, log)
    zombie = RedisStore(redis.url, DEDUP)
    zombie.open()
    stood = zombie.positions()
    _more(log, 4)
    _filled(redis.url, log)
    before = redis_checksum.checksum(redis.url, DEDUP)
    place = Place("actions.raw", 0)
    record = log.records[place][-1]._replace(value=codec.encode(an_action(77)))
    with pytest.raises(PositionLost):
        zombie.write([record], {place: stood[place]}, {place: stood[place] + 1})
    zombie.close()
    assert redis_checksum.checksum(redis.url, DEDUP) == before


def test_the_same_batch_again_adds_nothing(redis, empty, log):
    """What a script that failed half-way left behind is written over, not added to."""
    _filled(redis.url, log)
    before = redis_checksum.checksum(redis.url, DEDUP)
    for place in PLACES:
        empty.hset(f"mandate:dedup:{VERSION}:positions", f"{place.topic}/0", "0 - - 1")
    empty.delete(f"mandate:dedup:{VERSION}:sizes")
    _filled(redis.url, log)
    assert redis_checksum.checksum(redis.url, DEDUP) == before


def test_content_without_positions_is_thrown_away_and_built_anew(redis, empty, log):
    _filled(redis.url, log)
    before = redis_checksum.checksum(redis.url, DEDUP)
    empty.delete(f"mandate:dedup:{VERSION}:positions")
    empty.hset(tenant_key(TENANT, NAME, VERSION, "actions.raw/0:1"), "left", "over")
    empty.set("t:shop:other:1:x", "somebody else's")
    _filled(redis.url, log)
    assert redis_checksum.checksum(redis.url, DEDUP) == before
    assert empty.exists("t:shop:other:1:x")


def test_a_redis_that_throws_keys_away_is_refused(redis, empty):
    empty.config_set("maxmemory", "1gb")
    empty.config_set("maxmemory-policy", "allkeys-lru")
    try:
        store = RedisStore(redis.url, DEDUP)
        with pytest.raises(Refused) as caught:
            store.open()
        store.close()
        assert caught.value.code == "redis_evicts"
    finally:
        empty.config_set("maxmemory", "0")
        empty.config_set("maxmemory-policy", "noeviction")


def test_a_full_redis_loses_nothing(redis, empty, log):
    with Running(redis.url, log) as running:
        until(lambda: _at_end(redis.url, log), 20, "the read model to come to the log's end")
        empty.config_set("maxmemory", "1")
        try:
            _more(log, 4)
            until(lambda: not running.runner._progress, 20, "a session that fails")
            assert _look(redis.url, event_id(4)).seen == ()
        finally:
            empty.config_set("maxmemory", "0")
        until(lambda: _at_end(redis.url, log), 30, "the read model to catch up")
        assert running.runner.alive


# --- the overview --------------------------------------------------------------------------------------------------

OVERVIEW = RedisProjection(overview.NAME, overview.VERSION, OverviewWriter)
EVENTS = Place("incidents.events", 0)


def _incidents(count):
    log = Log("incidents.events")
    for n in range(1, count + 1):
        incident = {"incident_id": ids.derive("incident", n), "number": n}
        log.add(r.opened(T0 + n, **incident))
        log.add(r.attached(2, 2, T0 + n + 1, **incident))
    made = MemoryLog(EVENTS)
    made.add(log.records, markers=1)
    return made


def _overview(url, limit=50):
    async def look():
        client = reader(url)
        try:
            return await overviews.overview(client, TENANT, limit)
        finally:
            await client.aclose()

    return asyncio.run(look())


def _filled_overview(url, log, most=3):
    metrics = RunnerMetrics(Metrics(), "overview")
    runner = Runner("overview", [EVENTS], lambda: Patient(log, most), RedisStore(url, OVERVIEW), metrics)
    runner.start()
    try:
        until(lambda: [p["next_offset"] for p in _overview(url)["as_of"]] == [log.ends[EVENTS]], 20, "the log's end")
    finally:
        runner.stop()
        assert runner.join(60)


def test_the_overview_is_built_once_and_again_the_same(redis, empty):
    log = _incidents(7)
    _filled_overview(redis.url, log)
    found = _overview(redis.url, 3)
    assert (found["open"], len(found["items"]), found["left_out"]) == (7, 3, 0)
    assert [item["failures"] for item in found["items"]] == [2, 2, 2]
    before = redis_checksum.checksum(redis.url, OVERVIEW)
    assert before[0] == 1
    empty.flushall()
    _filled_overview(redis.url, log, most=100)
    assert redis_checksum.checksum(redis.url, OVERVIEW) == before
