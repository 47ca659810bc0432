"""The process on a real Kafka and Postgres: aborted records are not projected, SIGKILL costs nothing."""

from __future__ import annotations

import itertools
import json
import os
import re
import signal
import subprocess
import sys
import urllib.error
import urllib.request
from functools import partial
from pathlib import Path

import psycopg
import pytest
from confluent_kafka import Producer

from gateway.local.ports import free_port
from processors.host.admin import Admin, TopicState
from processors.host.errors import EXIT_CLEAN, EXIT_REFUSED
from processors.host.places import Place
from projections import checksum, migrate
from schemas import codec, ids, topology
from schemas.topology import DEAD_LETTERS
from tests.integration.projections.tenants import count
from tests.support.waiting import until
from tests.unit.projections import records as r
from tests.unit.projections.records import T0

NUMBERS = itertools.count(1)
CHECKOUT = Path(topology.__file__).parent.parent


class World:
    """Topics of this test's own on the shared broker, and the map that names them."""

    def __init__(self, bootstrap: str, folder: Path) -> None:
        self.bootstrap = bootstrap
        suffix = f".projections{next(NUMBERS)}"
        declared = topology.load()
        text = topology.default_path().read_text()
        # The topic of dead letters has one name in the code; here nobody writes to it.
        names = {t for p in declared.projections.values() for t in p.reads if t != DEAD_LETTERS}
        for name in names:
            text = re.sub(rf"(?<!stream: )\b{re.escape(name)}\b", name + suffix, text)
        self.file = folder / "topology.yaml"
        self.file.write_text(text)
        self.map = topology.load(self.file)
        self.names = {name: name + suffix for name in names} | {DEAD_LETTERS: DEAD_LETTERS}
        self.admin = Admin(bootstrap)
        there = self.admin.names()
        wanted = [self.map.topics[t] for t in self.names.values() if t not in there]
        self.admin.create([TopicState(t.name, t.partitions, 1, t.config) for t in wanted])

    def producer(self) -> Producer:
        """A room's producer, as far as a reader can tell."""
        settings = {"bootstrap.servers": self.bootstrap, "transactional.id": f"t{next(NUMBERS)}", "linger.ms": 1}
        producer = Producer(settings)
        producer.init_transactions(60)
        return producer

    def write(self, producer: Producer, topic: str, messages: list, *, partition: int = 0, abort: bool = False) -> None:
        """One transaction."""
        producer.begin_transaction()
        for message in messages:
            producer.produce(self.names[topic], value=codec.encode(message), partition=partition)
        producer.flush(60)
        if abort:
            producer.abort_transaction(60)
        else:
            producer.commit_transaction(60)


class Process:
    """`python -m projections NAMES`."""

    def __init__(self, world: World, dsn: str, names: str) -> None:
        self.port = free_port()
        env = os.environ | {
            "MANDATE_KAFKA": world.bootstrap,
            "MANDATE_POSTGRES": dsn,
            "MANDATE_TOPOLOGY": str(world.file),
            "MANDATE_HTTP": f"127.0.0.1:{self.port}",
            "PYTHONPATH": str(CHECKOUT),
        }
        self.child = subprocess.Popen([sys.executable, "-m", "projections", names], env=env)

    def get(self, path: str) -> tuple[int, str]:
        """Status and body; (0, "") while it does not answer."""
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.port}{path}", timeout=30) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as error:
            return error.code, error.read().decode()
        except OSError:
            return 0, ""

    def end(self, number: int = signal.SIGTERM) -> int:
        """Signal, wait, exit code."""
        if self.child.poll() is None:
            self.child.send_signal(number)
        return self.child.wait(60)


@pytest.fixture
def world(kafka, tmp_path):
    made = World(kafka.bootstrap, tmp_path)
    yield made
    made.admin.close()


def _at_least(dsn, incidents):
    return count(dsn, "incidents") >= incidents


def _ended(dsn, world, names):
    """Every place of these projections is projected to its end, markers included."""
    with psycopg.connect(dsn) as connection:
        found = connection.execute("select topic, partition, next_offset from projection_offsets").fetchall()
    stored = {Place(t, p): at for t, p, at in found}
    places = [
        Place(t, p) for n in names for t in world.map.projections[n].reads for p in range(world.map.partitions(t))
    ]
    ends = world.admin.ends(places)
    return all(stored.get(place) == ends[place].stable for place in places)


def test_committed_records_only_and_positions_pass_markers(world, tables):
    producer = world.producer()
    world.write(producer, "actions.ordered", [r.an_action(n) for n in range(3)])
    world.write(producer, "actions.ordered", [r.an_action(n) for n in range(100, 105)], abort=True)
    world.write(producer, "actions.ordered", [r.an_action(n) for n in range(3, 5)])
    world.write(producer, "ordering.events", [r.gap("declared")], partition=3)
    world.write(producer, "actions.ordered", [r.an_action(200)], partition=1, abort=True)
    process = Process(world, tables, "timeline")
    try:
        until(lambda: _ended(tables, world, ["timeline"]), 30, "the timeline to come to the log's end")
        with psycopg.connect(tables) as connection:
            found = {row[0].bytes for row in connection.execute("select event_id from timeline").fetchall()}
        assert found == {ids.derive("action", n) for n in range(5)}
        assert count(tables, "gap_events") == 1
        status, body = process.get("/healthz")
        assert status == 200
        assert json.loads(body)["projections"]["timeline"]["alive"] is True
        counted = 'projection_records_total{projection="timeline"} 6.0'  # a moment after the rows are there
        until(lambda: counted in process.get("/metrics")[1], 30, "the records to be counted")
    finally:
        code = process.end()
    assert code == EXIT_CLEAN


