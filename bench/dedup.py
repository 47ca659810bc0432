"""The dedup job by every contender: `python -m bench.dedup [--events 300000 --rounds 3] [--json]`.

One broker, warmed by writing the load. In each round the load grows by as many records, and every contender in turn is
started, restores what it kept, works off the new records and is stopped. The figures are those from `warm` records on
to the last, taken from outside (bench.meter); each contender's best round counts. What it wrote is read back: a figure
counts when every id is there, and once (a passthrough: as often as it was sent).
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Sequence, Set
from pathlib import Path

from confluent_kafka import Consumer, TopicPartition

from bench.broker import Broker, committed, started
from bench.figures import Json, rows, show
from bench.load import ID_AT, ID_BYTES, Load, Sent, Shape, fill
from bench.meter import Child, Mark, watch
from bench.peers.contenders import CONTENDERS, SMALL, SOURCE, Contender
from bench.peers.setup import NotInstallable
from processors.host import client
from processors.host.admin import TopicState
from processors.host.group_positions import GroupPositions
from processors.host.places import Place
from schemas import topology

SMALL_SHARE = 24  # the small load is this part of the whole: Faust takes 280 µs a record and more
LIMIT_S = 120.0  # of one contender in one round
READ_S = 30.0
OURS, BARE = "dedup", "passthrough"


def sinks(partitions: int) -> list[TopicState]:
    """The topics that only the contenders have."""
    names = {SMALL, *(c.sink for c in CONTENDERS)} - set(topology.load().topics)
    return [TopicState(name, partitions, 1, {}) for name in sorted(names)]


class Written:
    """Reads back what a contender wrote, each record once."""

    def __init__(self, bootstrap: str, sink: str, partitions: int) -> None:
        self._places = [Place(sink, p) for p in range(partitions)]
        self._at = dict.fromkeys(range(partitions), 0)
        settings = client.consuming(client.unpolled(client.base(bootstrap, None)), "bench-reader")
        self._consumer = Consumer(settings | {"queued.max.messages.kbytes": 65_536})
        self._sink = sink

    def ids(self, ends: dict[int, int]) -> list[bytes]:
        """The ids of all records since the last call, up to these ends. Raises TimeoutError."""
        self._consumer.assign([TopicPartition(self._sink, p, at) for p, at in self._at.items()])
        found: list[bytes] = []
        silent = 0
        while any(self._at[p] < end for p, end in ends.items()):
            messages = self._consumer.consume(5_000, 1.0)
            silent = 0 if messages else silent + 1
            if silent > READ_S:
                raise TimeoutError(f"{self._sink} stands at {self._at}, not at {ends}")
            for message in messages:
                partition = message.partition() or 0
                if message.error() is None:
                    found.append((message.value() or b"")[ID_AT : ID_AT + ID_BYTES])
                    self._at[partition] = (message.offset() or 0) + 1
                else:  # the end of a partition: markers of transactions stand before it
                    self._at[partition] = max(self._at[partition], message.offset() or 0)
        self._consumer.unassign()
        return found


def judged(contender: Contender, sent: Sequence[Sent], known: Set[bytes], found: list[bytes]) -> Json:
    """Lost and doubled ids of a round; a passthrough must give back exactly what was sent.

    `known` are the ids of the rounds before: who drops duplicates must drop those, too.
    """
    ids = [record.value[ID_AT : ID_AT + ID_BYTES] for record in sent]
    distinct = set(ids) - known if contender.drops else set(ids)
    expected = len(distinct) if contender.drops else len(ids)
    lost = len(distinct - set(found))
    return {"distinct": len(set(found)), "lost": lost, "doubled": len(found) - expected + lost}


def figures(marks: Sequence[Mark]) -> Json:
    """Costs per record between two moments."""
    first, last = marks
    done = last.done - first.done
    return {
        "events": done,
        "cpu_us": round((last.cpu - first.cpu) / done * 1e6, 2),
        "broker_us": round((last.broker - first.broker) / done * 1e6, 2),
        "events_per_s": round(done / (last.at - first.at)),
        "rss_mb": last.rss_mb,
    }


class Job:
    """The load on one broker, and each contender's place in it."""

    def __init__(self, broker: Broker, folder: Path, partitions: int) -> None:
        self._broker, self._folder, self._partitions = broker, folder, partitions
        self._load = Load(Shape(partitions=partitions))
        self._sent: dict[str, list[Sent]] = {SOURCE: [], SMALL: []}
        self._before = {SOURCE: 0, SMALL: 0}
        self._known: dict[str, set[bytes]] = {SOURCE: set(), SMALL: set()}
        self._written = {c.name: Written(broker.address, c.sink, partitions) for c in CONTENDERS}
        self._positions = GroupPositions(broker.address, [c.group for c in CONTENDERS])

    def grow(self, count: int) -> None:
        """The next part of the load, in both topics."""
        for topic in self._sent:
            self._before[topic] += len(self._sent[topic])
            self._known[topic].update(record.value[ID_AT : ID_AT + ID_BYTES] for record in self._sent[topic])
        self._sent[SOURCE] = list(self._load.take(count))
        self._sent[SMALL] = self._sent[SOURCE][: count // SMALL_SHARE]
        for topic, records in self._sent.items():
            fill(self._broker.address, topic, records)

    def position(self, contender: Contender) -> int:
        """Records that its group has committed."""
        places = [Place(contender.source, p) for p in range(self._partitions)]
        return committed(self._positions, contender.group, places)

    def run(self, contender: Contender) -> Json:
        """One contender's round: its figures, or why there are none."""
        try:
            argv = contender.argv(self._broker.address, self._folder)
        except NotInstallable as why:
            return {"missing": str(why)}
        sent, before = self._sent[contender.source], self._before[contender.source]
        env = {"MANDATE_KAFKA": self._broker.address}
        with Child(contender.name, argv, self._folder / "logs", env) as child:
            warm, end = before + len(sent) // 3, before + len(sent)
            marks = watch(child, self._broker.pid, lambda: self.position(contender), warm, end, LIMIT_S)
        ends = {p: self._broker.end(Place(contender.sink, p)) for p in range(self._partitions)}
        return figures(marks) | judged(
            contender, sent, self._known[contender.source], self._written[contender.name].ids(ends)
        )


def table(found: dict[str, list[Json]]) -> list[Json]:
    """A row per contender: its best good round, and its CPU per record by the passthrough's and by ours."""
    best: dict[str, Json] = {}
    for name, rounds in found.items():
        good = [row for row in rounds if row.get("lost") == 0 and row.get("doubled") == 0]
        best[name] = min(good, key=lambda row: float(row["cpu_us"])) if good else rounds[-1] | {"counts": False}
    out = []
    for contender in CONTENDERS:
        row = best[contender.name]
        ratios = {}
        if "cpu_us" in row and row.get("counts", True):
            for word, unit in (("by_passthrough", best[BARE]), ("by_ours", best[OURS])):
                ratios[word] = round(row["cpu_us"] / unit["cpu_us"], 2) if "cpu_us" in unit else None
        out.append({"contender": contender.name, "is": contender.words, **row, **ratios})
    return out


def ratios(contenders: Sequence[Json]) -> Json:
    """`passthrough`: our CPU per record by the passthrough's; the others: theirs by ours. None where one is missing."""
    by = {row["contender"]: row for row in contenders}
    peers = {name: by[name].get("by_ours") for name in by if name not in (OURS, BARE)}
    return {"passthrough": by[OURS].get("by_passthrough"), **peers}


def measure(events: int, rounds: int) -> Json:
    """All contenders, in turn, `rounds` times."""
    declared = topology.load()
    partitions = declared.partitions(SOURCE)
    found: dict[str, list[Json]] = {c.name: [] for c in CONTENDERS}
    with tempfile.TemporaryDirectory(prefix="mandate-bench-") as name, started(declared, sinks(partitions)) as broker:
        job = Job(broker, Path(name), partitions)
        for number in range(rounds):
            job.grow(events)
            for contender in (c for c in CONTENDERS if not (number and c.once)):
                try:
                    found[contender.name].append(job.run(contender))
                except Exception as error:  # whatever it is, the others are measured
                    found[contender.name].append({"failed": str(error)[-400:]})
    contenders = table(found)
    return {"events": events, "rounds": found, "contenders": contenders, "ratios": ratios(contenders)}


def main() -> None:
    """Entry point."""
    parser = argparse.ArgumentParser(prog="python -m bench.dedup", description=__doc__.split("\n")[0])
    parser.add_argument("--events", type=int, default=300_000, help="records a round, a third of them warm-up")
    parser.add_argument("--rounds", type=int, default=3, help="how often each takes its turn (default 3; Faust once)")
    parser.add_argument("--json", action="store_true", help="print one JSON document")
    given = parser.parse_args()
    found = measure(given.events, given.rounds)
    columns = (
        "contender",
        "cpu_us",
        "by_passthrough",
        "by_ours",
        "broker_us",
        "events_per_s",
        "rss_mb",
        "lost",
        "doubled",
    )
    shown = [{key: row.get(key, "-") for key in columns} for row in found["contenders"]]
    show(found, rows(shown) + f"\n\n{found['ratios']}", given.json)


if __name__ == "__main__":
    main()
