"""What people tell an incident (`Verb`): to the log as a command, and back with the processor's answer.

The command's id comes from (tenant, Idempotency-Key), else it is drawn here, at the door. Its actor is the token's
subject, never a field of the body. Without an answer in one second the caller gets 202 and the command's address.
"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal, Protocol, cast

from aiohttp import web

from gateway.http import problems
from gateway.http.answers import Answered
from gateway.http.auth import principal_of
from gateway.http.bodies import json_body
from gateway.http.errors import NotFound, Unavailable
from gateway.http.fields import TEXT_MAX, Fields, Warnings, invalid
from gateway.http.ingest import ACKNOWLEDGE_S, idempotency_key
from gateway.http.keys import SERVICES
from gateway.http.services import Services
from processors.host.errors import HostError
from projections.incidents import queries
from projections.postgres import scoped
from schemas import codec, ids
from schemas.envelope import headers_of
from schemas.incident_rules import SEVERITIES
from schemas.messages.incidents import (
    AcknowledgeIncident,
    AssignIncident,
    ChangeSeverity,
    CloseIncident,
    ContainIncident,
    ReopenIncident,
    ResolveIncident,
    Severity,
)
from schemas.messages.kernel import Answer
from schemas.record import Output

TOPIC = "incidents.commands"
ANSWER_S = 1.0
ACCEPTED = "accepted"
CHANNEL_MAX = 200  # `slack`, and `1706123445.000123` or a link to the message
Verb = Literal["acknowledge", "assign", "contain", "resolve", "reopen", "close", "severity"]
Wish = (
    AcknowledgeIncident
    | AssignIncident
    | ContainIncident
    | ResolveIncident
    | ReopenIncident
    | CloseIncident
    | ChangeSeverity
)


class Commanded(Protocol):
    """A person's or sender's command to the incidents processor, whatever it says."""

    @property
    def tenant(self) -> str: ...

    @property
    def command_id(self) -> bytes: ...

    @property
    def at(self) -> int: ...


@dataclass(frozen=True, slots=True)
class Asked:
    """What became of a command so far; `answered` None when nobody has answered in time."""

    command_id: bytes
    answered: Answered | None


@dataclass(frozen=True, slots=True)
class Said:
    """What a person says with a command: `assignee` of assign, `severity` of severity, `note` with any; of acknowledge
    where they said so, `channel` and the message there.
    """

    note: str | None = None
    assignee: str = ""
    severity: Severity = "SEV3"
    channel: str | None = None
    reference: str | None = None


def said(verb: Verb, body: Fields) -> Said:
    """The fields of this command. Raises Invalid."""
    note = body.text("note", TEXT_MAX)
    assignee = body.required("assignee") if verb == "assign" else ""
    severity: Severity = "SEV3"
    if verb == "severity":
        chosen = body.choice("severity", SEVERITIES)
        if chosen is None:
            raise invalid("field_required", "severity", "it is missing", f"Use one of {', '.join(SEVERITIES)}.")
        severity = cast(Severity, chosen)
    if verb == "acknowledge":
        return Said(note, channel=body.text("channel", CHANNEL_MAX), reference=body.text("reference", CHANNEL_MAX))
    return Said(note, assignee, severity)


def post(verb: Verb) -> Callable[[web.Request], Awaitable[web.Response]]:
    """The handler of POST /v1/incidents/{incident}/<verb>."""

    async def handle(request: web.Request) -> web.Response:
        async with json_body(request, empty={}) as plain:
            body = Fields(plain)
            given = said(verb, body)
            body.done()
        who, services = principal_of(request), request.app[SERVICES]
        tenant = who.tenant or ""
        incident_id = await find(services, tenant, request.match_info["incident"])
        asked = await ask(services, tenant, who.subject, verb, incident_id, given, idempotency_key(request))
        return answer(asked, body.warnings)

    return handle


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
    services: Services, tenant: str, subject: str, verb: Verb, incident_id: bytes, given: Said, key: str | None
) -> Asked:
    """Give an incident a command. Raises HostError, Unavailable when it cannot be sent."""
    command_id = command_id_of(tenant, key)
    hashed = [verb, incident_id, subject, given.note or ""]
    hashed += [given.assignee] if verb == "assign" else [given.severity] if verb == "severity" else []
    hashed += [given.channel or "", given.reference or ""] if given.channel or given.reference else []
    message = _message(verb, (tenant, command_id, ids.derive("body", *hashed), subject, incident_id), services, given)
    return await send(services, message)


def command_id_of(tenant: str, key: str | None) -> bytes:
    """The id of a command: the same for the same Idempotency-Key, else a new one."""
    return ids.derive("command", tenant, secrets.token_bytes(16) if key is None else key)


def _message(verb: Verb, head: tuple[str, bytes, bytes, str, bytes], services: Services, given: Said) -> Wish:
    now = services.clock()
    match verb:
        case "acknowledge":
            return AcknowledgeIncident(*head, now, given.channel, given.reference)
        case "resolve":
            return ResolveIncident(*head, now, given.note)
        case "assign":
            return AssignIncident(*head, now, given.assignee, given.note)
        case "contain":
            return ContainIncident(*head, now, given.note)
        case "reopen":
            return ReopenIncident(*head, now, given.note)
        case "close":
            return CloseIncident(*head, now, given.note)
        case "severity":
            return ChangeSeverity(*head, now, given.severity, given.note)


async def send(services: Services, message: Commanded) -> Asked:
    """Send a command and wait a second for its answer. Raises HostError, Unavailable when it cannot be sent."""
    tenant, command_id = message.tenant, message.command_id
    output = record_of(message, command_id, message.at)
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


def record_of(message: Any, record_id: bytes, now: int) -> Output:
    """A message for the incidents processor as a record."""
    key = ids.key_of(message.tenant)
    headers = headers_of(record_id, type(message).__name__, "gateway", key, now)
    return Output(TOPIC, None, key.encode(), codec.encode(message), headers)


def plain(answer: Answer) -> dict[str, Any]:
    """An answer as JSON shows it."""
    return {
        "command_id": ids.text(answer.command_id),
        "code": answer.code,
        "reasons": list(answer.reasons),
        "events": [ids.text(event) for event in answer.event_ids],
    }


def answer(asked: Asked, warnings: Warnings, more: Mapping[str, Any] | None = None) -> web.Response:
    """200 with what was decided (and `more`), a refusal as a problem, or 202 with the command's address."""
    address = f"/v1/commands/{ids.text(asked.command_id)}"
    if asked.answered is None:
        return web.json_response(warnings.beside({"command": address}), status=202, headers={"Location": address})
    found = asked.answered.answer
    if found.code == ACCEPTED:
        return web.json_response(warnings.beside(plain(found) | dict(more or {})))
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
