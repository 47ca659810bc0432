"""The servers of the local stack are real ones, keep their data over a SIGKILL, and die with their parent."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import uuid
from pathlib import Path

import psycopg
import pytest
import redis as redis_client
from confluent_kafka import Consumer, Producer
from confluent_kafka.admin import AdminClient
from confluent_kafka.cimpl import NewTopic

from gateway.local import state as st
from gateway.local.paths import CHECKOUT
from tests.support.fix_stack import KafkaServer, PostgresServer, RedisServer
from tests.support.waiting import until


def make_topic(bootstrap: str) -> str:
    name = f"t-{uuid.uuid4().hex}"
    admin = AdminClient({"bootstrap.servers": bootstrap})
    topic = NewTopic(name, num_partitions=2, replication_factor=1, config={"message.timestamp.type": "LogAppendTime"})
    admin.create_topics([topic])[name].result(60)
    return name


def read_all(bootstrap: str, topic: str, count: int) -> list[bytes | None]:
    consumer = Consumer({"bootstrap.servers": bootstrap, "group.id": topic, "auto.offset.reset": "earliest"})
    try:
        consumer.subscribe([topic])
        records = consumer.consume(count, timeout=120)
    finally:
        consumer.close()
    return [record.value() for record in records]


def test_kafka_keeps_what_it_acknowledged_over_a_sigkill(kafka: KafkaServer) -> None:
    topic = make_topic(kafka.bootstrap)
    producer = Producer({"bootstrap.servers": kafka.bootstrap, "acks": "all"})
    producer.produce(topic, b"before")
    assert producer.flush(60) == 0
    pid = kafka.pid

    kafka.kill()
    kafka.restart()

    assert kafka.pid != pid
    assert read_all(kafka.bootstrap, topic, 1) == [b"before"]


def test_postgres_gives_each_test_its_own_database(postgres: PostgresServer, database: str) -> None:
    with psycopg.connect(database) as connection:
        connection.execute("create table seen (n int)")
        connection.execute("create extension pg_trgm")
    other = postgres.create_database()
    with psycopg.connect(other) as connection, pytest.raises(psycopg.errors.UndefinedTable):
        connection.execute("select * from seen")
    postgres.drop_database(other)


def test_postgres_comes_back_after_a_sigkill(postgres: PostgresServer, database: str) -> None:
    with psycopg.connect(database) as connection:
        connection.execute("create table kept (n int)")
    postgres.kill()
    postgres.restart()
    with psycopg.connect(database) as connection:
        assert connection.execute("select count(*) from kept").fetchone() == (0,)


def test_redis_keeps_what_it_wrote(redis: RedisServer) -> None:
    with redis_client.Redis.from_url(redis.url) as client:
        client.set("k", "v")
        # An orderly stop writes the append-only file; a SIGKILL may lose the last second.
    redis.restart()
    with redis_client.Redis.from_url(redis.url) as client:
        assert client.get("k") == b"v"


PARENT = """
import sys, signal
from pathlib import Path
from gateway.local import kafka, postgres, redis
from gateway.local.children import Running
from gateway.local.paths import find_home
from gateway.local.ports import free_port

folder, home = Path(sys.argv[1]), find_home()
specs = [
    kafka.spec(home, folder / "kafka", free_port(), free_port()),
    postgres.spec(home, folder / "postgres", free_port(), "x", durable=False),
    redis.spec(folder / "redis", free_port()),
]
servers = [Running(spec, folder / f"{spec.name}.log") for spec in specs]
for server in servers:
    server.start()
(folder / "pids").write_text(" ".join(str(server.pid) for server in servers) + " .")
signal.pause()
"""


def test_no_server_outlives_a_killed_parent(kafka: KafkaServer, tmp_path: Path) -> None:
    # `kafka` is asked for so that the class archive is there and the three starts are quick.
    assert kafka.pid
    pids_file = tmp_path / "pids"
    parent = subprocess.Popen([sys.executable, "-c", PARENT, str(tmp_path)], cwd=CHECKOUT)
    try:
        until(lambda: pids_file.exists() and pids_file.read_text().endswith("."), 60, "the three servers")
        pids = [int(word) for word in pids_file.read_text().split()[:-1]]
        everything = [pid for server in pids for pid in [server, *st.descendants(server)]]
        assert len(everything) > len(pids), "Postgres has processes of its own"
        assert all(st.started_at(pid) for pid in everything)
    finally:
        os.kill(parent.pid, signal.SIGKILL)
        parent.wait()
    until(lambda: not [pid for pid in everything if st.started_at(pid)], 10, "every server to be gone")
