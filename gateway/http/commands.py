"""What people tell an incident: acknowledge, resolve. To the log as a command, and back with the processor's answer.

The command's id comes from (tenant, Idempotency-Key), else it is drawn here, at the door. Its actor is the token's
subject, never a field of the body. Without an answer in one second the caller gets 202 and the command's address.
"""

from __future__ import annotations

import asyncio
import secrets
from dataclasses import dataclass
from typing import Any, Literal

from aiohttp import web

from gateway.http import problems
from gateway.http.answers import Answered
from gateway.http.auth import principal_of
from gateway.http.bodies import json_body
from gateway.http.errors import NotFound, Unavailable
from gateway.http.fields import TEXT_MAX, Fields, Warnings
from gateway.http.ingest import ACKNOWLEDGE_S, idempotency_key
from gateway.http.keys import SERVICES
from gateway.http.services import Services
from processors.host.errors import HostError
from projections.incidents import queries
from projections.postgres import scoped
from schemas import codec, ids
from schemas.envelope import headers_of
from schemas.messages.incidents import AcknowledgeIncident, ResolveIncident
from schemas.messages.kernel import Answer
from schemas.record import Output

TOPIC = "incidents.commands"
ANSWER_S = 1.0
ACCEPTED = "accepted"
Verb = Literal["acknowledge", "resolve"]


@dataclass(frozen=True, slots=True)
class Asked:
    """What became of a command so far; `answered` None when nobody has answered in time."""

    command_id: bytes
    answered: Answered | None


async def post_acknowledge(request: web.Request) -> web.Response:
    """POST /v1/incidents/{incident}/acknowledge."""
    return await _post(request, "acknowledge")


async def post_resolve(request: web.Request) -> web.Response:
    """POST /v1/incidents/{incident}/resolve."""
    return await _post(request, "resolve")


async def _post(request: web.Request, verb: Verb) -> web.Response:
    async with json_body(request, empty={}) as plain:
        body = Fields(plain)
        note = body.text("note", TEXT_MAX)
        body.done()
    who, services = principal_of(request), request.app[SERVICES]
    tenant = who.tenant or ""
    incident_id = await find(services, tenant, request.match_info["incident"])
    asked = await ask(services, tenant, who.subject, verb, incident_id, note, idempotency_key(request))
    return _answer(asked, body.warnings)


async def find(services: Services, tenant: str, name: str) -> bytes:
    """The id of an incident by INC-n or id. Raises NotFound. An id that no read model has yet is taken at its word."""
    async with scoped(services.read_models, tenant) as scope:
        found = await queries.incident_id(scope, name)
    found = found or ids.parse(name)
    if found is None:
        raise unknown(name)
    return found


def unknown(name: str) -> NotFound:
    """The problem of an incident that is not there."""
    why = "there is no such incident"
    return NotFound("incident_unknown", f"incident {name[:64]}", why, "See `mandate incidents`.", field="incident")


async def ask(
    services: Services, tenant: str, subject: str, verb: Verb, incident_id: bytes, note: str | None, key: str | None
) -> Asked:
    """Send the command and wait a second for its answer. Raises HostError, Unavailable when it cannot be sent."""
    command_id = ids.derive("command", tenant, secrets.token_bytes(16) if key is None else key)
    output = _record(services, tenant, subject, verb, incident_id, note, command_id)
    # Registered and handed over without a pause between them: the order of waiting is the order on the partition.
    future = services.answers.expect(tenant, command_id)
    try:
        sent = services.sender.submit(output)
        # The answer may be here before the acknowledgement; without the latter there is nothing to wait for.
        async with asyncio.timeout(ACKNOWLEDGE_S):
            await sent
        answered = None
        if future is not None:
            done, _ = await asyncio.wait((future,), timeout=ANSWER_S)
            answered = future.result() if done else None
    except TimeoutError as error:
        why = "the log did not acknowledge it in time"
        raise Unavailable("send_failed", "the command", why, "Send it again with the same Idempotency-Key.") from error
    except HostError:
        services.metrics.commands.labels("unacknowledged").inc()
        raise
    finally:
        if future is not None:
            services.answers.forget(tenant, command_id, future)
    outcome = "unanswered" if answered is None else ACCEPTED if answered.answer.code == ACCEPTED else "refused"
    services.metrics.commands.labels(outcome).inc()
    return Asked(command_id, answered)


def _record(
    services: Services,
    tenant: str,
    subject: str,
    verb: Verb,
    incident_id: bytes,
    note: str | None,
    command_id: bytes,
) -> Output:
    now = services.clock()
    body_hash = ids.derive("body", verb, incident_id, subject, note or "")
    message: AcknowledgeIncident | ResolveIncident
    if verb == "acknowledge":
        message = AcknowledgeIncident(tenant, command_id, body_hash, subject, incident_id, now)
    else:
        message = ResolveIncident(tenant, command_id, body_hash, subject, incident_id, now, note)
    key = ids.key_of(tenant)
    headers = headers_of(command_id, type(message).__name__, "gateway", key, now)
    return Output(TOPIC, None, key.encode(), codec.encode(message), headers)


def plain(answer: Answer) -> dict[str, Any]:
    """An answer as JSON shows it."""
    return {
        "command_id": ids.text(answer.command_id),
        "code": answer.code,
        "reasons": list(answer.reasons),
        "events": [ids.text(event) for event in answer.event_ids],
    }


def _answer(asked: Asked, warnings: Warnings) -> web.Response:
    address = f"/v1/commands/{ids.text(asked.command_id)}"
    if asked.answered is None:
        return web.json_response(warnings.beside({"command": address}), status=202, headers={"Location": address})
    answer = asked.answered.answer
    if answer.code == ACCEPTED:
        return web.json_response(warnings.beside(plain(answer)))
    return problems.response(refusal(asked.answered))


def refusal(answered: Answered) -> problems.Problem:
    """The problem document of a command that a processor refused: its code, and its words where it gave some."""
    answer, refused = answered.answer, answered.refused
    words = refused is not None and refused.code == answer.code
    return plain(answer) | {
        "type": f"urn:mandate:problem:{answer.code}",
        "title": "the command was refused",
        "status": problems.STATUS.get(answer.code, 409),
        "detail": refused.why if refused is not None and words else ", ".join(answer.reasons) or answer.code,
        "remedy": refused.remedy if refused is not None and words else "Look at the incident and decide anew.",
    }


async def get_command(request: web.Request) -> web.Response:
    """GET /v1/commands/{id}: what became of it; `pending` as long as nobody has answered."""
    who, services = principal_of(request), request.app[SERVICES]
    command_id = ids.parse(request.match_info["command"])
    if command_id is None:
        raise NotFound(
            "command_unknown", "the command", "this is no command's id", "Use the address that the answer 202 gave."
        )
    tenant = who.tenant or ""
    async with scoped(services.read_models, tenant) as scope:
        found = await queries.command(scope, command_id)
    recent = services.answers.get(tenant, command_id)
    # The log's tail is ahead of the read model.
    if found["state"] == "pending" and recent is not None:
        found |= {"state": "answered"} | plain(recent.answer)
        if recent.refused is not None and recent.refused.code == recent.answer.code:
            found |= {"why": recent.refused.why, "remedy": recent.refused.remedy}
    return web.json_response(found)
