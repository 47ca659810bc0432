"""The running hash of a ledger: what an auditor recomputes. Pure; used by rml and by `mandate ledger verify`.

    hash(n) = SHA-256("mandate-ledger-v1" 0x00 | hash(n-1) | entry n)          hash(0) = 32 bytes of zero
    entry   = canonical JSON (RFC 8785: keys sorted, no spaces, UTF-8) of the members `FIELDS` as `/v1/ledger` shows
              them, and `ledger`: the tenant

All values are texts or null, except `number`. An entry therefore says itself in which ledger and at which place it
stands: none can be moved, changed, left out or put in between without breaking all hashes after it. A cut tail and a
ledger that was written anew are not seen by hashes alone: compare the last hash with one that you kept elsewhere.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from hashlib import sha256

from schemas import ids
from schemas.envelope import time_text
from schemas.messages.rml import EffectEntered

DOMAIN = b"mandate-ledger-v1\x00"
GENESIS = bytes(32)
FIELDS = (
    "number",
    "id",
    "action_id",
    "actor",
    "action_type",
    "kind",
    "outcome",
    "amount",
    "currency",
    "counterparty",
    "external_reference",
    "resource",
    "reversibility",
    "event_time",
    "at",
)

Shown = Mapping[str, str | int | None]


def shown(entry: EffectEntered) -> dict[str, str | int | None]:
    """The members of an entry that its hash covers, as `/v1/ledger` shows them: times as RFC 3339, ids as UUID text."""
    return {
        "number": entry.number,
        "id": ids.text(entry.entry_id),
        "action_id": ids.text(entry.action_id),
        "actor": entry.actor,
        "action_type": entry.action_type,
        "kind": entry.kind,
        "outcome": entry.outcome,
        "amount": entry.amount,
        "currency": entry.currency,
        "counterparty": entry.counterparty,
        "external_reference": entry.external_reference,
        "resource": entry.resource,
        "reversibility": entry.reversibility,
        "event_time": time_text(entry.event_time),
        "at": time_text(entry.at),
    }


def canonical(ledger: str, entry: Shown) -> bytes:
    """The bytes of an entry that are hashed. Raises KeyError when a member is missing."""
    plain = {name: entry[name] for name in FIELDS} | {"ledger": ledger}
    return json.dumps(plain, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


def entry_hash(previous: bytes, ledger: str, entry: Shown) -> bytes:
    """The 32 bytes of an entry's hash, given those of the entry before it."""
    return sha256(DOMAIN + previous + canonical(ledger, entry)).digest()
