"""The difference between topology.yaml and a broker's topics: what to create, what to set, what must not be.
Pure.

Called by `mandate topology plan|apply`. A keyed topic's partition count and key are fixed at birth: records
of one key would else lie on two partitions, and their order, deduplication and state would be lost.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from processors.host.admin import TopicState
from schemas.topology import Topology

# The broker's own default (default.replication.factor).
BROKER_DEFAULT = -1
Setting = tuple[str, str | None, str]


@dataclass(frozen=True, slots=True)
class Refusal:
    """A difference that may not be applied; `code` is stable."""

    code: str
    topic: str
    why: str
    remedy: str


@dataclass(frozen=True, slots=True)
class Change:
    """One topic whose settings differ: (name, value now or None for the broker's default, value declared)."""

    topic: str
    settings: tuple[Setting, ...]


@dataclass(frozen=True, slots=True)
class Plan:
    """The whole difference. `strangers` are topics of the broker that the map does not name; they are left
    alone."""

    create: tuple[TopicState, ...] = ()
    alter: tuple[Change, ...] = ()
    refused: tuple[Refusal, ...] = ()
    strangers: tuple[str, ...] = ()
    keys: Mapping[str, str] = field(default_factory=dict)

    @property
    def empty(self) -> bool:
        """True when nothing is to be done and nothing is refused."""
        return not (self.create or self.alter or self.refused)


def plan(
    declared: Topology,
    found: Mapping[str, TopicState],
    names: frozenset[str],
    applied_keys: Mapping[str, str],
    replication: int = BROKER_DEFAULT,
) -> Plan:
    """Compare. `found`: declared topics that exist; `names`: all topics; `applied_keys`: topic -> key at its
    birth."""
    create, alter, refused = [], [], []
    for topic in declared.topics.values():
        state = found.get(topic.name)
        if state is None:
            create.append(TopicState(topic.name, topic.partitions, replication, topic.config))
            continue
        if state.partitions != topic.partitions:
            refused.append(_partitions(topic.name, state.partitions, topic.partitions, topic.key))
        born = applied_keys.get(topic.name, topic.key)
        if born != topic.key:
            refused.append(_key(topic.name, born, topic.key))
        settings = tuple(
            (name, state.config.get(name), value)
            for name, value in sorted(topic.config.items())
            if state.config.get(name) != value
        )
        if settings:
            alter.append(Change(topic.name, settings))
    strangers = tuple(sorted(names - frozenset(declared.topics)))
    return Plan(
        tuple(create),
        tuple(alter),
        tuple(refused),
        strangers,
        {topic.name: topic.key for topic in declared.topics.values()},
    )


def describe(difference: Plan) -> list[str]:
    """The difference as lines of text: `+` created, `~` changed, `!` refused."""
    lines = []
    for topic in difference.create:
        settings = " ".join(f"{name}={value}" for name, value in sorted(topic.config.items()))
        lines.append(f"+ {topic.name}: {topic.partitions} partitions, {settings}")
    for change in difference.alter:
        for name, now, value in change.settings:
            lines.append(f"~ {change.topic}: {name} {now or '(broker default)'} -> {value}")
    for refusal in difference.refused:
        lines.append(f"! {refusal.topic}: {refusal.why} [{refusal.code}]")
    return lines


def as_json(difference: Plan) -> dict[str, object]:
    """The difference as plain data."""
    return {
        "create": [{"topic": t.name, "partitions": t.partitions, "config": dict(t.config)} for t in difference.create],
        "alter": [
            {"topic": c.topic, "settings": [{"name": n, "from": now, "to": v} for n, now, v in c.settings]}
            for c in difference.alter
        ],
        "refused": [{"code": r.code, "topic": r.topic, "why": r.why, "remedy": r.remedy} for r in difference.refused],
        "strangers": list(difference.strangers),
    }


def _partitions(topic: str, now: int, wanted: int, key: str) -> Refusal:
    return Refusal(
        "topology_partitions_fixed",
        topic,
        f"it has {now} partitions, topology.yaml says {wanted}; keys ({key}) would move",
        f"Put partitions: {now} back, or move to a new topic with a new name and replay into it.",
    )


def _key(topic: str, born: str, wanted: str) -> Refusal:
    return Refusal(
        "topology_key_fixed",
        topic,
        f"its records are keyed by {born}, topology.yaml says {wanted}",
        f"Put key: {born} back, or move to a new topic with a new name and replay into it.",
    )
