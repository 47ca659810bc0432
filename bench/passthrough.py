"""Processors beside a bare exactly-once passthrough: `python -m bench.passthrough [--events 40000] [--json]`.

One broker, one run. The passthrough is what any exactly-once processor must do with the client: consume, produce the
same bytes, send the position, commit. The processors are the deployed ones, each in a process of its own. The unit is
the CPU time of a whole process (its client's threads too) per event; the ratio is the figure to compare.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import threading
import time

from confluent_kafka import Consumer, Producer, TopicPartition

from bench.broker import broker
from bench.figures import Json, rows, show
from bench.per_event import ROOMS, actions
from processors import wiring
from processors.host import client
from processors.host.admin import TopicState
from processors.host.clock import SystemClock
from processors.host.group_positions import GroupPositions
from processors.host.health import Health
from processors.host.kafka import KafkaTransport
from processors.host.loading import calm_collector
from processors.host.loop import LoopSettings
from processors.host.metrics import Metrics
from processors.host.places import Place
from processors.host.run import Runner
from processors.host.transport import group_of
from processors.kernel.runnable import runnables
from processors.rooms import DECIDERS
from schemas import topology
from schemas.record import Record

BARE = "bench.passthrough"
PARTITION = 0
LIMIT_S = 300.0  # of one process; a machine that needs longer has nothing to compare
LOOK_S = 0.2


def cpu() -> float:
    """Seconds of CPU this process has used, in all its threads."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def bare(bootstrap: str, source: str, events: int) -> Json:
    """Consume, produce the same bytes, send the position, commit; with the host's settings and batches."""
    loop = LoopSettings()
    producer = Producer(client.producing(client.base(bootstrap, None)) | {"transactional.id": BARE})
    producer.init_transactions(30)
    settings = client.consuming(client.base(bootstrap, None), BARE)
    consumer = Consumer(client.membership(settings, BARE) | {"auto.offset.reset": "earliest"})
    consumer.subscribe([source])
    begun, wall, done = cpu(), time.monotonic(), 0
    while done < events and time.monotonic() - wall < LIMIT_S:
        first = consumer.poll(0.1)
        batch = [] if first is None else [first, *consumer.consume(loop.plain_batch_records - 1, 0.0)]
        records = [client.to_record(message) for message in batch if message.error() is None]
        if not records:
            continue
        producer.begin_transaction()
        for record in records:
            producer.produce(BARE, record.value, record.key, record.partition, headers=list(record.headers) or None)
        after = {record.partition: record.offset + 1 for record in records}
        places = [TopicPartition(source, partition, at) for partition, at in after.items()]
        producer.send_offsets_to_transaction(places, consumer.consumer_group_metadata())
        producer.commit_transaction()
        done += len(records)
        threading.Event().wait(loop.pace_seconds)
    return {"events": done, "cpu_s": cpu() - begun, "wall_s": time.monotonic() - wall}


def processor(bootstrap: str, name: str, events: int) -> Json:
    """The deployed processor, until it has passed all records of its input."""
    declared = topology.load()
    (room,) = wiring.hosted(declared, [name])
    clock = SystemClock()
    positions = GroupPositions(bootstrap, [group_of(name)])
    place = Place(room.input, PARTITION)
    runner = Runner(KafkaTransport(bootstrap), clock, Metrics(), Health(clock), wiring.limits(declared), LoopSettings())
    calm_collector()
    begun, wall = cpu(), time.monotonic()
    runner.start(room, 0)
    paced = threading.Event()
    while time.monotonic() - wall < LIMIT_S and (positions.of(group_of(name), [place])[place] or 0) < events:
        paced.wait(LOOK_S)
    used, took = cpu() - begun, time.monotonic() - wall
    runner.stop()
    return {"events": positions.of(group_of(name), [place])[place] or 0, "cpu_s": used, "wall_s": took}


def fill(bootstrap: str, records: list[Record]) -> None:
    """Write the actions to actions.raw."""
    producer = Producer(client.producing(client.base(bootstrap, None)) | {"message.timeout.ms": 60_000})
    for record in records:
        producer.produce(record.topic, record.value, record.key, PARTITION)
        producer.poll(0)
    assert producer.flush(60) == 0


def child(bootstrap: str, what: str, events: int) -> Json:
    """One measurement in a process of its own, so that none inherits what another has warmed."""
    argv = [sys.executable, "-m", "bench.passthrough", "--child", what, "--bootstrap", bootstrap]
    done = subprocess.run([*argv, "--events", str(events)], capture_output=True, text=True, check=True)
    found: Json = json.loads(done.stdout.splitlines()[-1])
    return found


def measure(keys: int, events: int, failing: int, rounds: int) -> list[Json]:
    """A row for the passthrough and for each processor."""
    rooms = runnables(topology.load(), DECIDERS)
    also = TopicState(BARE, topology.load().partitions(rooms["dedup"].input), 1, {})
    table = []
    for _ in range(rounds):
        with broker(topology.load(), also) as bootstrap:
            fill(bootstrap, actions(rooms, keys, events, failing))
            found = {name: child(bootstrap, name, events) for name in (BARE, *ROOMS)}
        table.append(found)
    best = {
        name: min((row[name] for row in table), key=lambda f: f["cpu_s"] / max(1, f["events"])) for name in table[0]
    }
    unit = best[BARE]["cpu_s"] / best[BARE]["events"]
    return [
        {
            "process": name,
            "events": found["events"],
            "cpu_us": round(found["cpu_s"] / found["events"] * 1e6, 1),
            "ratio": round(found["cpu_s"] / found["events"] / unit, 2),
            "events_per_s": round(found["events"] / found["wall_s"]),
        }
        for name, found in best.items()
    ]


def main() -> None:
    """Entry point."""
    parser = argparse.ArgumentParser(prog="python -m bench.passthrough", description=__doc__.split("\n")[0])
    parser.add_argument("--keys", type=int, default=1_000, help="actors, and resources (default 1000)")
    parser.add_argument("--events", type=int, default=40_000, help="actions (default 40000)")
    parser.add_argument("--failing", type=int, default=100, help="every Nth action failed (default 100)")
    parser.add_argument("--rounds", type=int, default=1, help="whole runs; each row's best counts (default 1)")
    parser.add_argument("--json", action="store_true", help="print one JSON document")
    parser.add_argument("--child", help=argparse.SUPPRESS)
    parser.add_argument("--bootstrap", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.child:
        run = bare(given.bootstrap, "actions.raw", given.events) if given.child == BARE else None
        print(json.dumps(run or processor(given.bootstrap, given.child, given.events)))
        return
    table = measure(given.keys, given.events, given.failing, given.rounds)
    show({"keys": given.keys, "processes": table}, rows(table), given.json)


if __name__ == "__main__":
    main()
