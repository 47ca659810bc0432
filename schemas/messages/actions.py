"""Stream `actions`: what agents did. The first eleven fields are the head, read with slices by `schemas.head`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from schemas.avro_types import Id16

# Bits of `traits`. A bit's meaning never changes; new ones are added at the end.
ERROR = 1
EFFECT = 2
LABEL = 4
CHANGE = 8
BACKFILL = 16  # an import of the past: ordered and grouped by event time, pages nobody
REDACTED = 32  # the producer has redacted it already
RETRYABLE = 64  # another try is to be expected
RETRY = 128  # attempt > 1
GENERATED_ID = 256  # the sender gave no id; event_id is the seed's key

NO_SEQUENCE = -1


@dataclass(frozen=True, slots=True)
class ErrorInfo:
    """A failure as the agent reports it."""

    type: str
    message: str
    code: str | None = None


@dataclass(frozen=True, slots=True)
class Effect:
    """Something done to the world. `amount` is an integer of minor units as a string; `currency` is ISO 4217."""

    kind: str
    amount: str | None = None
    currency: str | None = None
    counterparty: str | None = None
    external_reference: str | None = None
    reversibility: Literal["reversible", "compensable", "irreversible", "unknown"] = "unknown"


@dataclass(frozen=True, slots=True)
class Change:
    """A change of a resource; before and after are references (versions, commits, values)."""

    kind: Literal["deploy", "config", "flag", "migration", "permission"]
    before: str | None = None
    after: str | None = None
    summary: str | None = None


@dataclass(frozen=True, slots=True)
class Labels:
    """What the agent says about the world of its action."""

    world: str | None = None
    action: str | None = None


@dataclass(frozen=True, slots=True)
class PayloadReference:
    """Where the payload is: inline (content), or external by location."""

    type: Literal["inline", "external"]
    size: int
    hash: str
    location: str | None = None
    content: bytes | None = None


@dataclass(frozen=True, slots=True)
class Tool:
    """The tool call behind the action. `call_id` is the model's own id of the call, which nested calls name too."""

    name: str
    type: str | None = None
    call_id: str | None = None


@dataclass(frozen=True, slots=True)
class ModelUse:
    """The model that chose the action, and the tokens that it read and wrote for it."""

    name: str
    provider: str | None = None
    input_tokens: int | None = None
    output_tokens: int | None = None


@dataclass(frozen=True, slots=True)
class Action:
    """One action of an agent. timestamp is event time, received_at the gateway's or SDK's, both in ms."""

    event_id: Id16
    content_key: Id16
    tenant: str
    actor: str
    session: str
    sequence: int
    timestamp: int
    received_at: int
    traits: int
    resource: str
    type: str
    source_id: str | None = None
    actor_name: str | None = None
    actor_version: str | None = None
    on_behalf_of: str | None = None
    parameters_digest: str | None = None
    attempt: int = 1
    attempt_limit: int | None = None
    parent_id: Id16 | None = None
    trace_id: str | None = None
    span_id: str | None = None
    result: str | None = None
    error: ErrorInfo | None = None
    effect: Effect | None = None
    change: Change | None = None
    labels: Labels | None = None
    payload: PayloadReference | None = None
    # From 1.1 on.
    tool: Tool | None = None
    model: ModelUse | None = None


DropReason = Literal["redelivered"]


@dataclass(frozen=True, slots=True)
class ActionDropped:
    """A record that deduplication dropped, with its original bytes, its coordinates and those of the first sighting."""

    tenant: str
    actor: str
    event_id: Id16
    reason: DropReason
    rule: Literal["event_id", "sequence"]
    topic: str
    partition: int
    offset: int
    first_offset: int | None
    at: int
    original: bytes


ACTIONS = (Action,)
DROPPED = (ActionDropped,)
