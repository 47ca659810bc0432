"""Stream `rml.commands`: effects on the world, kept for the governed ledger."""

from __future__ import annotations

from dataclasses import dataclass

from schemas.avro_types import Id16


@dataclass(frozen=True, slots=True)
class EffectObserved:
    """One effect of an action; `repeated` when deduplication saw its content within the window."""

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


COMMANDS = (EffectObserved,)
