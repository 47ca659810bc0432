"""The map: parse and validate topology.yaml. Pure after the text has been read; the only reader of that file.

Raises TopologyError (stable codes `topology_*`) naming the entry and the remedy.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import yaml

from schemas.errors import TopologyError
from schemas.messages.tables import STREAMS

DEAD_LETTERS = "dead.letters"
# What a read model says that reads every topic there is.
EVERYTHING = "all"
# libyaml's where PyYAML was built with it: 6 ms instead of 70 in the start of every process.
LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


@dataclass(frozen=True, slots=True)
class Topic:
    """One topic. retention_ms -1 = for ever; max_bytes is max.message.bytes."""

    name: str
    stream: str
    key: str
    partitions: int
    why: str
    max_bytes: int
    retention_ms: int = -1
    cleanup: Literal["delete", "compact"] = "delete"

    @property
    def config(self) -> dict[str, str]:
        """The broker's settings of this topic (KERNEL 18 for changelogs)."""
        out = {
            "message.timestamp.type": "LogAppendTime",
            "max.message.bytes": str(self.max_bytes),
            "cleanup.policy": self.cleanup,
        }
        if self.cleanup == "delete":
            out["retention.ms"] = str(self.retention_ms)
        else:
            out |= {
                "min.compaction.lag.ms": "600000",
                "max.compaction.lag.ms": "900000",
                "segment.ms": "300000",
                "delete.retention.ms": "600000",
            }
        return out


@dataclass(frozen=True, slots=True)
class RoomSpec:
    """One processor: its one input, its changelog, what each of its events is written to, whose react sees them."""

    name: str
    input: str
    changelog: str
    writes: Mapping[str, str]
    same_partition: frozenset[str] = frozenset()
    feeds: tuple[str, ...] = ()
    documents: tuple[str, ...] = ()
    announced: Literal["all", "tenant", "none"] = "none"


@dataclass(frozen=True, slots=True)
class ProjectionSpec:
    """One read model: the topics it reads and its store. `everything`: the map says `all`, also of topics to come.

    `documents`: which configuration documents it reads itself.
    """

    name: str
    reads: tuple[str, ...]
    store: Literal["postgres", "redis", "parquet"]
    everything: bool = False
    documents: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Relay:
    """What is copied for the effects service, where outcomes go, and which configuration documents it reads itself."""

    source: str
    target: str
    reports_to: str
    documents: tuple[str, ...] = ()

    @property
    def group(self) -> str:
        """The consumer group in which the copying keeps its position."""
        return f"{self.target}.relay"


@dataclass(frozen=True, slots=True)
class Deployable:
    """One unit of deployment; `each` names the table whose every entry becomes one."""

    name: str
    kind: Literal["StatefulSet", "Deployment"]
    command: tuple[str, ...]
    replicas: int
    each: Literal["processors", "projections"] | None = None


@dataclass(frozen=True, slots=True)
class Topology:
    """The whole map, validated."""

    topics: Mapping[str, Topic]
    rooms: Mapping[str, RoomSpec]
    projections: Mapping[str, ProjectionSpec]
    relay: Relay
    deployables: Mapping[str, Deployable] = field(default_factory=dict)

    def partitions(self, topic: str) -> int:
        """How many partitions a topic has."""
        return self.topics[topic].partitions

    def readers_of_document(self, document: str) -> tuple[RoomSpec, ...]:
        """The processors on whose input a configuration document is announced, by name."""
        return tuple(r for r in self.rooms.values() if document in r.documents)


def default_path() -> Path:
    """`$MANDATE_TOPOLOGY`, else topology.yaml in the current folder, else beside the packages (a checkout)."""
    named = os.environ.get("MANDATE_TOPOLOGY")
    if named:
        return Path(named)
    here = Path("topology.yaml")
    return here if here.exists() else Path(__file__).parent.parent / "topology.yaml"


def load(path: Path | str | None = None) -> Topology:
    """Read and validate the map. Raises TopologyError."""
    source = Path(path) if path is not None else default_path()
    try:
        text = source.read_text()
    except OSError as error:
        raise TopologyError(
            "topology_unreadable",
            f"the map {source}",
            str(error),
            "Set MANDATE_TOPOLOGY to topology.yaml's path.",
        ) from error
    return parse(text)


def parse(text: str) -> Topology:
    """The map in `text`. Raises TopologyError: topology_syntax, topology_entry, topology_contradiction."""
    try:
        plain = yaml.load(text, Loader=LOADER)  # both are safe loaders
        topology = _build(plain)
    except yaml.YAMLError as error:
        raise TopologyError("topology_syntax", "topology.yaml", str(error), "Correct the YAML.") from error
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise TopologyError(
            "topology_entry",
            "topology.yaml",
            f"{type(error).__name__}: {error}",
            "Give the entry what its neighbours have.",
        ) from error
    validate(topology)
    return topology


