"""A node that crashed is fenced by its controller first: on a real broker no transaction is torn or left open."""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

import pytest
from confluent_kafka import Consumer, KafkaException, Producer, TopicPartition
from confluent_kafka.admin import AdminClient
from confluent_kafka.cimpl import NewTopic

from gateway.local import fencing, kafka
from gateway.local.children import Running
from gateway.local.fencing import crashed
from gateway.local.paths import find_home
from gateway.local.ports import free_port
from tests.support.waiting import until

SAYS = "import sys; print(sys.argv[1]); sys.stdout.flush()"
# Says it before it is in its log, as Kafka does, and then writes ever more until it is ended.
WAITS = f"""{SAYS}
import time
for _ in range(6_000):
    time.sleep(0.01)
    with open(sys.argv[2], "ab") as log:
        log.write(b"record")
"""
# Cannot run at first, as on a full disk.
ENDS_ONCE = f"""import os, sys
if not os.path.exists(sys.argv[3]):
    open(sys.argv[3], "w").close()
    raise SystemExit(1)
{WAITS}"""
SILENT = f"{SAYS}; import time; time.sleep(60)"

WRITERS, PARTITIONS, CRASHES = 24, 4, 3
# A writer has written about ten transactions a second after a start; the crash must fall into some of them.
WRITTEN = 20


def launch(data: Path, controller: str, *words: str) -> subprocess.CompletedProcess[str]:
    first = (sys.executable, "-c", controller, *words)
    command = (sys.executable, "-m", "gateway.local.fencing", str(data), "--", *first, "--")
    node = (sys.executable, "-c", SAYS, "the node")
    return subprocess.run((*command, *node), capture_output=True, text=True, timeout=300, check=True)


def metadata(data: Path) -> Path:
    return data / "logs" / "__cluster_metadata-0" / "00000000000000000000.log"


def has_crashed(data: Path) -> Path:
    metadata(data).parent.mkdir(parents=True)
    metadata(data).touch()
    return data


def test_kafkas_own_sign_tells_a_crash_from_a_stop_and_from_a_first_start(tmp_path: Path) -> None:
    assert not crashed(tmp_path), "never started"
    has_crashed(tmp_path)
    assert crashed(tmp_path)
    (tmp_path / "logs" / ".kafka_cleanshutdown").touch()
    assert not crashed(tmp_path), "stopped"


def test_after_a_crash_the_node_waits_for_the_controllers_word_and_not_for_its_end(tmp_path: Path) -> None:
    log = metadata(has_crashed(tmp_path))
    assert launch(tmp_path, WAITS, "Fencing broker 1", str(log)).stdout.split("\n")[:2] == [
        "Fencing broker 1",
        "the node",
    ]
    assert log.stat().st_size >= 2 * len("record"), "what it says is in its log before it is ended"


def test_a_word_that_never_reaches_the_log_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fencing, "WRITTEN_DEADLINE_S", 0.2)
    command = (sys.executable, "-c", SILENT, "Fencing broker 1")
    assert not fencing.fence(command, has_crashed(tmp_path))


def test_after_an_orderly_stop_the_node_starts_at_once(tmp_path: Path) -> None:
    assert launch(tmp_path, "raise SystemExit('not asked')").stdout == "the node\n"


def test_a_controller_that_cannot_run_is_tried_again_before_the_node_is(tmp_path: Path) -> None:
    log = metadata(has_crashed(tmp_path))
    said = launch(tmp_path, ENDS_ONCE, "Fencing broker 1", str(log), str(tmp_path / "ended")).stdout
    assert said.split("\n")[:2] == ["Fencing broker 1", "the node"]


