"""Pure: rml.events to rows. An entry and a case are folds of their events; what a case names is appended."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from projections.reading import Said
from projections.tables import Table
from schemas.avro_types import Id16
from schemas.messages.rml import CaseEntriesAdded, CaseOpened, EffectEntered, EffectObservedAgain, NamedEntry
from schemas.record import Record

Key = tuple[str, bytes]
OPEN = "open"


@dataclass(frozen=True, slots=True)
class EntryRow:
    """An entry of the ledger. Times in ms: `event_time` the agent's, `at` log time. `version` = last offset."""

    tenant: str
    number: int
    entry_id: Id16
    action_id: Id16
    actor: str
    action_type: str
    kind: str
    outcome: str
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
    observations: int
    version: int


@dataclass(frozen=True, slots=True)
class CaseRow:
    """A case as it is now. `version` = last offset."""

    tenant: str
    case_id: Id16
    number: int
    world: str
    state: str
    reason: str
    why: str
    resource: str
    kind: str | None
    counterparty: str | None
    amount: str | None
    currency: str | None
    action_id: Id16
    actor: str
    label_world: str | None
    label_action: str | None
    event_time: int
    opened_at: int
    entries_count: int
    version: int


@dataclass(frozen=True, slots=True)
class CaseEntryRow:
    """That a case names an entry, and where it was said."""

    tenant: str
    case_id: Id16
    number: int
    entry_id: Id16
    hash: bytes
    topic: str
    partition: int
    offset: int
    append_time: int


ENTRIES = Table.of("ledger_entries", EntryRow, ("tenant", "entry_id"))
CASES = Table.of("cases", CaseRow, ("tenant", "case_id"))
CASE_ENTRIES = Table.of("case_entries", CaseEntryRow, ())


@dataclass(frozen=True, slots=True)
class Changes:
    """What one batch changes: rows as they are after it, and appended rows."""

    entries: tuple[EntryRow, ...]
    cases: tuple[CaseRow, ...]
    named: tuple[CaseEntryRow, ...]


def entry_keys(batch: Iterable[Said]) -> list[Key]:
    """Which entries' rows a batch needs, sorted."""
    return sorted({(m.tenant, m.entry_id) for m in (e.message for e in batch) if isinstance(m, EffectObservedAgain)})


def case_keys(batch: Iterable[Said]) -> list[Key]:
    """Which cases' rows a batch needs, sorted."""
    return sorted({(m.tenant, m.case_id) for m in (e.message for e in batch) if isinstance(m, CaseEntriesAdded)})


def project(batch: Iterable[Said], entries: Mapping[Key, EntryRow], cases: Mapping[Key, CaseRow]) -> Changes:
    """Fold a batch over the rows that are there (those of `entry_keys` and `case_keys` that exist)."""
    entry_now, case_now = dict(entries), dict(cases)
    touched_entries: dict[Key, None] = {}
    touched_cases: dict[Key, None] = {}
    named: list[CaseEntryRow] = []
    for each in batch:
        record, message = each.record, each.message
        match message:
            case EffectEntered():
                key = (message.tenant, message.entry_id)
                entry_now[key] = _entry(message, record.offset)
                touched_entries[key] = None
            case EffectObservedAgain():
                key = (message.tenant, message.entry_id)
                known = entry_now.get(key)
                if known is not None:
                    entry_now[key] = replace(known, observations=message.observations, version=record.offset)
                    touched_entries[key] = None
            case CaseOpened():
                key = (message.tenant, message.case_id)
                case_now[key] = _case(message, record.offset)
                touched_cases[key] = None
                named += _named(record, message.tenant, message.case_id, message.entries)
            case CaseEntriesAdded():
                key = (message.tenant, message.case_id)
                row = case_now.get(key)
                if row is not None:
                    count = row.entries_count + len(message.entries)
                    case_now[key] = replace(row, entries_count=count, version=record.offset)
                    touched_cases[key] = None
                    named += _named(record, message.tenant, message.case_id, message.entries)
    return Changes(
        tuple(entry_now[key] for key in touched_entries), tuple(case_now[key] for key in touched_cases), tuple(named)
    )


def _entry(event: EffectEntered, offset: int) -> EntryRow:
    return EntryRow(
        tenant=event.tenant,
        number=event.number,
        entry_id=event.entry_id,
        action_id=event.action_id,
        actor=event.actor,
        action_type=event.action_type,
        kind=event.kind,
        outcome=event.outcome,
        amount=event.amount,
        currency=event.currency,
        counterparty=event.counterparty,
        external_reference=event.external_reference,
        resource=event.resource,
        reversibility=event.reversibility,
        event_time=event.event_time,
        at=event.at,
        previous_hash=event.previous_hash,
        hash=event.hash,
        observations=1,
        version=offset,
    )


def _case(event: CaseOpened, offset: int) -> CaseRow:
    return CaseRow(
        tenant=event.tenant,
        case_id=event.case_id,
        number=event.number,
        world=event.world,
        state=OPEN,
        reason=event.reason,
        why=event.why,
        resource=event.resource,
        kind=event.kind,
        counterparty=event.counterparty,
        amount=event.amount,
        currency=event.currency,
        action_id=event.action_id,
        actor=event.actor,
        label_world=event.label_world,
        label_action=event.label_action,
        event_time=event.event_time,
        opened_at=event.at,
        entries_count=len(event.entries),
        version=offset,
    )


def _named(record: Record, tenant: str, case_id: Id16, entries: Iterable[NamedEntry]) -> list[CaseEntryRow]:
    place = (record.topic, record.partition, record.offset, record.append_time)
    return [CaseEntryRow(tenant, case_id, e.number, e.entry_id, e.hash, *place) for e in entries]
