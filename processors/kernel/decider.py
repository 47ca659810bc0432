"""The contract of a processor: three pure functions over commands, events and a view of the state.

    decide(command, view) -> Decision(events, timers, reasons)     no clock, no I/O; a refusal is an event
    with a reason evolve(view, event)   -> {part key: new part or None}          total; no rules, no
    exceptions; None deletes the part react(event)          -> [Send]                                what
    another's (or the own) event means here

`now` comes with the command. All times are ms of log time. Keys of parts are texts and begin with the tenant
(`tenant/incident/<hex>`); components that come from outside are escaped (`schemas.ids.key_of`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from processors.kernel.face import MakeFace
from schemas.configuration import Document
from schemas.record import Headers, Record


@dataclass(frozen=True, slots=True)
class TimerDue:
    """A timer of `part` fired; it decides with now = due."""

    part: str
    name: str
    due: int


@dataclass(frozen=True, slots=True)
class Configured:
    """Another version of a document of the tenant is in force from here on. Only who asks (`told_of`) is told."""

    tenant: str
    document: str
    version: int


@dataclass(frozen=True, slots=True)
class Command:
    """What is to be decided. `message` is a message of the input's stream, a `Head` for action topics, TimerDue,
    or Configured.

    `id` is the cause of everything decided here; `record` is None for a timer. `partitions` is how many the input
    has (0 where nobody said): a processor that must know whether a record lies in its right place asks here, because
    the map is known to the wiring only.
    """

    id: bytes
    key: str
    now: int
    message: Any
    record: Record | None = None
    partitions: int = 0


@dataclass(frozen=True, slots=True)
class Event:
    """Something decided. `kind` defaults to the message's class name and is looked up in topology's `writes`.

    `key` is the Kafka key. A forwarded record gives `raw` (the original bytes, written instead of the
    message) and `headers`; its record id stays that of the original, so no ce_ headers are added.
    A fact about a *record* rather than about what it says gives the record's offset as `about`: the same bytes come at
    two offsets, and the two facts must not share an id.
    """

    key: str
    message: Any
    raw: bytes | None = None
    headers: Headers = ()
    about: int | None = None

    @property
    def kind(self) -> str:
        """The event's type name."""
        return type(self.message).__name__


@dataclass(frozen=True, slots=True)
class SetTimer:
    """Set (or replace) timer `name` of `part`; due must be later than now. The part must exist after the
    decision."""

    part: str
    name: str
    due: int


@dataclass(frozen=True, slots=True)
class CancelTimer:
    """Remove timer `name` of `part` if it is set."""

    part: str
    name: str


@dataclass(frozen=True, slots=True)
class Decision:
    """The outcome: events in order, timers, and `reasons` (bounded words for metrics and logs; at least one).

    `answer` is the code for a person's command: `accepted`, or the stable code of a refusal; None for all
    others.
    """

    events: tuple[Event, ...] = ()
    timers: tuple[SetTimer | CancelTimer, ...] = ()
    reasons: tuple[str, ...] = ()
    answer: str | None = None


class Index(Protocol):
    """What a processor derives from its parts of one class, so as to search in them: a pure function of the parts,
    whatever the order in which it is told of them. It is never written; a restore makes it anew.
    """

    @property
    def kind(self) -> type: ...

    def changed(self, part: str, value: Any, /) -> None:
        """This part of `kind` was set, or read at a restore."""


class View(Protocol):
    """The state of one partition, read-only. A part is a frozen dataclass of the processor's
    `state.PARTS`. `index` is what the processor's own `Decider.index` made, None where it has none."""

    @property
    def index(self) -> Any: ...

    def get(self, part: str) -> Any | None:
        """The part with this key, or None."""

    def scan(self, prefix: str) -> Iterator[tuple[str, Any]]:
        """All parts whose key begins with `prefix`, in byte order of their keys."""

    def config(self, tenant: str, document: str) -> Document:
        """The document in force for this tenant: the announced version, else the default in code."""


@dataclass(frozen=True, slots=True)
class Send:
    """A command for a processor's input, made by its `react`; `key` decides the partition."""

    key: str
    message: Any


Decide = Callable[[Command, View], Decision]
Evolve = Callable[[View, Any], Mapping[str, Any | None]]
React = Callable[[Any], list[Send]]


@dataclass(frozen=True, slots=True)
class Decider:
    """One processor. `evolve` and `react` are given the event's message (not the Event).

    `parts` are the classes of its state; `on_heads` is True where the input carries actions and the command's
    message is a `schemas.head.Head` (the record's value stays in `command.record`). `version` is the decision
    version. `face` makes the batch face of a partition (face.py), and `index` the index over its parts, where there is
    one. `told_of` are the documents of whose new versions it is told (Configured); of others it asks the view.
    """

    name: str
    version: int
    decide: Decide
    evolve: Evolve
    parts: tuple[type, ...]
    react: React | None = None
    on_heads: bool = False
    face: MakeFace | None = None
    index: Callable[[], Index] | None = None
    told_of: frozenset[str] = frozenset()


class Refuse(Exception):
    """Raised by `decide` of an on_heads processor for a record that cannot be taken: it becomes a dead
    letter.

    `code` is a stable word (`wrong_key`, `rerouted_twice`, …), `why` the text for people. Nothing else
    changes.
    """

    def __init__(self, code: str, why: str) -> None:
        super().__init__(f"{code}: {why}")
        self.code = code
        self.why = why
