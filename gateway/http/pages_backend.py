"""What the pages need, over the same functions that answer /v1: gateway.web knows no table, no topic and no token."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence
from typing import Any, cast, get_args

from aiohttp import web

from gateway.catalog.importing import Given, Options
from gateway.http import (
    auth,
    catalog,
    cataloguing,
    changes,
    commands,
    correcting,
    fates,
    flooding,
    problems,
    reads,
    responding,
    suggestions,
)
from gateway.http import pipeline as pipelines
from gateway.http.fields import Fields
from gateway.http.keys import PRINCIPAL
from gateway.http.services import Services
from gateway.web.door import Reader
from projections import summary as summaries
from projections.cases import queries as case_queries
from projections.errors import NotReady
from projections.incidents import queries as incident_queries
from projections.incidents import suggestion_queries
from projections.overview import queries as overviews
from projections.pages import queries as page_queries
from projections.postgres import scoped
from projections.review import queries as review_queries
from schemas import ids
from schemas.messages.incidents.flooding import Verdict

Json = dict[str, Any]


class PagesBackend:
    """A `gateway.web.door.Backend`. Raises MandateError `incident_unknown`."""

    def __init__(self, services: Services) -> None:
        self._services = services

    @property
    def verbs(self) -> Collection[str]:
        """The commands that a person can give an incident."""
        return (*get_args(commands.Verb), *responding.WISHES, *correcting.VERBS)

    def reader(self, request: web.Request) -> Reader | None:
        """Who is signed in, or None. The operator has no tenant, so no pages."""
        who = request.get(PRINCIPAL)
        if who is None or who.tenant is None:
            return None
        return Reader(who.tenant, who.subject, who.kind, who.csrf, auth.may_configure(who, who.tenant))

    async def incidents(self, reader: Reader, asked: Mapping[str, str], cursor: str | None, limit: int) -> Json:
        """A page of incidents, by the parameters of GET /v1/incidents."""
        return await reads.listed(self._services, reader.tenant, asked, cursor, limit)

    async def incident(self, reader: Reader, name: str) -> Json:
        """One incident by INC-n or id."""
        async with scoped(self._services.read_models, reader.tenant) as scope:
            return await reads.incident(scope, name)

    async def timeline(self, reader: Reader, name: str, limit: int, beside: str | None = None) -> Json:
        """An incident's timeline, with that of another one between."""
        async with scoped(self._services.read_models, reader.tenant) as scope:
            found = await incident_queries.incident_timeline(scope, name, limit=limit, beside=beside)
        if found is None:
            raise commands.unknown(name)
        return found

    async def pages(self, reader: Reader, name: str | None, limit: int) -> Json:
        """Pages of an incident, or of all; the newest first."""
        async with scoped(self._services.read_models, reader.tenant) as scope:
            return await page_queries.pages(scope, incident=name, limit=limit)

    async def summary(self, reader: Reader) -> Json:
        """The tenant in numbers."""
        async with scoped(self._services.read_models, reader.tenant) as scope:
            return await summaries.summary(scope)

    async def overview(self, reader: Reader) -> Json | None:
        """What is open in short: what pages ask again and again comes from Redis, not from the tables."""
        try:
            return await overviews.overview(self._services.redis, reader.tenant, 0)
        except NotReady:
            return None

    async def change(self, reader: Reader, name: str) -> Json:
        """One change by its id."""
        async with scoped(self._services.read_models, reader.tenant) as scope:
            return await changes.change(scope, name)

    async def radius(self, reader: Reader, name: str) -> Json:
        """What an incident may have hit."""
        return await catalog.radius(self._services, reader.tenant, name)

    async def catalog(self, reader: Reader, words: str, cursor: str | None, limit: int) -> Json:
        """A page of the services."""
        current = await self._services.configurations.catalogs.of(reader.tenant)
        return catalog.listed(current, words, None, cursor, limit)

    async def take_catalog(
        self, reader: Reader, files: Sequence[tuple[str, bytes]], repository: str, dry: bool
    ) -> Json:
        """Make files the catalog. Raises Forbidden, ConfigurationError."""
        if not reader.admin:
            raise auth.not_yours()
        given, options = [Given(name, raw) for name, raw in files], Options(repository)
        return await cataloguing.take(self._services, reader.tenant, reader.subject, given, options, None, dry)

    async def calendar(self, reader: Reader) -> Json:
        """Maintenance windows and freezes, and their next times."""
        found = await self._services.configurations.show(reader.tenant)
        told = found["documents"].get("calendar") or {}
        windows, freezes = told.get("maintenance_windows") or [], told.get("change_freezes") or []
        return {"windows": windows, "freezes": freezes, "next": found["next_windows"]}

    async def service(self, reader: Reader, name: str) -> Json:
        """One service."""
        return catalog.service(await self._services.configurations.catalogs.of(reader.tenant), name)

    async def cases(self, reader: Reader, cursor: str | None, limit: int) -> Json:
        """A page of cases."""
        async with scoped(self._services.read_models, reader.tenant) as scope:
            return await case_queries.cases(scope, limit=limit, cursor=cursor)

    async def case(self, reader: Reader, name: str) -> Json:
        """One case by CASE-n or id."""
        async with scoped(self._services.read_models, reader.tenant) as scope:
            return await reads.case(scope, name)

    async def pipeline(self, reader: Reader) -> Json:
        """The health of the pipeline."""
        return await pipelines.pipeline(self._services, reader.tenant)

    async def fate(self, reader: Reader, asked: str, actor: str | None) -> Json:
        """What became of an action."""
        return await fates.fate_of(self._services, reader.tenant, asked, actor)

    async def suggestions(self, reader: Reader, state: str, cursor: str | None, limit: int) -> Json:
        """A page of suggestions."""
        async with scoped(self._services.read_models, reader.tenant) as scope:
            return await suggestion_queries.suggestions(scope, limit=limit, cursor=cursor, state=state)

    async def decide(self, reader: Reader, name: str, verb: str, said: Mapping[str, str]) -> str:
        """A person's decision on a suggestion; returns what became of it in one sentence. Raises MandateError."""
        if reader.kind != "person":
            return "Only a person can decide on a suggestion; this token is not a person's."
        known = cast(suggestions.Verb, verb)  # the route takes no other
        body = Fields({key: value.strip() for key, value in said.items() if value.strip()})
        words = suggestions.said(known, body)
        asked = await suggestions.ask(self._services, reader.tenant, reader.subject, known, name, words, None)
        if asked.answered is None:
            return f"It is on its way; no answer yet (command {ids.text(asked.command_id)})."
        if asked.answered.answer.code != commands.ACCEPTED:
            refused = commands.refusal(asked.answered)
            return f"Not done: {refused['detail']} {refused['remedy']}"
        return "It is an incident now." if known == "accept" else "It is dismissed."

    async def reviews(self, reader: Reader, verdict: str, cursor: str | None, limit: int) -> Json:
        """A page of what was flagged, and the tenant's external dependencies."""
        wanted = None if verdict == "all" else verdict
        async with scoped(self._services.read_models, reader.tenant) as scope:
            found = await review_queries.reviews(scope, limit=limit, cursor=cursor, verdict=wanted)
            return found | {"dependencies": (await review_queries.dependencies(scope))["items"]}

    async def judge(self, reader: Reader, name: str, verb: str, note: str | None) -> str:
        """A person's verdict on what was flagged; returns what became of it in one sentence. Raises MandateError."""
        flood_id = ids.parse(name)
        if reader.kind != "person" or flood_id is None:
            return "Only a person can judge what was flagged, by its id."
        verdict: Verdict = "confirmed" if verb == "confirm" else "released"
        asked = await flooding.give_verdict(
            self._services, reader.tenant, reader.subject, flood_id, verdict, note, None
        )
        if asked.answered is None:
            return f"It is on its way; no answer yet (command {ids.text(asked.command_id)})."
        if asked.answered.answer.code != commands.ACCEPTED:
            refused = commands.refusal(asked.answered)
            return f"Not done: {refused['detail']} {refused['remedy']}"
        return f"It is {verdict}."

    def problem(self, error: Exception) -> Json:
        """The same document as /v1 would answer, where a person reads it."""
        return cast(Json, json.loads(cast(bytes, problems.of(error).body)))

    async def answer(self, reader: Reader, name: str, verb: str, said: Mapping[str, str]) -> str:
        """Send a command of a person; returns what became of it in one sentence. Raises MandateError."""
        if reader.kind != "person":
            return "Only a person can take or end an incident; this token is not a person's."
        if verb in correcting.VERBS:
            return await correcting.from_form(self._services, reader.tenant, reader.subject, verb, name, said)
        incident_id = await commands.find(self._services, reader.tenant, name)
        if verb in responding.WISHES:
            return await responding.from_form(self._services, reader.tenant, reader.subject, verb, incident_id, said)
        known = cast(commands.Verb, verb)  # the route takes no other
        # An empty field of a form is one that was not filled in.
        given = commands.said(known, Fields({key: value.strip() for key, value in said.items() if value.strip()}))
        asked = await commands.ask(self._services, reader.tenant, reader.subject, known, incident_id, given, None)
        if asked.answered is None:
            return f"It is on its way; no answer yet (command {ids.text(asked.command_id)})."
        if responding.WAITS in asked.answered.answer.reasons:
            return "It waits for those who must agree; see below."
        if asked.answered.answer.code == commands.ACCEPTED:
            return _DONE[known].format(given.assignee if known == "assign" else given.severity)
        refused = commands.refusal(asked.answered)
        return f"Not done: {refused['detail']} {refused['remedy']}"


_DONE: Mapping[commands.Verb, str] = {
    "acknowledge": "You have it.",
    "assign": "{} has it now, and is to be told: paging goes on until somebody acknowledges.",
    "contain": "It is contained.",
    "resolve": "It is resolved.",
    "reopen": "It is open again.",
    "close": "It is closed.",
    "severity": "It is {} now.",
}