class Writers:
    """Transactional producers, each with a topic of its own, until the broker dies under them."""

    def __init__(self, address: str) -> None:
        self.address = address
        self.committed: dict[str, set[int]] = defaultdict(set)
        self._next = dict.fromkeys((f"torn-{i}" for i in range(WRITERS)), 0)
        self._ended = threading.Event()
        self._threads: list[threading.Thread] = []

    def topics(self) -> list[str]:
        return list(self._next)

    def start(self) -> None:
        self._ended.clear()
        self._threads = [threading.Thread(target=self._write, args=(topic,), daemon=True) for topic in self._next]
        for thread in self._threads:
            thread.start()

    def progress(self) -> int:
        return min(self._next.values())

    def end(self) -> None:
        self._ended.set()

    def join(self) -> None:
        for thread in self._threads:
            thread.join(60)

    def producer(self, topic: str) -> Producer:
        settings = {"bootstrap.servers": self.address, "transactional.id": topic, "log_level": 0, "linger.ms": 0}
        # A writer ends with its broker and not because the machine is busy; what it leaves open its successor ends.
        times = {"transaction.timeout.ms": 60_000, "message.timeout.ms": 50_000}
        found = Producer({**settings, **times, "error_cb": lambda _error: None})
        deadline = time.monotonic() + 120
        while True:
            try:
                found.init_transactions(60)
                return found
            except KafkaException:
                if time.monotonic() > deadline:
                    raise

    def _write(self, topic: str) -> None:
        producer = self.producer(topic)
        while not self._ended.is_set():
            self._next[topic] += 1
            number = self._next[topic]
            try:
                producer.begin_transaction()
                for partition in range(PARTITIONS):
                    producer.produce(topic, str(number).encode(), partition=partition)
                producer.commit_transaction(60)
            except KafkaException:
                return  # the broker died; what became of the number is for the log to say
            self.committed[topic].add(number)


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[Running]:
    home = find_home()
    kafka.ensure_class_archive(home)
    running = Running(kafka.spec(home, tmp_path / "data", free_port(), free_port()), tmp_path / "log")
    running.start()
    yield running
    running.kill()


def read(address: str, topics: list[str]) -> dict[str, list[set[int]]]:
    """The committed numbers on each partition of each topic."""
    settings = {"bootstrap.servers": address, "group.id": "torn", "isolation.level": "read_committed"}
    consumer = Consumer({**settings, "enable.partition.eof": True, "auto.offset.reset": "earliest", "log_level": 0})
    found = {topic: [set[int]() for _ in range(PARTITIONS)] for topic in topics}
    ended: set[tuple[str | None, int | None]] = set()
    consumer.assign([TopicPartition(topic, p, 0) for topic in topics for p in range(PARTITIONS)])

    def more() -> bool:
        for message in consumer.consume(5_000, 0.2):
            if message.error() is not None:
                ended.add((message.topic(), message.partition()))
            else:
                found[message.topic() or ""][message.partition() or 0].add(int(message.value() or b""))
        return len(ended) == WRITERS * PARTITIONS

    until(more, 60, "the end of every partition")
    consumer.close()
    return found


def test_a_crash_in_the_middle_of_commits_tears_none_and_leaves_none_open(broker: Running) -> None:
    writers = Writers(broker.address)
    admin = AdminClient({"bootstrap.servers": broker.address, "log_level": 2})
    for made in admin.create_topics([NewTopic(topic, PARTITIONS, 1) for topic in writers.topics()]).values():
        made.result(60)
    for crash in range(1, CRASHES + 1):
        writers.start()
        until(lambda: writers.progress() >= crash * WRITTEN, 60, "every writer to be at work")  # noqa: B023 - at once
        broker.kill()
        writers.end()
        broker.start()
        # Their successors end what was undecided: from here on every number is on all partitions or on none.
        for topic in writers.topics():
            writers.producer(topic)
        writers.join()
    for topic, partitions in read(broker.address, writers.topics()).items():
        assert len({frozenset(numbers) for numbers in partitions}) == 1, f"{topic} is torn"
        assert writers.committed[topic] <= partitions[0], f"{topic}: committed, and not to be read"
