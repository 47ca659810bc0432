"""Words for tests about the ledger and its cases: an effect with sensible defaults, what came of it, its hashes."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from schemas import ids
from schemas.ledger import GENESIS, entry_hash, shown
from schemas.messages.rml import EffectEntered, EffectObserved, LabelObserved
from tests.support.desk import START, TENANT

SECOND = 1_000
MINUTE = 60 * SECOND
DAY = 86_400 * SECOND


def charge(n: int, at: int = START, **changes: Any) -> EffectObserved:
    """Action number `n` charges a customer 49.00 EUR for order 8812 at event time `at`; reference `ch_<n>`."""
    fields: dict[str, Any] = {
        "tenant": TENANT,
        "action_id": ids.derive("action", n),
        "actor": "checkout-helper-1",
        "resource": "orders/8812",
        "action_type": "payments.charge",
        "kind": "charge",
        "amount": "4900",
        "currency": "EUR",
        "counterparty": "customer-17",
        "external_reference": f"ch_{n}",
        "reversibility": "compensable",
        "succeeded": True,
        "repeated": False,
        "event_time": at,
    }
    return EffectObserved(**(fields | changes))


def label(n: int, **changes: Any) -> LabelObserved:
    """Action number `n` has no effect, and says that it is history."""
    fields: dict[str, Any] = {
        "tenant": TENANT,
        "action_id": ids.derive("action", n),
        "actor": "support-triage",
        "resource": "customers/17",
        "action_type": "promise.make",
        "label_world": "RML3",
        "label_action": None,
        "event_time": START,
    }
    return LabelObserved(**(fields | changes))


def verify(entries: Iterable[EffectEntered]) -> None:
    """The running hash of one tenant's ledger, recomputed as an auditor does."""
    previous = GENESIS
    for number, entry in enumerate(entries, start=1):
        assert entry.number == number
        assert entry.previous_hash == previous
        previous = entry_hash(previous, entry.tenant, shown(entry))
        assert entry.hash == previous
