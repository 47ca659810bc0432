"""Streams `rml.commands` and `rml.events`: effects on the world, the governed ledger, and RML cases."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from schemas.avro_types import Id16

Outcome = Literal["applied", "failed", "unknown"]
World = Literal["RML1", "RML2", "RML3"]
CaseReason = Literal["second_charge", "label"]


@dataclass(frozen=True, slots=True)
class EffectObserved:
    """One effect of an action; `repeated` when deduplication saw its content within the window.

    Since 1.1: `error_type` of an action that failed, and the labels of the action.
    """

    tenant: str
    action_id: Id16
    actor: str
    resource: str
    action_type: str
    kind: str
    amount: str | None
    currency: str | None
    counterparty: str | None
    external_reference: str | None
    reversibility: str
    succeeded: bool
    repeated: bool
    event_time: int
    error_type: str | None = None
    label_world: str | None = None
    label_action: str | None = None


@dataclass(frozen=True, slots=True)
class LabelObserved:
    """An action without an effect says in its labels what world it is in (a claim of code)."""

    tenant: str
    action_id: Id16
    actor: str
    resource: str
    action_type: str
    label_world: str | None
    label_action: str | None
    event_time: int


@dataclass(frozen=True, slots=True)
class EffectEntered:
    """An entry of the tenant's ledger. `hash` runs over all entries before it: `schemas.ledger` says of what.

    `number` counts the tenant's entries from 1. `amount` is whole minor units as text. `outcome`: `applied`, `failed`
    (the action said so), or `unknown` (it failed in a way that leaves open whether the effect came about).
    """

    tenant: str
    number: int
    entry_id: Id16
    action_id: Id16
    actor: str
    action_type: str
    kind: str
    outcome: Outcome
    amount: str | None
    currency: str | None
    counterparty: str | None
    external_reference: str | None
    resource: str
    reversibility: str
    event_time: int
    at: int
    previous_hash: bytes
    hash: bytes


@dataclass(frozen=True, slots=True)
class EffectObservedAgain:
    """One movement told once more (same content, same external reference): no second entry.

    `number` and `entry_id` are of the entry that it tells again, `observations` how often it was told with this one.
    """

    tenant: str
    number: int
    entry_id: Id16
    observations: int
    action_id: Id16
    actor: str
    action_type: str
    kind: str
    amount: str | None
    currency: str | None
    counterparty: str | None
    external_reference: str | None
    resource: str
    event_time: int
    at: int


@dataclass(frozen=True, slots=True)
class NamedEntry:
    """An entry of the ledger as a case names it."""

    number: int
    entry_id: Id16
    hash: bytes


@dataclass(frozen=True, slots=True)
class CaseOpened:
    """A case, and the entries that it names, by their numbers. `number` counts the tenant's cases from 1 (CASE-1).

    `reason` is a word that programs may branch on, `why` one sentence for people. The labels are those of the action
    that opened it; amount, currency and counterparty are missing where the action has no effect.
    """

    tenant: str
    case_id: Id16
    number: int
    world: World
    reason: CaseReason
    why: str
    resource: str
    kind: str | None
    counterparty: str | None
    amount: str | None
    currency: str | None
    entries: tuple[NamedEntry, ...]
    action_id: Id16
    actor: str
    label_world: str | None
    label_action: str | None
    event_time: int
    at: int


@dataclass(frozen=True, slots=True)
class CaseEntriesAdded:
    """More entries of the same suspicion: a third charge joins the case of the first two. The action brought it."""

    tenant: str
    case_id: Id16
    number: int
    resource: str
    kind: str | None
    counterparty: str | None
    amount: str | None
    currency: str | None
    entries: tuple[NamedEntry, ...]
    action_id: Id16
    actor: str
    event_time: int
    at: int


COMMANDS = (EffectObserved, LabelObserved)
EVENTS = (EffectEntered, EffectObservedAgain, CaseOpened, CaseEntriesAdded)
