"""A storm of errors through signals and incidents as they run: is each fault one incident, and what does it cost?

100,000 failed actions in 60 s over 200 services, 40 of which have two faults at once: 240 true incidents. Messages
differ in numbers, ids, hosts, paths and quoted names from case to case, of a quarter of the faults in a word too.
Pairs of failures of one incident that are of one fault give the precision, pairs of one fault that are in one incident
the recall.
"""

from __future__ import annotations

import gc
import time
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from random import Random
from typing import Any
from uuid import UUID

from bench.figures import Json
from processors.kernel.runnable import Runnable, runnables
from processors.rooms import DECIDERS
from schemas import codec, ids, topology
from schemas.configuration import canonical
from schemas.messages.actions import ERROR, NO_SEQUENCE, Action, ErrorInfo
from schemas.messages.incidents import IncidentOpened, SignalAttached
from schemas.messages.kernel import ConfigurationAnnounced
from schemas.messages.tables import STREAMS
from schemas.partitioning import partition_of
from schemas.record import Record

TENANT = "storm"
ERRORS, SERVICES, DOUBLE, SECONDS = 100_000, 200, 40, 60
AGENTS = 400
START_MS = 1_790_000_000_000
BATCH = 500
WORDY = 4  # of so many faults one says another word each time

# What a fault is: {n} {hex} {uuid} {host} {path} {name} differ from case to case, {word} only in some faults.
_TEMPLATES = (
    ("PaymentError", "connection pool exhausted (order {n}, waited {n} ms)"),
    ("psycopg.errors.DeadlockDetected", "deadlock detected: process {n} waits for ShareLock on transaction {n}"),
    ("HTTPError", "503 Server Error: Service Unavailable for url: https://{host}/v1/orders/{n}"),
    ("TimeoutError", "no answer from {host} within {n} ms"),
    ("KeyError", "'{name}'"),
    ("java.lang.NullPointerException", 'Cannot invoke "Order.total()" because "{name}" is null'),
    ("AccessDenied", "User: arn:aws:sts::{n}:assumed-role/{name} is not authorized to perform: s3:PutObject on {path}"),
    ("OSError", "[Errno 28] No space left on device: '{path}'"),
    ("ValidationError", "1 validation error for Quote {uuid}: total must be positive, got -{n}"),
    ("grpc.RpcError", "UNAVAILABLE: connection to {host} refused, trace {hex}"),
    ("SQLException", "Duplicate entry '{n}' for key 'orders.{name}'"),
    ("IndexOutOfBoundsException", "Index {n} out of bounds for length {n}"),
    ("ThrottlingException", "Rate exceeded for account {n}, request {uuid}"),
    ("JSONDecodeError", "Expecting value: line {n} column {n} (char {n})"),
    ("TemplateError", "no template {path} for locale of customer {n}"),
    ("QueueFull", "queue {name} is full with {n} entries, message {hex} is lost"),
)
_WORDY = " while serving {word}"
_NAMES = ("alice", "bob", "order_id", "region", "tenant", "sku", "basket", "coupon")
_WORDS = ("checkout", "refunds", "search", "export", "invoices", "reports")


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing that is wrong with a service."""

    number: int
    resource: str
    error_type: str
    template: str


def faults(random: Random, services: int, double: int) -> list[Fault]:
    """One fault a service, two on the first `double`; of these a third with the same type of error."""
    out: list[Fault] = []
    for n in range(services + double):
        service = n % services
        error_type, template = _TEMPLATES[random.randrange(len(_TEMPLATES))]
        if n >= services:
            other = out[service]
            while template == other.template.removesuffix(_WORDY):
                error_type, template = _TEMPLATES[random.randrange(len(_TEMPLATES))]
            if n % 3 == 0:
                error_type = other.error_type
        out.append(Fault(n, f"service-{service:03d}", error_type, template + (_WORDY if n % WORDY == 1 else "")))
    return out


def message(random: Random, template: str) -> str:
    """The fault's message as one case of it says it."""
    text = template
    while "{n}" in text:
        text = text.replace("{n}", str(random.randint(1, 9_999_999)), 1)
    host = f"node-{random.randint(1, 400)}.eu-{random.randint(1, 3)}.internal:8443"
    path = f"/var/lib/{random.choice(_NAMES)}/{random.getrandbits(40):010x}.tmpl"
    for slot, value in (
        ("{hex}", f"{random.getrandbits(64):016x}"),
        ("{uuid}", str(UUID(int=random.getrandbits(128), version=4))),
        ("{host}", host),
        ("{path}", path),
        ("{name}", random.choice(_NAMES)),
        ("{word}", random.choice(_WORDS)),
    ):
        text = text.replace(slot, value)
    return text


def measure(errors: int = ERRORS, services: int = SERVICES, double: int = DOUBLE, normal: int = 20_000) -> Json:
    """The storm's figures: incidents beside true ones, pairwise precision and recall, CPU in microseconds."""
    rooms = runnables(topology.load(), DECIDERS)
    random = Random("storm")
    wrong = faults(random, services, double)
    calm = _calm(rooms["signals"], _actions(random, rooms["signals"], [], normal, SECONDS))
    storm = list(_actions(random, rooms["signals"], wrong, errors, SECONDS))
    truth = {event_id: fault for event_id, fault, _ in storm}
    signalled, signal_ns = _signals(rooms["signals"], [record for _, _, record in storm])
    commands = _commands(rooms["incidents"], signalled, services)
    found, command_ns = _incidents(rooms["incidents"], commands)
    precision, recall = pairwise(truth, found)
    return {
        "errors": errors,
        "incidents": len(set(found.values())),
        "true": len(wrong),
        "precision": precision,
        "recall": recall,
        "lost": errors - len(found),
        "microseconds": {
            "signal": round(calm / 1000, 2),
            "signal_of_error": round(signal_ns / errors / 1000, 1),
            "command": round(command_ns / max(1, len(commands)) / 1000, 1),
        },
    }


