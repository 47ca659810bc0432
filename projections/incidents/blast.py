"""Blast radii of incidents and of changes: the newest of each, as rows. Pure but for `write`.

Beside the incident's own row, which is loaded and written whole with each event: a radius is 10 KB and seldom another.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from projections import writing
from projections.incidents.phrases import count
from projections.reading import Said
from projections.tables import Table, values_of
from projections.writing import Connection
from schemas.avro_types import Id16
from schemas.messages.incidents import BlastRadiusStated, ChangeRadiusStated

Stated = BlastRadiusStated | ChangeRadiusStated


@dataclass(frozen=True, slots=True)
class RadiusRow:
    """`about` is the incident's or the change's id, `nodes` plain JSON as /v1 shows it. `version` = offset."""

    tenant: str
    about: Id16
    resource: str
    services: tuple[str, ...]
    nodes: tuple[Mapping[str, Any], ...]
    cut: int
    owners: tuple[str, ...]
    circle: tuple[str, ...]
    reasons: tuple[str, ...]
    because: str
    at: int
    version: int


RADII = Table.of("blast_radii", RadiusRow, ("tenant", "about"))


def rows(batch: Iterable[Said]) -> list[RadiusRow]:
    """The newest radius of everything that a batch speaks of."""
    found: dict[tuple[str, bytes], RadiusRow] = {}
    for each in batch:
        if isinstance(each.message, Stated):
            row = _row(each.message, each.record.offset)
            found[row.tenant, row.about] = row
    return list(found.values())


def write(connection: Connection, said: Sequence[Said]) -> None:
    """The radii of a batch, inside its transaction."""
    writing.upsert(connection, RADII, [values_of(row) for row in rows(said)])


def sentence(event: Stated) -> str:
    """What a person reads of it on a timeline."""
    if not event.services:
        return f"What else it may have hit is not known: {'; '.join(event.reasons)}."
    callers = sum(1 for node in event.nodes if node.relation == "downstream")
    possibly = sum(1 for node in event.nodes if node.relation == "possibly") + event.cut
    again = ", as the catalog says now" if isinstance(event, BlastRadiusStated) and event.because == "catalog" else ""
    who = f"; {count(len(event.owners), 'owner')}" if event.owners else ""
    return (
        f"{' and '.join(event.services)}: {count(callers, 'service')} {'calls' if callers == 1 else 'call'} it,"
        f" {possibly:,} more possibly affected{who}{again}."
    )


SENTENCES: Mapping[type, Callable[[Any], str]] = {BlastRadiusStated: sentence, ChangeRadiusStated: sentence}


def _row(event: Stated, offset: int) -> RadiusRow:
    nodes = tuple(
        {
            "service": n.service,
            "relation": n.relation,
            "depth": n.depth,
            "via": n.via or None,
            "calls": n.calls,
            "owner": n.owner or None,
            "tier": n.tier or None,
            "declared": n.declared,
        }
        for n in event.nodes
    )
    return RadiusRow(
        tenant=event.tenant,
        about=event.incident_id if isinstance(event, BlastRadiusStated) else event.change_id,
        resource=event.resource,
        services=event.services,
        nodes=nodes,
        cut=event.cut,
        owners=event.owners,
        circle=event.circle,
        reasons=event.reasons,
        because=event.because if isinstance(event, BlastRadiusStated) else "change",
        at=event.at,
        version=offset,
    )
