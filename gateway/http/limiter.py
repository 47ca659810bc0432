"""Limits at the door whom the read model `review` has flagged: a suspected flood to its rate, a confirmed one wholly.

Looked up in the background, never in a request: the first actions of a tenant pass, and where the read model cannot be
asked everything does (it fails open: a limit must not depend on a database being there). Only what is let in counts, so
a sender that insists is not punished for it. Each gateway counts for itself.
"""

from __future__ import annotations

import asyncio
import logging
import math
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field

import psycopg

from gateway.http.errors import Busy
from projections.postgres import Pool, scoped
from projections.review import queries
from projections.review.queries import Limit
from schemas.errors import MandateError

log = logging.getLogger("gateway.limiter")

# A verdict acts within two seconds; each tenant that sends asks once so often.
LOOK_EVERY_S = 2.0
# What was found longer ago says nothing any more.
VALID_S = 30.0
# Tenants that are remembered: 1 KB each and their limits. When full it starts anew.
TENANTS = 10_000
# A confirmed block may last for hours, and be lifted before.
RETRY_MAX_S = 60

Read = Callable[[str, int], Awaitable[Sequence[Limit]]]


@dataclass(slots=True)
class _Bucket:
    """Actions that may pass now; refilled at `rate` a second, at most one second's worth."""

    rate: int
    left: float
    at: float

    def refill(self, now: float) -> float:
        self.left = min(float(self.rate), self.left + (now - self.at) * self.rate)
        self.at = now
        return self.left


@dataclass(slots=True)
class _Tenant:
    """What is known of a tenant, and since when (monotonic s)."""

    found_at: float = float("-inf")
    asked_at: float = float("-inf")
    limits: Mapping[str, Limit] = field(default_factory=dict)  # by actor; "": the tenant
    buckets: dict[str, _Bucket] = field(default_factory=dict)


def reading(pool: Pool) -> Read:
    """Asks the read model."""

    async def read(tenant: str, now: int) -> Sequence[Limit]:
        async with scoped(pool, tenant) as scope:
            return await queries.limits(scope, now)

    return read


class Limiter:
    """`admit` an action, or say when to come again."""

    def __init__(self, read: Read, clock: Callable[[], int], monotonic: Callable[[], float] = time.monotonic) -> None:
        self._read, self._clock, self._monotonic = read, clock, monotonic
        self._tenants: dict[str, _Tenant] = {}
        self._looking: set[asyncio.Task[None]] = set()
        self._failing = False

    def limits(self, tenant: str) -> bool:
        """Whether anything of this tenant is limited; starts a look in the background when it is time for one."""
        known = self._tenants.get(tenant)
        if known is None:
            if len(self._tenants) >= TENANTS:
                self._tenants.clear()
            known = self._tenants[tenant] = _Tenant()
        now = self._monotonic()
        if now - known.asked_at >= LOOK_EVERY_S:
            known.asked_at = now
            task = asyncio.get_running_loop().create_task(self.look(tenant))
            self._looking.add(task)
            task.add_done_callback(self._looking.discard)
        return bool(known.limits) and now - known.found_at <= VALID_S

    async def look(self, tenant: str) -> None:
        """Ask what is limited; what cannot be asked stays as it is until it is too old."""
        try:
            found = await self._read(tenant, self._clock())
        except (MandateError, psycopg.Error, OSError, TimeoutError) as error:
            if not self._failing:
                log.warning("verdicts are not known, nothing is limited: %s: %s", type(error).__name__, error)
            self._failing = True
            return
        self._failing = False
        known = self._tenants.setdefault(tenant, _Tenant())
        limits: dict[str, Limit] = {}
        for limit in found:
            other = limits.get(limit.actor)
            if other is None or limit.rate < other.rate:
                limits[limit.actor] = limit
        known.limits, known.found_at = limits, self._monotonic()
        known.buckets = {actor: b for actor, b in known.buckets.items() if actor in limits}

    def admit(self, tenant: str, actor: str) -> None:
        """One action more. Raises Busy `flood_limited`; refused ones are not counted."""
        known = self._tenants.get(tenant)
        if known is None or not known.limits:
            return
        now, at = self._clock(), self._monotonic()
        taken: list[_Bucket] = []
        for name in ("", actor) if actor else ("",):
            limit = known.limits.get(name)
            if limit is None or now >= limit.until:
                continue
            if not limit.rate:
                raise _busy(limit, math.ceil((limit.until - now) / 1_000))
            bucket = known.buckets.get(name)
            if bucket is None or bucket.rate != limit.rate:
                bucket = known.buckets[name] = _Bucket(limit.rate, float(limit.rate), at)
            if bucket.refill(at) < 1:
                raise _busy(limit, 1)
            taken.append(bucket)
        for bucket in taken:
            bucket.left -= 1

    async def close(self) -> None:
        """End what is under way."""
        for task in self._looking:
            task.cancel()
        await asyncio.gather(*self._looking, return_exceptions=True)


def _busy(limit: Limit, seconds: int) -> Busy:
    whom = f"actor {limit.actor}" if limit.actor else "the tenant"
    why = f"{whom} was flagged ({limit.kind.replace('_', ' ')}) and may send {limit.rate:,} actions a second"
    if not limit.rate:
        why = f"{whom} was flagged ({limit.kind.replace('_', ' ')}), and a person has confirmed it"
    error = Busy(
        "flood_limited",
        "the action",
        why,
        "It was not written: send it again after Retry-After. A person can lift it: `mandate review release`.",
    )
    error.retry_after = max(1, min(RETRY_MAX_S, seconds))
    return error
