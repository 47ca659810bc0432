"""What the story sees: read models of its tenant through `/v1`, by the token of one of its people."""

from __future__ import annotations

from typing import Any

from gateway.cli.client import Client, Json, Refused

PAGE_LIMIT = 1_000
# The story has 1,850 actions; a cursor that never ends is a bug, not a reason to read for ever.
PAGES_MAX = 50


class Watch:
    """Questions to `/v1`. Each asks anew; nothing is remembered. Raises Unreachable, Refused."""

    def __init__(self, client: Client) -> None:
        self._client = client

    async def incidents(self) -> list[Json]:
        """All incidents of the tenant."""
        return await self._all("/v1/incidents")

    async def incident(self) -> Json | None:
        """The first incident, or None."""
        found = await self.incidents()
        return min(found, key=lambda incident: int(incident["number"])) if found else None

    async def cause(self) -> Json | None:
        """What is thought to have caused the first incident, once there is a candidate."""
        cause = (await self.incident() or {}).get("cause") or {}
        return cause if cause.get("candidate") else None

    async def alerts(self) -> list[Json]:
        """The external alerts that joined the first incident, newest first."""
        first = await self.incident()
        if first is None:
            return []
        return list((await self._client.get(f"/v1/incidents/{first['id']}")).get("alerts") or [])

    async def pages(self) -> list[Json]:
        """All pages of the tenant, oldest first."""
        return sorted(await self._all("/v1/pages"), key=lambda page: str(page["requested_at"]))

    async def cases(self) -> list[Json]:
        """All RML cases of the tenant, oldest first."""
        return sorted(await self._all("/v1/cases"), key=lambda case: int(case["number"]))

    async def ledger(self) -> list[Json]:
        """The tenant's ledger of effects, oldest first."""
        return await self._all("/v1/ledger")

    async def summary(self) -> Json:
        """The tenant's counters."""
        return await self._client.get("/v1/summary")

    async def action(self, event_id: str) -> Json | None:
        """One action of the timeline, or None while it has not arrived."""
        try:
            return await self._client.get(f"/v1/timeline/{event_id}")
        except Refused as refused:
            if refused.status == 404:
                return None
            raise

    async def timeline(self, **query: str | int | None) -> list[Json]:
        """The newest rows, at most one answer."""
        answer = await self._client.get("/v1/timeline", order="newest", limit=200, **query)
        return list(answer.get("items") or [])

    async def rows(self) -> list[str]:
        """The event ids of all rows of the timeline."""
        return [str(item["event_id"]) for item in await self._all("/v1/timeline", order="arrival")]

    async def _all(self, path: str, **query: str) -> list[Json]:
        out: list[Json] = []
        cursor: Any = None
        for _ in range(PAGES_MAX):
            answer = await self._client.get(path, limit=PAGE_LIMIT, cursor=cursor, **query)
            out += answer.get("items") or []
            cursor = answer.get("next")
            if not cursor:
                break
        return out
