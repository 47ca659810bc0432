"""Accepting a tenant's configuration, and showing it.

Accepting is one Postgres transaction: new versions, the rows of their announcements, tokens, the webhook secret. The
log hears of it from outbox.py; until then `announced` is false.
"""

from __future__ import annotations

import asyncio
import json
import logging
import secrets
import time
from base64 import b64encode
from collections.abc import Callable, Mapping
from hashlib import sha256
from typing import Any, cast

from gateway.catalog.current import Catalogs
from gateway.configuration import calendars, difference, request, resolving, targets
from gateway.configuration.request import Request
from gateway.configuration.store import Pool, Tables, Version
from processors.effects.addresses import Rules
from schemas import ids
from schemas.calendar import Calendar
from schemas.configuration import DERIVED, Document, check_tenant, parse_document
from schemas.envelope import time_text
from schemas.errors import ConfigurationError
from schemas.partitioning import partition_of
from schemas.topology import Topology

log = logging.getLogger("gateway.configuration")

SECRET_BYTES = 32
Json = dict[str, Any]


def places_of(topology: Topology, tenant: str, document: str) -> list[tuple[str, int]]:
    """(topic, partition) on which a tenant's document is announced: every one, or the tenant's, as the map says."""
    out = []
    for room in topology.readers_of_document(document):
        count = topology.partitions(room.input)
        if room.announced == "all":
            out += [(room.input, p) for p in range(count)]
        else:
            out.append((room.input, partition_of(ids.key_of(tenant).encode(), count)))
    return sorted(set(out))


def place_of_change(topology: Topology, tenant: str) -> tuple[str, int]:
    """(topic, partition) where the incidents processor reads of a tenant's changes."""
    topic = topology.rooms["incidents"].input
    return topic, partition_of(ids.key_of(tenant).encode(), topology.partitions(topic))


class Configurations:
    """`accepted` is called after each transaction that left something to announce (it wakes the outbox).

    `resolve` gives the addresses of a name (resolving.py).
    """

    def __init__(
        self,
        pool: Pool,
        topology: Topology,
        accepted: Callable[[], None],
        webhooks: Rules,
        resolve: resolving.Resolve = resolving.by_the_system,
        clock: Callable[[], int] = lambda: time.time_ns() // 1_000_000,
    ) -> None:
        self._clock = clock
        self._pool = pool
        self._topology = topology
        self._accepted = accepted
        self._webhooks = webhooks
        self._resolve = resolve
        self.catalogs = Catalogs(pool)

    async def put(self, tenant: str, plain: Any, by: str) -> Json:
        """Accept (or with dry_run: only check) a configuration request. Raises ConfigurationError.

        A webhook whose name leads nowhere, or where nothing may be sent, is a warning.
        """
        wanted = request.parse(tenant, plain)
        async with self._pool.connection() as connection, connection.transaction(force_rollback=wanted.dry_run):
            tables = Tables(connection)
            await tables.lock(tenant)
            current = await tables.current(tenant)
            _check_expected(wanted, current)
            # A large catalog takes a quarter of a second of a core to read.
            documents = await asyncio.to_thread(_check_whole, wanted, current, self._webhooks)
            changed = _changed(wanted, current)
            changed |= _derived(current | changed, self._clock())
            for name, version in changed.items():
                await tables.add(tenant, name, version, by)
                await tables.enqueue(tenant, name, version.version, places_of(self._topology, tenant, name))
                # What a tenant begins with takes the place of nothing, and what is derived changes with its source.
                if current and name not in DERIVED:
                    place = place_of_change(self._topology, tenant)
                    await tables.enqueue_change(tenant, name, version.version, place)
            if wanted.tokens is not None and not await tables.replace_tokens(tenant, wanted.tokens):
                raise _token_taken()
            await tables.keep_secret(tenant, "whsec_" + b64encode(secrets.token_bytes(SECRET_BYTES)).decode())
        if changed and not wanted.dry_run:
            self._accepted()
        if _targets_change(wanted):
            for said in await resolving.unreachable(documents, self._webhooks, self._resolve):
                wanted.warnings.add(*said)
        after = current | changed
        answer = {
            "tenant": tenant,
            "changed": [_change(name, current.get(name), version) for name, version in changed.items()],
            "versions": {name: after[name].version for name in sorted(after)},
        }
        return wanted.warnings.beside(answer)

    async def renew(self) -> int:
        """Announce the next times of every tenant's windows, where they are others than announced; how many tenants.

        Raises psycopg.Error. A calendar that cannot be made times of any more stays as it was announced.
        """
        async with self._pool.connection() as connection, connection.transaction():
            tenants = await Tables(connection).tenants_with("calendar")
        renewed = 0
        for tenant in tenants:
            async with self._pool.connection() as connection, connection.transaction():
                tables = Tables(connection)
                await tables.lock(tenant)
                current = await tables.current(tenant)
                try:
                    found = _derived(current, self._clock())
                except ConfigurationError as error:
                    log.warning("the calendar of %s is not announced anew: %s", tenant, error)
                    continue
                for name, version in found.items():
                    await tables.add(tenant, name, version, "calendar")
                    await tables.enqueue(tenant, name, version.version, places_of(self._topology, tenant, name))
                renewed += bool(found)
        if renewed:
            self._accepted()
        return renewed

    async def show(self, tenant: str) -> Json:
        """Documents, versions, whether each is announced, and the webhook secret (None before the first PUT).

        `next_windows`: what the calendar has at hand or comes next, as the processors were told.
        """
        request.check_tenant_name(tenant)
        async with self._pool.connection() as connection, connection.transaction():
            tables = Tables(connection)
            current = await tables.current(tenant)
            announced = await tables.announced(tenant)
            secret = await tables.secret(tenant)
        return {
            "tenant": tenant,
            "documents": {n: json.loads(version.body) for n, version in current.items() if n not in DERIVED},
            "versions": {name: version.version for name, version in current.items()},
            # A document that no processor reads has nothing to announce.
            "announced": {name: announced.get((name, v.version), True) for name, v in current.items()},
            "webhook_secret": secret,
            "next_windows": _next_windows(current, self._clock()),
        }

    async def token(self, sha256_hex: str) -> Json | None:
        """tenant, subject, kind and roles of a token's hash, or None."""
        async with self._pool.connection() as connection, connection.transaction():
            found = await Tables(connection).token(sha256_hex)
        return None if found is None else dict(found)