def pairwise(truth: dict[bytes, int], found: dict[bytes, bytes]) -> tuple[float, float]:
    """Precision and recall over all pairs of failures: of one incident against of one fault."""
    cells = Counter((truth[action], incident) for action, incident in found.items())
    by_fault = Counter(truth.values())
    by_incident = Counter(found.values())
    together = sum(_pairs(n) for n in cells.values())
    precision = together / max(1, sum(_pairs(n) for n in by_incident.values()))
    return round(precision, 4), round(together / max(1, sum(_pairs(n) for n in by_fault.values())), 4)


def _pairs(n: int) -> int:
    return n * (n - 1) // 2


def _actions(
    random: Random, room: Runnable, wrong: Sequence[Fault], count: int, seconds: int
) -> Iterable[tuple[bytes, int, Record]]:
    """(event id, fault, record) of `count` actions, spread evenly over the time; without faults they succeed."""
    offsets: Counter[int] = Counter()
    for n in range(count):
        fault = wrong[random.randrange(len(wrong))] if wrong else None
        at = START_MS + n * seconds * 1000 // count
        resource = fault.resource if fault else f"service-{n % SERVICES:03d}"
        event_id = ids.derive("storm", len(wrong), n)
        action = Action(
            event_id=event_id,
            content_key=event_id,
            tenant=TENANT,
            actor=f"agent-{random.randrange(AGENTS):03d}",
            session="s",
            sequence=NO_SEQUENCE,
            timestamp=at,
            received_at=at,
            traits=ERROR if fault else 0,
            resource=resource,
            type="orders.place",
            error=ErrorInfo(fault.error_type, message(random, fault.template)) if fault else None,
        )
        key = ids.key_of(TENANT, resource).encode()
        partition = partition_of(key, room.room.partitions)
        record = Record(room.input, partition, offsets[partition], at + 40, key, codec.encode(action))
        offsets[partition] += 1
        yield event_id, fault.number if fault else -1, record


def _calm(room: Runnable, actions: Iterable[tuple[bytes, int, Record]]) -> float:
    """CPU nanoseconds of signals per normal event."""
    records = [record for _, _, record in actions]
    _, spent = _signals(room, records)
    return spent / max(1, len(records))


def _signals(room: Runnable, records: Sequence[Record]) -> tuple[list[tuple[int, bytes, Any]], int]:
    """What signals writes to the incidents processor, as (append time, value, headers), and its CPU time."""
    out: list[tuple[int, bytes, Any]] = []
    spent = 0
    for partition in range(room.room.partitions):
        mine = [record for record in records if record.partition == partition]
        engine = room.engine(partition)
        engine.ready()
        gc.collect()
        for at in range(0, len(mine), BATCH):
            batch = mine[at : at + BATCH]
            begun = time.process_time_ns()
            outputs = engine.advance_all(batch, 1 << 30).outputs
            engine.flush(batch[-1].offset + 1)
            spent += time.process_time_ns() - begun
            now = batch[-1].append_time
            out += [(now, o.value, o.headers) for o in outputs if o.topic == "incidents.commands" and o.value]
    out.sort(key=lambda each: each[0])
    return out, spent


def _commands(room: Runnable, given: Sequence[tuple[int, bytes, Any]], services: int) -> list[Record]:
    """The incidents processor's input: a catalog of the services, then what signals said."""
    names = [
        {"id": f"service-{n:03d}", "depends_on": [f"service-{(n * 7 + 1) % services:03d}"]} for n in range(services)
    ]
    for n, entry in enumerate(names):
        if entry["depends_on"] == [f"service-{n:03d}"]:
            entry["depends_on"] = []
    key = ids.key_of(TENANT).encode()
    partition = partition_of(key, room.room.partitions)
    announced = ConfigurationAnnounced(TENANT, "catalog", 1, "", canonical({"services": names}))
    records = [Record(room.input, partition, 0, START_MS, key, codec.encode(announced))]
    records += [
        Record(room.input, partition, n, at + 40, key, value, headers)
        for n, (at, value, headers) in enumerate(given, start=1)
    ]
    return records


def _incidents(room: Runnable, records: Sequence[Record]) -> tuple[dict[bytes, bytes], int]:
    """Which incident each failure belongs to, and the processor's CPU time."""
    engine = room.engine(records[0].partition)
    engine.ready()
    words = codec.Words(STREAMS["incidents.events"])
    wanted = codec.schema_ids(IncidentOpened) | codec.schema_ids(SignalAttached)
    found: dict[bytes, bytes] = {}
    spent = 0
    gc.collect()
    for at in range(0, len(records), BATCH):
        batch = records[at : at + BATCH]
        begun = time.process_time_ns()
        outputs = engine.advance_all(batch, 1 << 30).outputs
        engine.flush(batch[-1].offset + 1)
        spent += time.process_time_ns() - begun
        for output in outputs:
            if output.topic == "incidents.events" and output.value and codec.id_of(output.value) in wanted:
                said = words.decode(output.value)
                found[said.action_id] = said.incident_id
    return found, spent
