"""One question answered: the record read, the baseline run and held against it, the what-if run beside it.

Called by the command. It reads a history; the engines it runs are fresh ones in memory, and nothing is written.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from gateway.whatif.outside import SAID, Deliveries, Heard, Outside
from gateway.whatif.records import Documents, Speech
from gateway.whatif.seen import Seen
from gateway.whatif.start import Start, start_of
from processors.host.memory_merge import Merge
from processors.host.memory_timetable import Arrival, Timetable, read_timetable
from processors.host.places import Place
from processors.host.replay_log import Failures, failing, failures
from processors.kernel.configuration import Gathering
from processors.kernel.engine import Engine
from processors.kernel.room import Room, room_of
from processors.rooms import DECIDERS
from schemas import codec, ids
from schemas.announcing import Message
from schemas.configuration import canonical, check_tenant, parse_document
from schemas.errors import MandateError, SchemaError
from schemas.messages.kernel import CONFIGURATION
from schemas.partitioning import partition_of
from schemas.record import Record
from schemas.topology import Topology

if TYPE_CHECKING:
    # Its module brings the client of the broker, which this process must not need.
    from processors.host.history import History


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked. Times are ms of log time, both inclusive; `changes` are documents by tenant, canonical JSON.

    `tenant` None: all tenants.
    """

    start: int
    end: int
    tenant: str | None = None
    changes: Documents = field(default_factory=dict)
    assume_answer_s: int | None = None


@dataclass(frozen=True, slots=True)
class Result:
    """What came out. `record` is what was said then, `before` the baseline, `after` the what-if."""

    question: Question
    record: Seen
    before: Heard
    after: Heard
    recorded_documents: Documents
    records: int
    decided: int


Progress = Callable[[str, int], None]
_ANNOUNCED = frozenset(number for kind in CONFIGURATION for number in codec.schema_ids(kind))


def ask(history: History, topology: Topology, question: Question, progress: Progress = lambda what, n: None) -> Result:
    """Run the baseline and the what-if. Raises MandateError: of the history, `window_empty`, ConfigurationError."""
    speech = Speech(topology)
    keep = _keeping(question.tenant)
    rooms = {name: room_of(decider, topology, DECIDERS) for name, decider in DECIDERS.items()}
    start = start_of(history, rooms, question.start, question.tenant)
    begin = question.start if start.states else None
    table = read_timetable(history, rooms, start.positions, question.end, keep, begin)
    progress("read", table.records)
    if not any(a.time >= question.start and a.written is None for a in table.arrivals):
        raise MandateError(
            "window_empty",
            "the window",
            "nothing came from outside in it",
            "Ask for another time; `mandate timeline` shows when agents were at work.",
        )
    announced = _announced(speech, table, start)
    documents = _in_force(announced, question.start)
    _check(question.changes, documents)
    # What failed when it ran fails in both runs: its dead letter is a part of the record.
    failed = {name: failures(history, room) for name, room in rooms.items()}
    before, after = Heard(), Heard()
    record = _said(history, speech, question.end, keep, start, (before, after))
    baseline = _run(topology, table, question, start, failed, Outside(speech, before), before)
    progress("baseline", baseline.decided)
    decided = baseline.decided
    if not question.changes and question.assume_answer_s is None:
        after = before
    else:
        assume = None if question.assume_answer_s is None else question.assume_answer_s * 1000
        outside = Outside(speech, after, before, Deliveries.of(before.seen), assume)
        arrivals = _changed(speech, table, announced, question)
        decided += _run(topology, table, question, start, failed, outside, after, baseline, arrivals).decided
        progress("what if", decided)
    return Result(question, record, before, after, documents, table.records, decided)


def _run(
    topology: Topology,
    table: Timetable,
    question: Question,
    start: Start,
    failed: Mapping[str, Mapping[int, Failures]],
    outside: Outside,
    heard: Heard,
    baseline: Merge | None = None,
    arrivals: list[Arrival] | None = None,
) -> Merge:
    deciders = {name: heard.why.listening(decider) for name, decider in DECIDERS.items()}
    engines: dict[Place, Engine] = {}
    for decider in deciders.values():
        room: Room = room_of(decider, topology, deciders)
        for partition in range(room.partitions):
            as_it_ran = failing(room, failed[room.name].get(partition, Failures()))
            engines[Place(room.input, partition)] = start.engine(as_it_ran, partition)
    known = None if baseline is None else baseline.latencies
    on_its_way = frozenset() if baseline is None else frozenset(baseline.on_its_way)
    merge = Merge(engines, table, outside.arriving, outside.heard, known, arrivals, on_its_way)
    merge.run(question.end)
    return merge