def _build(plain: Any) -> Topology:
    topics = {name: Topic(name=name, **entry) for name, entry in plain["topics"].items()}
    rooms = {name: _room(name, entry) for name, entry in plain["processors"].items()}
    projections = {name: _projection(name, entry, tuple(topics)) for name, entry in plain["projections"].items()}
    effects = plain["effects"]
    documents = tuple(effects.get("documents", ()))
    relay = Relay(effects["relay"]["from"], effects["relay"]["to"], effects["reports_to"], documents)
    deployables = {
        name: Deployable(name, e["kind"], tuple(e["command"]), int(e["replicas"]), e.get("each"))
        for name, e in plain["deployables"].items()
    }
    return Topology(topics, rooms, projections, relay, deployables)


def _projection(name: str, entry: Any, topics: tuple[str, ...]) -> ProjectionSpec:
    everything = entry["reads"] == EVERYTHING
    reads = topics if everything else tuple(entry["reads"])
    return ProjectionSpec(name, reads, entry["store"], everything, tuple(entry.get("documents", ())))


def _room(name: str, entry: Any) -> RoomSpec:
    configuration = entry.get("configuration", {})
    return RoomSpec(
        name=name,
        input=entry["reads"],
        changelog=entry["changelog"],
        writes=dict(entry.get("writes", {})),
        same_partition=frozenset(entry.get("same_partition", ())),
        feeds=tuple(entry.get("feeds", ())),
        documents=tuple(configuration.get("documents", ())),
        announced=configuration.get("announced", "none"),
    )


def _contradiction(what: str, why: str, remedy: str) -> TopologyError:
    return TopologyError("topology_contradiction", what, why, remedy)


def validate(t: Topology) -> None:
    """Every name exists, changelogs match their inputs, one processor per input. Raises TopologyError."""
    for topic in t.topics.values():
        if topic.stream not in STREAMS:
            raise _contradiction(
                f"topic {topic.name}",
                f"stream {topic.stream} has no words",
                "Name a stream of schemas/messages.",
            )
        if topic.partitions < 1 or not 0 < topic.max_bytes <= 2_097_152:
            raise _contradiction(f"topic {topic.name}", "partitions or max_bytes out of range", "Use ≥ 1 and ≤ 2 MiB.")
    inputs: dict[str, str] = {}
    for room in t.rooms.values():
        _validate_room(t, room)
        if room.input in inputs:
            raise _contradiction(
                f"processor {room.name}",
                f"{inputs[room.input]} reads {room.input} too",
                "One processor, one input.",
            )
        inputs[room.input] = room.name
    for projection in t.projections.values():
        for topic_name in projection.reads:
            _known(t, f"projection {projection.name}", topic_name)
    for topic_name in (t.relay.source, t.relay.target, t.relay.reports_to, DEAD_LETTERS):
        _known(t, "effects or dead letters", topic_name)


def _validate_room(t: Topology, room: RoomSpec) -> None:
    what = f"processor {room.name}"
    for topic_name in (room.input, room.changelog, *room.writes.values(), *room.same_partition):
        _known(t, what, topic_name)
    if t.topics[room.changelog].partitions != t.topics[room.input].partitions:
        raise _contradiction(what, "its changelog has another number of partitions than its input", "Make them equal.")
    if t.topics[room.changelog].cleanup != "compact":
        raise _contradiction(what, "its changelog is not compacted", "Set cleanup: compact.")
    for topic_name in room.same_partition:
        if t.topics[topic_name].partitions != t.topics[room.input].partitions:
            raise _contradiction(what, f"{topic_name} cannot keep its partition numbers", "Make the numbers equal.")
    for target in room.feeds:
        if target not in t.rooms:
            raise _contradiction(what, f"it feeds {target}, which is no processor", "Name a processor.")


def _known(t: Topology, what: str, topic: str) -> None:
    if topic not in t.topics:
        raise _contradiction(what, f"topic {topic} is not declared", "Declare it under topics.")


def drawing(t: Topology) -> str:
    """The map as a Mermaid flowchart, the same text for the same map."""
    lines = ["flowchart LR"]
    short = {name: "t_" + name.replace(".", "_") for name in t.topics}
    shown = [x for x in t.topics.values() if x.cleanup == "delete" and x.name != DEAD_LETTERS]
    lines += [f"  {short[x.name]}[/{x.name}/]" for x in shown]
    for room in t.rooms.values():
        lines.append(f"  {short[room.input]} --> p_{room.name}([{room.name}])")
        lines += [f"  p_{room.name} --> {short[x]}" for x in sorted(set(room.writes.values()))]
        lines += [f"  p_{room.name} -. react .-> {short[t.rooms[x].input]}" for x in room.feeds]
    lines += [f"  {short[t.relay.source]} --> relay([relay]) --> {short[t.relay.target]} --> effects([effects])"]
    lines += [
        f"  effects --> {short[t.relay.reports_to]}",
        f"  gateway([gateway]) --> {short['actions.raw']}",
    ]
    for projection in t.projections.values():
        if projection.everything:
            lines.append(f"  everything[/every topic/] --> r_{projection.name}[({projection.name})]")
            continue
        shown_reads = [x for x in projection.reads if x != DEAD_LETTERS]
        lines += [f"  {short[x]} --> r_{projection.name}[({projection.name})]" for x in shown_reads]
    return "\n".join(lines) + "\n"
