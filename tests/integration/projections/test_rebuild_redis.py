"""Read models in Redis are rebuilt as a generation beside the one that serves: equal, swapped, and back again."""

from __future__ import annotations

import logging
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import redis as client_library

from processors.host.places import Place
from projections import redis_checksum
from projections.catalog import REDIS
from projections.errors import Refused
from projections.metrics import Metrics, RunnerMetrics
from projections.rebuild_redis import LOCK_MS, RedisRebuild
from projections.redis_keys import positions_key, rebuild_key
from projections.redis_store import RedisStore, marks_of
from projections.runner import Runner
from schemas import topology
from tests.support.waiting import until
from tests.unit.projections.memory import MemoryHistory, MemoryLog, Patient
from tests.unit.projections.sightings import KINDS, a_story

DEDUP = REDIS["dedup"]
PLACES = [Place(topic, 0) for topic in KINDS]
CHECKOUT = Path(topology.__file__).parent.parent
STEPS = ("begun", "filling", "filled", "compared", "swapping", "swapped", "done")


@pytest.fixture(autouse=True)
def _quiet(caplog):
    caplog.set_level(logging.CRITICAL, "mandate.projections")


@pytest.fixture
def empty(redis):
    """The shared Redis without a key; whatever a test leaves goes too."""
    with client_library.Redis.from_url(redis.url) as client:
        client.flushall()
        yield client
        client.flushall()


def story_log():
    """The story of `a_story`, as a log in memory."""
    made = MemoryLog(*PLACES)
    for written in a_story().values():
        made.add(written.records, markers=1)
    return made


def _rebuild(url, log, said=lambda _: None):
    return RedisRebuild(url, "dedup", PLACES, MemoryHistory(log), said)


class Following:
    """The process of the read model, in a thread."""

    def __init__(self, url, log):
        store = RedisStore(url, DEDUP)
        self.runner = Runner("dedup", PLACES, lambda: Patient(log, 3), store, RunnerMetrics(Metrics(), "dedup"))

    def __enter__(self):
        self.runner.start()
        return self.runner

    def __exit__(self, *_):
        self.runner.stop()
        assert self.runner.join(60)


def _at_end(client, log):
    stored = marks_of(client.hgetall(positions_key(DEDUP.name, DEDUP.version)))
    return {place: mark.next_offset for place, mark in stored.items()} == log.ends


def _filled(url, client, log):
    with Following(url, log):
        until(lambda: _at_end(client, log), 20, "the read model to come to the log's end")
    return redis_checksum.checksum(url, DEDUP)


def _generations(client):
    found = client.hgetall(rebuild_key(DEDUP.name, DEDUP.version, "generations"))
    prefixes = {key.split(b":")[0] for key in client.scan_iter(match="g*")}
    return {name.decode(): int(number) for name, number in found.items()}, prefixes


def test_equal_generations_change_places_and_back(redis, empty):
    log = story_log()
    wanted = _filled(redis.url, empty, log)
    for number in (2, 3):
        done = _rebuild(redis.url, log).run()
        assert (done.equal, done.swapped, done.version) == (True, True, number)
        assert redis_checksum.checksum(redis.url, DEDUP) == wanted
        assert _generations(empty) == ({"live": number, "previous": number - 1}, {b"g%d" % (number - 1)})
    back = _rebuild(redis.url, log).rollback()
    assert (back.equal, back.version) == (True, 2)
    assert redis_checksum.checksum(redis.url, DEDUP) == wanted
    assert _generations(empty) == ({"live": 2, "previous": 3}, {b"g3"})


def test_the_process_that_follows_goes_on_after_the_swap(redis, empty):
    log = story_log()
    with Following(redis.url, log) as runner:
        until(lambda: _at_end(empty, log), 20, "the read model to come to the log's end")
        more = a_story()

        def said(moment):
            if moment.step == "begun":  # records behind those that are there, while it is being built
                for written in more.values():
                    place = Place(written.records[0].topic, 0)
                    shift = log.ends[place]
                    log.add([_later(r, shift) for r in written.records], markers=1)

        assert _rebuild(redis.url, log, said).run().swapped
        until(lambda: _at_end(empty, log), 20, "what came meanwhile")
        assert runner.dead is None
    followed = redis_checksum.checksum(redis.url, DEDUP)
    empty.flushall()
    assert _filled(redis.url, empty, log) == followed


def _later(record, shift):
    return record._replace(offset=record.offset + shift, append_time=record.append_time + 60_000)


@pytest.mark.parametrize("step", STEPS)
def test_killed_at_any_step_the_next_run_ends_it(step, redis, empty):
    log = story_log()
    wanted = _filled(redis.url, empty, log)
    env = os.environ | {"PYTHONPATH": str(CHECKOUT)}
    command = [sys.executable, "-m", "tests.integration.projections.rebuild_redis_process", redis.url, step]
    killed = subprocess.run(command, cwd=CHECKOUT, env=env, timeout=300, check=False)
    assert killed.returncode == -signal.SIGKILL
    assert redis_checksum.checksum(redis.url, DEDUP) == wanted  # what serves is whole, before the swap and after it
    with pytest.raises(Refused) as running:
        _rebuild(redis.url, log).run()
    assert running.value.code == "rebuild_running"
    # The lock of a killed rebuild ends by itself; nobody waits for that here.
    assert 0 < empty.pttl(rebuild_key(DEDUP.name, DEDUP.version, "lock")) <= LOCK_MS
    empty.delete(rebuild_key(DEDUP.name, DEDUP.version, "lock"))
    done = _rebuild(redis.url, log).run()
    assert (done.equal, done.swapped) == (True, True)
    assert redis_checksum.checksum(redis.url, DEDUP) == wanted
    generations, prefixes = _generations(empty)
    assert prefixes == {b"g%d" % generations["previous"]}


def test_what_differs_is_not_swapped(redis, empty):
    log = story_log()
    wanted = _filled(redis.url, empty, log)
    key = next(empty.scan_iter(match="t:*"))
    empty.hset(key, "damage", "1 1")
    refused = _rebuild(redis.url, log).run()
    assert (refused.equal, refused.swapped) == (False, False)
    assert redis_checksum.checksum(redis.url, DEDUP) != wanted
    assert _rebuild(redis.url, log).run(accept=True).swapped
    assert redis_checksum.checksum(redis.url, DEDUP) == wanted


def test_a_log_that_has_lost_what_is_needed_is_said(redis, empty):
    log = story_log()
    _filled(redis.url, empty, log)
    place = Place("actions.raw", 0)
    log.lows[place] = log.ends[place] + 5
    log.ends[place] += 7
    with pytest.raises(Refused) as refused:
        _rebuild(redis.url, log).run()
    assert refused.value.code == "rebuild_from_archive"
    assert "actions.raw[0]" in refused.value.what
    accepted = _rebuild(redis.url, log).run(accept=True)
    assert (accepted.equal, accepted.swapped) == (False, True)
