"""The newest accepted documents of a tenant that tell of services and people; each is read once for each hash."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass
from typing import Any, cast

from gateway.configuration.store import Pool, Tables
from schemas.catalog import Catalog
from schemas.configuration import DEFAULTS, Document, Escalation, Ownership, People, parse_document

NAMES = ("catalog", "people", "ownership", "escalation")
# Read documents that are kept: a catalog of 5,000 services is 6 MB, of most tenants a few kB.
KEPT = 32


@dataclass(frozen=True, slots=True)
class Current:
    """What is accepted now. `version` and `hash` are the catalog's (0 and empty: there never was one)."""

    version: int
    hash: str
    catalog: Catalog
    people: People
    ownership: Ownership
    escalation: Escalation


class Catalogs:
    """Reads `configuration`, which only ever gets new versions."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool
        self._read: OrderedDict[tuple[str, str], Document] = OrderedDict()

    async def of(self, tenant: str) -> Current:
        """What a tenant has. Raises psycopg.Error, ConfigurationError for what another version of the program wrote."""
        found: dict[str, Any] = dict(DEFAULTS)
        version, digest = 0, ""
        async with self._pool.connection() as connection, connection.transaction():
            tables = Tables(connection)
            for name, (number, known) in (await tables.newest(tenant, NAMES)).items():
                if (name, known) not in self._read:
                    self._keep((name, known), parse_document(name, await tables.body(tenant, name, number)))
                self._read.move_to_end((name, known))
                found[name] = self._read[name, known]
                if name == "catalog":
                    version, digest = number, known
        return Current(
            version,
            digest,
            cast(Catalog, found["catalog"]),
            cast(People, found["people"]),
            cast(Ownership, found["ownership"]),
            cast(Escalation, found["escalation"]),
        )

    def _keep(self, key: tuple[str, str], document: Document) -> None:
        self._read[key] = document
        while len(self._read) > KEPT:
            self._read.popitem(last=False)
