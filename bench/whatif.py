"""What a what-if costs: `python -m bench.whatif [--actions 20000] [--json]`.

Actions of one tenant (2 % failed, so that incidents open and people are paged) are played through all processors on
virtual time; what they write is the record. Then, in a process of its own, a what-if with half the wait for an answer
runs over it as `mandate whatif` does: the record is read, the baseline run and held against it, the what-if run.
`records` counts what was read of all inputs, `decided` what both runs decided; memory is the highest resident.
"""

from __future__ import annotations

import argparse
import json
import pickle
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable
from pathlib import Path

from bench.figures import Json, rows, show
from bench.history_memory import highest_mb
from bench.per_event import START_MS, TENANT
from bench.replay import Kept
from gateway.whatif.answer import answer
from gateway.whatif.records import Speech
from gateway.whatif.run import Question, ask, documents_of
from processors.host.memory_merge import LATENCY_MS, Later, Merge, Written
from processors.host.memory_timetable import Arrival, Timetable
from processors.host.places import Place
from processors.kernel.engine import Engine
from processors.kernel.runnable import runnables
from processors.rooms import DECIDERS
from schemas import codec, ids, topology
from schemas.messages.actions import ERROR, Action, ErrorInfo
from schemas.messages.notifications import PageRequested
from schemas.partitioning import partition_of
from schemas.record import Output, Record

KEYS = 200
FAILING = 50
DELIVERY_MS = 200
# Nobody answers, so each incident pages twice.
PEOPLE = {
    "people": [{"id": who, "channels": [{"kind": "console", "address": who}]} for who in ("alice", "bob")],
    "fallback_contact": "bob",
}


def escalation(wait_s: int) -> Json:
    """Alice first, then Bob."""
    steps = [{"person": "alice", "wait_s": wait_s}, {"person": "bob", "wait_s": 600}]
    return {"policies": [{"id": "all", "steps": steps}], "default_policy": "all"}


def recorded(actions: int) -> Kept:
    """So many actions, a hundredth of a second apart, and all that came of them."""
    declared = topology.load()
    speech = Speech(declared)
    given: list[Arrival] = []
    numbers: dict[Place, int] = {}

    def arrives(output: Output, at: int) -> None:
        assert output.partition is not None  # whoever makes it names it
        place = Place(output.topic, output.partition)
        offset = numbers[place] = numbers.get(place, -1) + 1
        given.append(
            Arrival(at, (*place, offset), Record(*place, offset, at, output.key, output.value, output.headers))
        )

    for name, body in documents_of({"people": PEOPLE, "escalation": escalation(120)}).items():
        for each in speech.announced(TENANT, name, 1, body, START_MS):
            arrives(each, START_MS)
    for number in range(actions):
        arrives(_action(number, declared.partitions("actions.raw")), START_MS + 10 * number)
    said = [(arrival.time, n, arrival.record) for n, arrival in enumerate(given)]

    def keep(output: Output, at: int) -> None:
        assert output.partition is not None  # the engine names it
        record = Record(output.topic, output.partition, 0, at, output.key, output.value, output.headers)
        said.append((at, len(said), record))

    def heard(written: Written) -> Iterable[Later]:
        keep(written.output, written.now + LATENCY_MS)
        if written.output.topic != "notifications.events":
            return ()
        message = speech.decode(written.output)
        if not isinstance(message, PageRequested):
            return ()
        later = Later(written.now + DELIVERY_MS, speech.outcome(message, "delivered", "", written.now + DELIVERY_MS))
        keep(later.output, later.time)
        return (later,)

    engines: dict[Place, Engine] = {}
    for runnable in runnables(declared, DECIDERS).values():
        for partition in range(runnable.room.partitions):
            engine = engines[Place(runnable.room.input, partition)] = runnable.engine(partition)
            engine.ready()
    Merge(engines, Timetable(given), lambda record, _: record, heard).run(START_MS + 10 * actions + 900_000)
    kept = Kept(declared)
    for at, _, record in sorted(said, key=lambda each: each[:2]):
        kept.write([Output(record.topic, record.partition, record.key, record.value, record.headers)], at)
    return kept


def _action(number: int, partitions: int) -> Output:
    actor, at = f"agent-{number % KEYS}", START_MS + 10 * number
    error = ErrorInfo("PaymentError", f"pool exhausted (order {number})") if number % FAILING == 0 else None
    # Failures of one service a thousand actions, so that they open incidents rather than one.
    name = f"service-{number // 1_000}" if error else f"service-{number % KEYS}"
    action = Action(
        ids.derive("bench", number), bytes(16), TENANT, actor, "s1", number // KEYS + 1, at, at,
        ERROR if error else 0, name, "work.do", error=error,
    )  # fmt: skip
    key = ids.key_of(TENANT, actor).encode()
    return Output("actions.raw", partition_of(key, partitions), key, codec.encode(action))


def asked(file: Path) -> Json:
    """One what-if over a record."""
    kept = Kept(topology.load(), pickle.loads(file.read_bytes()))  # our own file of a moment ago
    last = max(held[-1].append_time for held in kept.records.values() if held)
    before, begun = highest_mb(), time.process_time()
    changes = {TENANT: documents_of({"escalation": escalation(60)})}
    found = answer(ask(kept, kept.map, Question(START_MS, last, TENANT, changes)))
    took = time.process_time() - begun
    assert found.fidelity.whole, found.fidelity
    moved = {page.by_ms for page in found.found.pages_moved}
    assert -60_000 in moved, moved
    return {
        "records": found.result.records,
        "decided": found.result.decided,
        "pages_moved": len(found.found.pages_moved),
        "cpu_s": round(took, 2),
        "records_per_cpu_s": round(found.result.records / took),
        "record_mb": round(before),
        "highest_mb": round(highest_mb()),
        "bytes_a_record": round((highest_mb() - before) * 1_048_576 / found.result.records),
    }


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--actions", type=int, default=20_000)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--child", type=Path, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.child:
        print(json.dumps(asked(given.child)))
        return
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "record"
        file.write_bytes(pickle.dumps(recorded(given.actions).records))
        command = [sys.executable, "-m", "bench.whatif", "--child", str(file)]
        document: Json = json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout)
    show(document, rows([document]), given.json)


if __name__ == "__main__":
    main()