def test_killed_again_and_again_while_records_come(world, tables, postgres):
    producer = world.producer()
    names = ["incidents", "pages", "timeline"]
    process = Process(world, tables, ",".join(names))
    try:
        for n in range(1, 7):
            incident = ids.derive("incident", n)
            opening = r.opened(T0 + n, number=n, incident_id=incident)
            more = [r.attached(f, f, T0 + f, incident_id=incident, number=n) for f in range(2, 40)]
            world.write(producer, "incidents.events", [opening, *more])
            page = {"incident_id": incident, "number": n, "notification_id": ids.derive("page", n)}
            world.write(producer, "notifications.events", [r.requested(T0, **page)])
            world.write(producer, "actions.ordered", [r.an_action(n * 100 + k) for k in range(100)], partition=n % 4)
            world.write(producer, "incidents.events", [r.opened(number=n + 50, incident_id=bytes(16))], abort=True)
            until(partial(_at_least, tables, n - 1), 30, f"incident {n - 1}")
            process.end(signal.SIGKILL)
            process = Process(world, tables, ",".join(names))
        until(lambda: _ended(tables, world, names), 40, "all projections to come to the log's end")
        assert count(tables, "timeline") == 600
        assert count(tables, "incidents") == count(tables, "pages") == 6
        assert count(tables, "incident_events") == 6 * 39
    finally:
        assert process.end() == EXIT_CLEAN
    fresh = postgres.create_database()
    migrate.apply(fresh)
    process = Process(world, fresh, ",".join(names))
    try:
        until(lambda: _ended(fresh, world, names), 40, "the rebuild to come to the log's end")
    finally:
        process.end()
    with psycopg.connect(tables) as live, psycopg.connect(fresh) as rebuilt:
        for name in names:
            assert checksum.checksum(live, name) == checksum.checksum(rebuilt, name), name
    postgres.drop_database(fresh)


def test_a_position_that_the_log_has_lost_is_refused(world, tables):
    producer = world.producer()
    world.write(producer, "notifications.events", [r.requested(T0)])
    with psycopg.connect(tables) as connection:
        connection.execute(
            "insert into projection_offsets (projection, topic, partition, next_offset) values ('pages', %s, 0, 0)",
            (world.names["notifications.events"],),
        )
    from confluent_kafka import TopicPartition
    from confluent_kafka.admin import AdminClient

    client = AdminClient({"bootstrap.servers": world.bootstrap})
    for future in client.delete_records([TopicPartition(world.names["notifications.events"], 0, 1)]).values():
        future.result(60)
    process = Process(world, tables, "pages")
    try:
        assert process.child.wait(60) == EXIT_REFUSED
        assert count(tables, "pages") == 0
    finally:
        process.end()


def test_postgres_killed_in_between(world, tables, postgres):
    producer = world.producer()
    world.write(producer, "incidents.events", [r.opened()])
    process = Process(world, tables, "incidents")
    try:
        until(lambda: count(tables, "incidents") == 1, 30, "the first incident")
        postgres.kill()
        world.write(producer, "incidents.events", [r.opened(number=2, incident_id=bytes(16))])
        failed = re.compile(r'projection_sessions_failed_total{projection="incidents"} [1-9]')
        until(lambda: failed.search(process.get("/metrics")[1]), 30, "a failed session")
        assert process.get("/healthz")[0] == 200  # it tries again: restarting it would not help
        postgres.restart()
        until(lambda: count(tables, "incidents") == 2, 30, "the second incident")
    finally:
        code = process.end()
    assert code == EXIT_CLEAN


def test_commands_of_the_command_line(database):
    def run(*arguments):
        env = os.environ | {"MANDATE_POSTGRES": database, "PYTHONPATH": str(CHECKOUT)}
        command = [sys.executable, "-m", "projections", *arguments]
        return subprocess.run(command, env=env, capture_output=True, text=True, timeout=300, check=False)

    assert run("migrate").stdout.split()[0] == "0001_positions"
    assert run("migrate").stdout.strip() == "nothing to do"
    found = json.loads(run("checksum", "pages").stdout)
    assert found["projection"] == "pages"
    assert found["tables"]["pages"] == {"rows": 0, "sum": "0"}
    wrong = run("pages")
    assert (wrong.returncode, "MANDATE_KAFKA" in wrong.stderr) == (EXIT_REFUSED, True)


def test_kafka_killed_in_between(world, tables, kafka):
    world.write(world.producer(), "incidents.events", [r.opened()])
    process = Process(world, tables, "incidents")
    try:
        until(lambda: count(tables, "incidents") == 1, 30, "the first incident")
        kafka.kill()
        kafka.restart()
        world.write(world.producer(), "incidents.events", [r.opened(number=2, incident_id=bytes(16))])
        until(lambda: count(tables, "incidents") == 2, 60, "the second incident")
        assert process.get("/healthz")[0] == 200
    finally:
        code = process.end()
    assert code == EXIT_CLEAN
