"""A tenant's removal on a real manifest beside a running archive: SIGKILL at every step in turn, and by settings."""

from __future__ import annotations

import json
import signal
import time

import psycopg
from click.testing import CliRunner

from gateway.cli.archive import archive
from gateway.http.run import MIGRATIONS
from projections import migrate
from projections.archive import cold, upkeep
from projections.archive.files import Files
from projections.archive.history import ArchiveHistory
from projections.archive.verify import verify
from schemas import codec
from tests.integration.archive.conftest import Archived
from tests.support.actions import action

# What dies where: the step, and at which of its passings.
KILLS = [("asked", 1), ("rewritten", 1), ("rewritten", 2), ("replaced", 1), ("mirrored", 2), ("listed", 1)]
KILLS += [("deleted", 1), ("done", 1)]
STAYS = "stays"
TOPICS = ("actions.ordered", "actions.unique")
DAY_S = 86_400


def call(archived: Archived, *words: str) -> tuple[int, dict]:
    given = ["--postgres", archived.dsn, "--archive", str(archived.folder), "--json"]
    done = CliRunner().invoke(archive, [*words, *given], standalone_mode=False)
    assert done.exception is None, done.exception
    return done.return_value, json.loads(done.stdout or "{}")


def write(archived: Archived, tenants: list[str]) -> None:
    for topic in TOPICS:
        archived.write(topic, [codec.encode(action(n, tenant=t)) for t in tenants for n in range(8)])


def left(archived: Archived, tenants: set[str]) -> None:
    """These tenants' records and no others, in the log's files and by tenant and date; and all of them."""
    files, manifest = Files(str(archived.folder)), archived.manifest()
    assert verify(manifest, files).faults == ()
    history = ArchiveHistory(files, manifest, passes=lambda _: True)
    found: dict[str, int] = {}
    for topic in TOPICS:
        for place in [p for p in manifest.places if p.topic == archived.name(topic)]:
            for record in history.read(place, *history.bounds(place)):
                tenant = codec.Words((type(action(1)),)).decode(record.value).tenant
                found[tenant] = found.get(tenant, 0) + 1
    assert set(found) == tenants
    assert {name.split("/")[1] for name in files.names("cold/") if "tenant=" in name} <= {
        f"tenant={t}" for t in tenants
    }
    with psycopg.connect(archived.dsn, autocommit=True) as connection:
        connection.execute("update archive_superseded set since = since - interval '2 hours'")


def test_a_kill_at_every_step_is_finished_by_the_next_upkeep(archived: Archived, monkeypatch) -> None:
    monkeypatch.setattr(cold, "TOPIC", archived.name("actions.ordered"))
    monkeypatch.setenv("MANDATE_TOPOLOGY", str(archived.file))
    gone = [f"t{n}" for n in range(len(KILLS))]
    child = archived.start()
    for _ in range(2):
        write(archived, [*gone, STAYS])
        archived.caught_up()
    files, later = Files(str(archived.folder)), time.time() + 5 * DAY_S
    upkeep.compact(archived.dsn, files, later, archived.map)
    left(archived, {*gone, STAYS})
    assert any(f"tenant={gone[0]}" in name for name in files.names("cold"))
    for tenant, (step, nth) in zip(gone, KILLS, strict=True):
        removing = archived.start(tenant, "SIGKILL", step, str(nth), module="removal_process")
        assert removing.wait(300) == -signal.SIGKILL, step
        write(archived, [STAYS])  # the archive goes on meanwhile
    archived.positions_reached()
    upkeep.compact(archived.dsn, files, later, archived.map)
    left(archived, {STAYS})
    upkeep.compact(archived.dsn, files, later, archived.map)
    archived.end(child)
    child = archived.start()  # and a run begins, which sweeps what nobody names before it archives
    write(archived, [STAYS])
    archived.positions_reached()
    archived.end(child)
    archived.whole()
    left(archived, {STAYS})
    told = call(archived, "verify")
    assert (told[0], {g["tenant"] for g in told[1]["gone"]}) == (0, set(gone))


def test_by_command_and_by_the_tenants_settings(archived: Archived, monkeypatch) -> None:
    monkeypatch.setenv("MANDATE_TOPOLOGY", str(archived.file))
    migrate.apply(archived.dsn, MIGRATIONS, "gateway")
    child = archived.start()
    write(archived, ["old", "left", STAYS])
    archived.caught_up()
    code, told = call(archived, "remove", "--tenant", "left", "--reason", "left us", "--yes")
    assert (code, {r["tenant"] for r in told["removed"]}) == (0, {"left"})
    left(archived, {"old", STAYS})
    for version, days in ((1, 100), (2, 2)):
        with psycopg.connect(archived.dsn, autocommit=True) as connection:
            connection.execute(
                "insert into configuration (tenant, document, version, hash, body, created_by)"
                " values ('old', 'retention', %s, 'x', %s, 'test')",
                (version, json.dumps({"days": days}).encode()),
            )
        upkeep.compact(archived.dsn, Files(str(archived.folder)), time.time() + 5 * DAY_S, archived.map)
        left(archived, {"old", STAYS} if days == 100 else {STAYS})
    archived.end(child)
    with psycopg.connect(archived.dsn) as connection:
        found = connection.execute("select tenant, retention, done_at is not null from archive_removals").fetchall()
    assert sorted(found) == [("left", False, True), ("old", True, True)]
