"""What people say of the grouping: split, merge, undo; and what may be related.

Called by routes.py and, for the same commands as forms, by pages_backend.py.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Literal, get_args

from aiohttp import web

from gateway.http import commands, reads
from gateway.http.answering import answer as _json
from gateway.http.answering import query_of
from gateway.http.auth import principal_of, tenant_of
from gateway.http.bodies import json_body
from gateway.http.commands import Asked
from gateway.http.errors import Invalid
from gateway.http.fields import Fields, invalid
from gateway.http.ingest import idempotency_key
from gateway.http.keys import SERVICES
from gateway.http.services import Services
from projections.postgres import scoped
from schemas import ids
from schemas.messages.incidents import MergeIncident, SplitIncident, UndoCorrection
from schemas.messages.incidents.correcting import REASON_MAX, SPLIT_MAX, split_off_id

Verb = Literal["split", "merge", "undo"]
VERBS: tuple[str, ...] = get_args(Verb)
DONE: Mapping[str, str] = {
    "split": "These failures are an incident of their own now.",
    "merge": "They are one incident now.",
    "undo": "It is undone.",
}


def post(verb: Verb) -> Callable[[web.Request], Awaitable[web.Response]]:
    """The handler of POST /v1/incidents/{incident}/<verb>."""

    async def handle(request: web.Request) -> web.Response:
        async with json_body(request, empty={}) as plain:
            body = Fields(plain)
            given = _given(verb, body)
            body.done()
        who, services = principal_of(request), request.app[SERVICES]
        key = idempotency_key(request)
        asked = await ask(services, who.tenant or "", who.subject, verb, request.match_info["incident"], given, key)
        if verb == "split" and asked.answered is not None:
            made = ids.text(split_off_id(asked.command_id, who.tenant or ""))
            return commands.answer(asked, body.warnings, {"incident_id": made})
        return commands.answer(asked, body.warnings)

    return handle


def _given(verb: Verb, body: Fields) -> dict[str, Any]:
    """The fields of a command: `reason` of all; `events` of split; `into` or `with` of merge. Raises Invalid."""
    out: dict[str, Any] = {"reason": body.required("reason", REASON_MAX)}
    if verb == "split":
        out["events"] = _events(body.take("events"))
    if verb == "merge":
        into, other = body.text("into"), body.text("with")
        if (into is None) == (other is None):
            why = "neither is given" if into is None else "both are given"
            remedy = "Name the incident that this one goes into, or, as `with`, one that goes into this one."
            raise invalid("field_required", "into", why, remedy)
        out |= {"into": into, "with": other}
    return out


def _events(value: Any) -> tuple[bytes, ...]:
    remedy = "Send a list of `event_id` from the incident's timeline."
    if not isinstance(value, list) or not value:
        raise invalid("field_required", "events", "it is no list of ids, or empty", remedy)
    if len(value) > SPLIT_MAX:
        raise Invalid("too_many_events", "events", f"it has {len(value)} ids, more than {SPLIT_MAX}", remedy)
    found = [ids.parse(item) if isinstance(item, str) else None for item in value]
    for n, event in enumerate(found):
        if event is None:
            raise invalid("field_malformed", f"events[{n}]", "it is no id", remedy)
    return tuple(event for event in found if event is not None)


async def ask(
    services: Services, tenant: str, subject: str, verb: str, name: str, given: Mapping[str, Any], key: str | None
) -> Asked:
    """Give a command of the grouping. Raises HostError, NotFound, Unavailable."""
    incident_id = await commands.find(services, tenant, name)
    command_id, now, reason = commands.command_id_of(tenant, key), services.clock(), given["reason"]
    if verb == "split":
        events = given["events"]
        head = (tenant, command_id, ids.derive("body", verb, incident_id, subject, reason, *events), subject)
        return await commands.send(services, SplitIncident(*head, incident_id, now, events, reason))
    if verb == "merge":
        other = await commands.find(services, tenant, given["into"] or given["with"])
        gone, into = (incident_id, other) if given["into"] else (other, incident_id)
        head = (tenant, command_id, ids.derive("body", verb, gone, into, subject, reason), subject)
        return await commands.send(services, MergeIncident(*head, gone, now, into, reason))
    head = (tenant, command_id, ids.derive("body", verb, incident_id, subject, reason), subject)
    return await commands.send(services, UndoCorrection(*head, incident_id, now, reason))


async def from_form(
    services: Services, tenant: str, subject: str, verb: str, name: str, form: Mapping[str, Any]
) -> str:
    """The same by a page's form; what became of it in one sentence. Raises MandateError."""
    plain: dict[str, Any] = {
        key: value.strip() for key, value in form.items() if isinstance(value, str) and value.strip()
    }
    if verb == "split":
        plain["events"] = plain.get("events", "").split()
    known: Verb = "split" if verb == "split" else "merge" if verb == "merge" else "undo"
    asked = await ask(services, tenant, subject, verb, name, _given(known, Fields(plain)), None)
    if asked.answered is None:
        return f"It is on its way; no answer yet (command {ids.text(asked.command_id)})."
    if asked.answered.answer.code == commands.ACCEPTED:
        return DONE[verb]
    refused = commands.refusal(asked.answered)
    return f"Not done: {refused['detail']} {refused['remedy']}"


async def get_related(request: web.Request) -> web.Response:
    """GET /v1/incidents/{incident}/related: what may belong together with it, the likeliest first."""
    query_of(request)
    async with scoped(request.app[SERVICES].read_models, tenant_of(request)) as scope:
        found = await reads.incident(scope, request.match_info["incident"])
    return _json({"incident": found["name"], "items": found["related"], "as_of": found["as_of"]})