def _derived(current: Mapping[str, Version], now_ms: int) -> dict[str, Version]:
    """The version of `occurrences` that follows from the calendar in force, where it is another one."""
    if "calendar" not in current:
        return {}
    calendar = cast(Calendar, parse_document("calendar", current["calendar"].body))
    body = calendars.occurrences(calendar, now_ms)
    before = current.get("occurrences")
    digest = sha256(body).hexdigest()
    if before is not None and before.hash == digest:
        return {}
    return {"occurrences": Version(before.version + 1 if before else 1, digest, body)}


def _next_windows(current: Mapping[str, Version], now_ms: int) -> list[Json]:
    if "occurrences" not in current:
        return []
    found = calendars.next_times(current["occurrences"].body, now_ms)
    return [each | {"start": time_text(each["start"]), "end": time_text(each["end"])} for each in found]


def _check_expected(wanted: Request, current: dict[str, Version]) -> None:
    for name, expected in wanted.expected.items():
        actual = current[name].version if name in current else 0
        if actual != expected:
            raise ConfigurationError(
                "configuration_conflict",
                f"document {name}",
                f"it is at version {actual}, not {expected}",
                "Somebody changed it: look at it again (`mandate config show`) and repeat.",
                field=f"expected.{name}",
            )


def _changed(wanted: Request, current: dict[str, Version]) -> dict[str, Version]:
    out = {}
    for name, body in wanted.bodies.items():
        before = current.get(name)
        digest = sha256(body).hexdigest()
        if before is None or before.hash != digest:
            out[name] = Version(before.version + 1 if before else 1, digest, body)
    return out


def _targets_change(wanted: Request) -> bool:
    """Only then: stricter settings must not stand in the way of a change of something else."""
    return bool({"people", "targets"} & wanted.bodies.keys())


# Documents that nothing else of a tenant speaks of.
_ALONE = frozenset({"catalog"})


def _check_whole(wanted: Request, current: dict[str, Version], webhooks: Rules) -> dict[str, Document]:
    documents: dict[str, Document] = {
        name: parse_document(name, v.body)
        for name, v in current.items()
        if name not in wanted.bodies and name not in _ALONE
    }
    documents |= {name: parse_document(name, body) for name, body in wanted.bodies.items()}
    check_tenant(documents)
    if _targets_change(wanted):
        targets.check(documents, webhooks)
    return documents


def _change(name: str, before: Version | None, after: Version) -> Json:
    old = None if before is None else json.loads(before.body)
    return {
        "document": name,
        "from": before.version if before else 0,
        "to": after.version,
        "diff": difference.lines(old, json.loads(after.body)),
    }


def _token_taken() -> ConfigurationError:
    return ConfigurationError(
        "token_taken",
        "a token",
        "it belongs to another tenant",
        "Make a new one; a token has one tenant.",
        field="tokens",
    )