def _keeping(tenant: str | None) -> Callable[[Record], bool]:
    """Which records count: all, or those whose key is of one tenant."""
    if tenant is None:
        return lambda record: True
    whole = ids.key_of(tenant).encode()
    prefix = whole + b"/"
    return lambda record: record.key is not None and (record.key == whole or record.key.startswith(prefix))


def _said(
    history: History,
    speech: Speech,
    end: int,
    keep: Callable[[Record], bool],
    start: Start,
    runs: tuple[Heard, ...],
) -> Seen:
    """What the record says of incidents, pages and cases, up to `end`; the runs get what was said before they begin."""
    out = Seen()
    for topic in SAID:
        for partition in range(history.partitions(topic)):
            place = Place(topic, partition)
            low, high = history.bounds(place)
            for record in history.read(place, low, high):
                if not keep(record):
                    continue
                message = _message(speech, record)
                at = getattr(message, "at", 0)
                if at > end:
                    continue
                out.take(message)
                if at <= start.last_now(_decided_at(speech.topology, topic, record.key or b"")):
                    for run in runs:
                        run.seen.take(message)
    return out


def _message(speech: Speech, record: Record) -> Any:
    try:
        return speech.decode(record)
    except SchemaError as error:
        where = f"{record.topic}[{record.partition}]@{record.offset}"
        raise SchemaError(error.code, where, f"{error.what}: {error.why}", error.remedy) from error


def _decided_at(topology: Topology, topic: str, key: bytes) -> Place:
    """The input place on which the processor that says things there decides about this key (a tenant)."""
    (spec,) = [room for room in topology.rooms.values() if topic in room.writes.values()]
    return Place(spec.input, partition_of(key, topology.partitions(spec.input)))


# --- settings
# ------------------------------------------------------------------------------------------------------

# (tenant, document) -> [(time, version, body)] in the order of the log
Announced = Mapping[tuple[str, str], list[tuple[int, int, bytes]]]


def _announced(speech: Speech, table: Timetable, start: Start) -> Announced:
    found: dict[tuple[str, str], list[tuple[int, int, bytes]]] = {}
    for state in start.states.values():
        for whole in state.documents():
            found.setdefault((whole.tenant, whole.document), []).append((state.last_now, whole.version, whole.body))
    gathering: dict[str, Gathering] = {}
    for arrival in table.arrivals:
        message = _configuration(speech, arrival.record)
        topic = arrival.record.topic
        announced = None if message is None else gathering.setdefault(topic, Gathering()).add(message)
        if announced is not None:
            listed = found.setdefault((announced.tenant, announced.document), [])
            listed.append((arrival.time, announced.version, announced.body))
    return found


def _configuration(speech: Speech, record: Record) -> Message | None:
    try:
        if codec.id_of(record.value) not in _ANNOUNCED:
            return None
        message: Message = speech.decode(record)
    except SchemaError:
        return None  # somebody's rubbish: the processors make a dead letter of it
    return message


def _in_force(announced: Announced, start: int) -> dict[str, dict[str, bytes]]:
    """The recorded documents at the beginning of the window; of one that came later, its first version."""
    out: dict[str, dict[str, bytes]] = {}
    for (tenant, document), versions in announced.items():
        before = [body for time, _, body in versions if time <= start]
        out.setdefault(tenant, {})[document] = before[-1] if before else versions[0][2]
    return out


def _check(changes: Documents, recorded: Documents) -> None:
    """What `config apply` would refuse is refused here too. Raises ConfigurationError."""
    for tenant, bodies in changes.items():
        whole = {**recorded.get(tenant, {}), **bodies}
        check_tenant({name: parse_document(name, body) for name, body in whole.items()})


def _changed(speech: Speech, table: Timetable, announced: Announced, question: Question) -> list[Arrival]:
    """The arrivals with the changed documents in force from the window's start, and their recorded versions left out
    from there on."""
    changed = {(tenant, document) for tenant, bodies in question.changes.items() for document in bodies}

    def replaced(arrival: Arrival) -> bool:
        if arrival.time < question.start:
            return False
        message = _configuration(speech, arrival.record)
        return message is not None and (message.tenant, message.document) in changed

    out = [a for a in table.arrivals if not replaced(a)]
    for tenant, bodies in question.changes.items():
        for document, body in bodies.items():
            version = max((v for _, v, _ in announced.get((tenant, document), [])), default=0) + 1
            for output in speech.announced(tenant, document, version, body, question.start):
                assert output.partition is not None  # `announced` names it
                record = Record(
                    output.topic, output.partition, 0, question.start, output.key, output.value, output.headers
                )
                out.append(Arrival(question.start, (output.topic, output.partition, -1), record))
    return sorted(out, key=lambda a: (a.time, a.order))


def documents_of(plain: Mapping[str, Mapping[str, Any]]) -> dict[str, bytes]:
    """Documents of a file as they are announced."""
    return {name: canonical(body) for name, body in plain.items()}
