"""A small processor for tests of the kernel and the host: it counts, sets timers, refuses, breaks on demand.

It uses everything the contract offers: parts with timers, look-up by scan, configuration, a person's command with an
answer, a reaction to its own events, and a decide that raises.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from processors.kernel.decider import (
    CancelTimer,
    Command,
    Decider,
    Decision,
    Event,
    Send,
    SetTimer,
    TimerDue,
    View,
)
from processors.kernel.room import Room, room_of
from schemas import codec
from schemas.avro_types import Id16
from schemas.envelope import headers_of
from schemas.ids import derive, key_of
from schemas.messages.kernel import ANSWERS, CHANGELOG, DEAD_LETTERS, SHARED, ConfigurationAnnounced, Tick
from schemas.record import Record
from schemas.signal_rules import Signals
from schemas.topology import Relay, RoomSpec, Topic, Topology

WAIT_MS = 1_000


@dataclass(frozen=True, slots=True)
class Add:
    """Count `amount` for `name`; a later timer says `Settled`."""

    tenant: str
    name: str
    amount: int


@dataclass(frozen=True, slots=True)
class Break:
    """Makes decide raise."""

    tenant: str


@dataclass(frozen=True, slots=True)
class Reset:
    """A person's command: forget a name."""

    tenant: str
    command_id: Id16
    body_hash: Id16
    subject: str
    name: str


@dataclass(frozen=True, slots=True)
class Noted:
    """What the processor tells itself about its own events."""

    tenant: str
    name: str


@dataclass(frozen=True, slots=True)
class Counted:
    """A count changed."""

    tenant: str
    name: str
    total: int
    names: int
    at: int


@dataclass(frozen=True, slots=True)
class Settled:
    """Nothing was added to a name for a while."""

    tenant: str
    name: str
    total: int
    chained: int
    at: int


@dataclass(frozen=True, slots=True)
class Forgotten:
    """A name was reset."""

    tenant: str
    name: str
    at: int


@dataclass(frozen=True, slots=True)
class Count:
    """The state of one name."""

    tenant: str
    name: str
    total: int
    chained: int


def _key(tenant: str, name: str) -> str:
    return key_of(tenant, "count", name)


def decide(command: Command, view: View) -> Decision:
    """Count, settle by timer (twice, in a chain), reset by a person, or break."""
    match command.message:
        case Add(tenant, name, amount):
            part = _key(tenant, name)
            before = view.get(part)
            total = (before.total if before else 0) + amount
            names = sum(1 for _ in view.scan(key_of(tenant, "count")))
            wait = view.config(tenant, "signals")
            assert isinstance(wait, Signals)
            event = Event(key_of(tenant), Counted(tenant, name, total, names, command.now))
            return Decision(
                (event,), (SetTimer(part, "settle", command.now + wait.retry_window_s * WAIT_MS),), ("added",)
            )
        case TimerDue(part, name, due):
            count = view.get(part)
            assert count is not None
            event = Event(key_of(count.tenant), Settled(count.tenant, count.name, count.total, count.chained + 1, due))
            again = (SetTimer(part, "again", due + WAIT_MS),) if name == "settle" else (CancelTimer(part, "settle"),)
            return Decision((event,), again, ("settled",))
        case Reset(tenant, _, _, _, name):
            if view.get(_key(tenant, name)) is None:
                return Decision((), (), ("nothing to reset",), "unknown")
            return Decision((Event(key_of(tenant), Forgotten(tenant, name, command.now)),), (), ("reset",), "accepted")
        case Noted():
            return Decision((), (), ("noted",))
        case Break():
            raise ValueError("asked to break")
    raise AssertionError(command.message)


def evolve(view: View, event: Any) -> Mapping[str, Any | None]:
    """Fold the counts."""
    match event:
        case Counted(tenant, name, total):
            before = view.get(_key(tenant, name))
            return {_key(tenant, name): Count(tenant, name, total, before.chained if before else 0)}
        case Settled(tenant, name, total, chained):
            return {_key(tenant, name): Count(tenant, name, total, chained)}
        case Forgotten(tenant, name):
            return {_key(tenant, name): None}
    return {}


def react(event: Any) -> list[Send]:
    """Tell itself about every settled name."""
    return [Send(key_of(event.tenant), Noted(event.tenant, event.name))] if isinstance(event, Settled) else []


STREAMS = {
    "tally.commands": (Add, Break, Reset, Noted, *SHARED),
    "tally.events": (Counted, Settled, Forgotten, *ANSWERS),
    "dead.letters": DEAD_LETTERS,
    "changelog": CHANGELOG,
}
DECIDER = Decider("tally", 1, decide, evolve, (Count,), react)


def topology(partitions: int = 2) -> Topology:
    """A map with this one processor."""
    topics = {
        name: Topic(name, stream, "tenant", partitions, "a test", 1_048_576)
        for name, stream in (
            ("tally.commands", "tally.commands"),
            ("tally.events", "tally.events"),
            ("dead.letters", "dead.letters"),
        )
    }
    topics["tally.changelog"] = Topic(
        "tally.changelog", "changelog", "part", partitions, "a test", 1_048_576, cleanup="compact"
    )
    spec = RoomSpec(
        "tally",
        "tally.commands",
        "tally.changelog",
        dict.fromkeys(("Counted", "Settled", "Forgotten", "Answer"), "tally.events"),
        feeds=("tally",),
        documents=("signals",),
        announced="tenant",
    )
    return Topology(topics, {"tally": spec}, {}, Relay("tally.events", "tally.events", "tally.commands"))


def room(partitions: int = 2) -> Room:
    """The processor, wired."""
    return room_of(DECIDER, topology(partitions), {"tally": DECIDER}, STREAMS)


def record(offset: int, append_time: int, message: Any, partition: int = 0, key: str | None = None) -> Record:
    """A record of the input as the gateway would write it; ids follow from the offset."""
    if isinstance(message, Tick | ConfigurationAnnounced):
        return Record("tally.commands", partition, offset, append_time, None, codec.encode(message))
    where = key if key is not None else key_of(message.tenant)
    record_id = getattr(message, "command_id", None) or derive("test", partition, offset)
    headers = headers_of(record_id, type(message).__name__, "test", where, append_time)
    return Record("tally.commands", partition, offset, append_time, where.encode(), codec.encode(message), headers)


def announcement(tenant: str, version: int, window_s: int) -> ConfigurationAnnounced:
    """A version of the `signals` document."""
    return ConfigurationAnnounced(tenant, "signals", version, f"h{version}", b'{"retry_window_s":%d}' % window_s)
