"""What the pages need, over the same functions that answer /v1: gateway.web knows no table, no topic and no token."""

from __future__ import annotations

from typing import Any, cast

from aiohttp import web

from gateway.http import commands, reads
from gateway.http.keys import PRINCIPAL
from gateway.http.services import Services
from gateway.web.pages import Reader
from projections import summary as summaries
from projections.incidents import queries as incident_queries
from projections.pages import queries as page_queries
from projections.postgres import scoped
from schemas import ids

Json = dict[str, Any]


class PagesBackend:
    """A `gateway.web.pages.Backend`. Raises MandateError `incident_unknown`."""

    def __init__(self, services: Services) -> None:
        self._services = services

    def reader(self, request: web.Request) -> Reader | None:
        """Who is signed in, or None. The operator has no tenant, so no pages."""
        who = request.get(PRINCIPAL)
        if who is None or who.tenant is None:
            return None
        return Reader(who.tenant, who.subject, who.kind, who.csrf)

    async def incidents(self, reader: Reader, state: str | None, cursor: str | None, limit: int) -> Json:
        """A page of incidents."""
        async with scoped(self._services.read_models, reader.tenant) as scope:
            return await incident_queries.incidents(scope, limit=limit, cursor=cursor, state=state)

    async def incident(self, reader: Reader, name: str) -> Json:
        """One incident by INC-n or id."""
        async with scoped(self._services.read_models, reader.tenant) as scope:
            return await reads.incident(scope, name)

    async def timeline(self, reader: Reader, name: str, limit: int) -> Json:
        """An incident's timeline."""
        async with scoped(self._services.read_models, reader.tenant) as scope:
            found = await incident_queries.incident_timeline(scope, name, limit=limit)
        if found is None:
            raise commands.unknown(name)
        return found

    async def pages(self, reader: Reader, name: str, limit: int) -> Json:
        """An incident's pages."""
        async with scoped(self._services.read_models, reader.tenant) as scope:
            return await page_queries.pages(scope, incident=name, limit=limit)

    async def exhausted(self, reader: Reader) -> list[Json]:
        """Incidents whose escalation ended without an answer and that nobody has taken since."""
        async with scoped(self._services.read_models, reader.tenant) as scope:
            return cast(list[Json], (await summaries.summary(scope))["exhausted"])

    async def answer(self, reader: Reader, name: str, verb: str) -> str:
        """Send acknowledge or resolve for a person; returns what became of it in one sentence."""
        if reader.kind != "person":
            return "Only a person can take or end an incident; this token is not a person's."
        incident_id = await commands.find(self._services, reader.tenant, name)
        known: commands.Verb = "acknowledge" if verb == "acknowledge" else "resolve"
        asked = await commands.ask(self._services, reader.tenant, reader.subject, known, incident_id, None, None)
        if asked.answered is None:
            return f"It is on its way; no answer yet (command {ids.text(asked.command_id)})."
        if asked.answered.answer.code == commands.ACCEPTED:
            return "You have it." if known == "acknowledge" else "It is resolved."
        refused = commands.refusal(asked.answered)
        return f"Not done: {refused['detail']} {refused['remedy']}"
