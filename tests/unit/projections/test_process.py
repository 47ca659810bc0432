"""Settings, exit codes, health, and the map: what the process around the runners promises."""

from __future__ import annotations

import json

import pytest

from processors.host.errors import EXIT_CLEAN, EXIT_REFUSED, EXIT_ROOM_DIED, EXIT_USAGE
from projections import migrate, settings
from projections.catalog import ARCHIVE, PROJECTIONS, REDIS
from projections.command import exit_code, main
from projections.errors import Refused
from projections.metrics import Metrics, RunnerMetrics
from projections.operating import Operating
from projections.runner import Runner
from schemas import topology
from tests.unit.projections.memory import MemoryLog, MemorySource, MemoryStore


def _runner(name: str = "pages") -> Runner:
    return Runner(name, (), lambda: MemorySource(MemoryLog()), MemoryStore(), RunnerMetrics(Metrics(), name))


def test_the_catalog_is_the_map():
    declared = topology.load().projections
    stores = {"postgres": set(PROJECTIONS), "redis": set(REDIS), "parquet": {ARCHIVE}}
    assert {s: {p.name for p in declared.values() if p.store == s} for s in stores} == stores
    assert not set(PROJECTIONS) & set(REDIS)


def test_settings():
    env = {"MANDATE_KAFKA": "k:1", "MANDATE_POSTGRES": "postgresql://x", "MANDATE_HTTP": "127.0.0.1:8081"}
    assert settings.read(env).http == ("127.0.0.1", 8081)
    assert settings.read(env | {"MANDATE_HTTP": ""}).http is None
    for missing in ("MANDATE_KAFKA", "MANDATE_POSTGRES"):
        with pytest.raises(Refused) as caught:
            settings.read({k: v for k, v in env.items() if k != missing})
        assert caught.value.code == "setting_missing"
    for wrong in ("8081x", "host:", "host:99999"):
        with pytest.raises(Refused) as caught:
            settings.read(env | {"MANDATE_HTTP": wrong})
        assert caught.value.code == "setting_wrong"


def test_exit_codes():
    well, refused, broken = _runner(), _runner(), _runner()
    refused.dead, refused.error = "no", Refused("x", "x", "x", "x")
    broken.dead, broken.error = "no", ValueError("x")
    assert exit_code([well], True) == EXIT_CLEAN
    assert exit_code([well], False) == EXIT_ROOM_DIED
    assert exit_code([well, refused], True) == EXIT_REFUSED
    assert exit_code([refused, broken], True) == EXIT_ROOM_DIED


@pytest.mark.parametrize("arguments", ["", "nothing", "timeline,nothing", "checksum", "checksum x", "a b"])
def test_usage(arguments, capsys):
    assert main(arguments.split(), {}) == EXIT_USAGE
    assert "usage" in capsys.readouterr().err


def test_health_is_red_when_a_runner_is_dead():
    log, store = MemoryLog(), MemoryStore()
    runner = _runner()
    operating = Operating("127.0.0.1", 0, [runner], Metrics())
    try:
        status, _, body = operating.answer("/healthz")
        assert status == 503  # not started
        runner._make_source = lambda: MemorySource(log)
        runner._store = store
        runner.start()
        assert operating.answer("/healthz")[0] == 200
        assert b'projection_up{projection="pages"} 1.0' in operating.answer("/metrics")[2]
        runner.stop()
        assert runner.join(5)
        runner.dead = "rebuild_from_archive: …"
        status, _, body = operating.answer("/healthz")
        assert status == 503
        assert json.loads(body)["projections"]["pages"] == {"alive": False, "why": "rebuild_from_archive: …"}
        assert b'projection_up{projection="pages"} 0.0' in operating.answer("/metrics")[2]
        assert operating.answer("/")[0] == 404
    finally:
        operating._server.server_close()


def test_migrations_are_numbered_without_gaps(tmp_path):
    assert [step.version for step in migrate.steps()] == list(range(1, len(migrate.steps()) + 1))
    (tmp_path / "0001_a.sql").write_text("")
    (tmp_path / "0003_b.sql").write_text("")
    with pytest.raises(Refused) as caught:
        migrate.steps(tmp_path)
    assert caught.value.code == "migration_gap"
