"""Words that every processor shares: ticks, answers, progress, dead letters, announced configuration, stored parts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from schemas.avro_types import Id16


@dataclass(frozen=True, slots=True)
class Tick:
    """Time passed and nothing else arrived. Liveness only: no decision depends on how many there are."""


@dataclass(frozen=True, slots=True)
class ConfigurationAnnounced:
    """A version of a tenant's configuration document, in force from its place in the log; `body` is canonical JSON."""

    tenant: str
    document: str
    version: int
    hash: str
    body: bytes


@dataclass(frozen=True, slots=True)
class ConfigurationPart:
    """One piece, counted from 0, of the canonical JSON of a document that is too large for one record."""

    tenant: str
    document: str
    version: int
    part: int
    body: bytes


@dataclass(frozen=True, slots=True)
class ConfigurationActivated:
    """A version in so many parts is in force from where all of them are there; `hash` is the SHA-256 of the whole."""

    tenant: str
    document: str
    version: int
    hash: str
    parts: int


@dataclass(frozen=True, slots=True)
class Answer:
    """What became of a command of a person or a door. `code` is `accepted` or the stable code of a refusal."""

    tenant: str
    command_id: Id16
    code: str
    reasons: tuple[str, ...]
    event_ids: tuple[Id16, ...]


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """A record or timer that could not be decoded or decided. `original` is its value as it came."""

    room: str
    topic: str
    partition: int
    offset: int
    append_time: int
    code: str
    detail: str
    key: bytes | None
    original: bytes | None
    original_hash: str
    original_length: int
    headers: Mapping[str, bytes] = field(default_factory=dict)
    tenant: str | None = None
    part: str | None = None
    timer: str | None = None
    due: int | None = None
    origin: Id16 | None = None


@dataclass(frozen=True, slots=True)
class Timer:
    """A timer of a part: fires as `TimerDue(name)` with now = due; `origin` is the id of what set it last."""

    name: str
    due: int
    origin: Id16


@dataclass(frozen=True, slots=True)
class StoredPart:
    """One part of a processor's state on its changelog: the framed Avro of the part, and its timers by name."""

    part: bytes
    timers: tuple[Timer, ...] = ()


@dataclass(frozen=True, slots=True)
class Chain:
    """The running hash of all outputs of one input partition to one output topic."""

    topic: str
    hash: Id16


@dataclass(frozen=True, slots=True)
class Progress:
    """The last changelog record of a transaction: positions decided (from inclusive, to exclusive), and the proof.

    `schemas` is the highest schema id that its writer knew, which names the version of each message it wrote (0: from
    before this was kept).
    """

    room: str
    partition: int
    from_: int
    to: int
    last_now: int
    decision_version: int
    configuration_hash: str
    counts: Mapping[str, int]
    chains: tuple[Chain, ...]
    parts_hash: Id16
    schemas: int = 0


@dataclass(frozen=True, slots=True)
class RememberedCommand:
    """One command that was answered: `second` of log time, its id, the hash of its body, and the answer."""

    second: int
    command_id: Id16
    body_hash: Id16
    code: str
    reasons: tuple[str, ...]
    event_ids: tuple[Id16, ...]


DEAD_LETTERS = (DeadLetter,)
CONFIGURATION = (ConfigurationAnnounced, ConfigurationPart, ConfigurationActivated)
SHARED = (Tick, *CONFIGURATION)
ANSWERS = (Answer,)
CHANGELOG = (StoredPart, Progress, RememberedCommand, *CONFIGURATION)
