"""What people who work together tell an incident: each command is one line of WISHES, `post` is the handler of any.

Called by routes.py and, for the same commands as forms, by pages_backend.py.
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any

from aiohttp import web

from gateway.http import commands
from gateway.http.auth import principal_of
from gateway.http.bodies import json_body
from gateway.http.commands import Asked
from gateway.http.fields import TEXT_MAX, Fields, invalid
from gateway.http.ingest import idempotency_key
from gateway.http.keys import SERVICES
from gateway.http.services import Services
from schemas import ids
from schemas.messages.incidents import (
    ApproveAction,
    AssignCommander,
    CommunicateIncident,
    DeclineAction,
    EscalateIncident,
    HandOffIncident,
    JoinIncident,
    LeaveIncident,
    MarkFalseAlarm,
    MuteIncident,
    ReleaseCommander,
    RequestRollback,
    StartPostmortem,
)

Plain = Mapping[str, Any]
# What stakeholders are told: the processor keeps it until it is signed, five at a time in one part of 64 KB.
SAID_MAX = 1_000
MUTED, MUTED_MAX = 10, 1_440  # minutes for which further errors are not told: what a button asks, and a day
LINK = re.compile(r"https?://[^\s\"<>]{1,1000}")


@dataclass(frozen=True, slots=True)
class Wish:
    """A command: its message (head fields, then `fields(body)` by name), and what a page says when it is accepted."""

    kind: Callable[..., Any]
    fields: Callable[[Fields], Plain]
    done: str


def _note(body: Fields) -> Plain:
    return {"note": body.text("note", TEXT_MAX)}


def _postmortem(body: Fields) -> Plain:
    return {"link": body.matching("link", LINK, "https://wiki.example/postmortems/1"), **_note(body)}


def _hand_off(body: Fields) -> Plain:
    return {"to": body.required("to"), **_note(body)}


def _rollback(body: Fields) -> Plain:
    given = body.text("change_id")
    change_id = None if given is None else ids.parse(given)
    if given is not None and change_id is None:
        why = "it is no id of a change"
        raise invalid(
            "field_malformed", "change_id", why, "Leave it out for the suggested cause, or take it from there."
        )
    return {"change_id": change_id, **_note(body)}


def _communicate(body: Fields) -> Plain:
    return {"text": body.required("text", SAID_MAX), **_note(body)}


def _commander(body: Fields) -> Plain:
    return {"commander": body.required("commander"), **_note(body)}


def _mute(body: Fields) -> Plain:
    minutes = body.integer("minutes", 1, MUTED_MAX)
    return {"minutes": MUTED if minutes is None else minutes, **_note(body)}


def _approval(body: Fields) -> Plain:
    number = body.integer("approval", 1)
    if number is None:
        raise invalid("field_required", "approval", "it is missing", "Give the approval's number.")
    return {"approval": number, "role": body.text("role"), **_note(body)}


WISHES: Mapping[str, Wish] = {
    "false-alarm": Wish(MarkFalseAlarm, _note, "It was a false alarm."),
    "postmortem": Wish(StartPostmortem, _postmortem, "It is in its postmortem."),
    "escalate": Wish(EscalateIncident, _note, "The next ones of the policy are paged now."),
    "mute": Wish(MuteIncident, _mute, "Further errors are not told for {minutes} min; pages are sent all the same."),
    "join": Wish(JoinIncident, _note, "You joined. Ask the primary before you act."),
    "leave": Wish(LeaveIncident, _note, "You left."),
    "handoff": Wish(HandOffIncident, _hand_off, "{to} is primary now."),
    "rollback": Wish(RequestRollback, _rollback, "Your wish for a rollback is on the timeline."),
    "communicate": Wish(CommunicateIncident, _communicate, "Your text is on the timeline."),
    "commander": Wish(AssignCommander, _commander, "{commander} is incident commander now."),
    "release-commander": Wish(ReleaseCommander, _note, "There is no incident commander any more."),
    "approve": Wish(ApproveAction, _approval, "You approved number {approval}."),
    "decline": Wish(DeclineAction, _approval, "You declined number {approval}."),
}
# Decided with this reason, it is not in effect yet.
WAITS = "approval_requested"


def post(verb: str) -> Callable[[web.Request], Awaitable[web.Response]]:
    """The handler of POST /v1/incidents/{incident}/<verb>."""
    wish = WISHES[verb]

    async def handle(request: web.Request) -> web.Response:
        async with json_body(request, empty={}) as plain:
            body = Fields(plain)
            given = wish.fields(body)
            body.done()
        who, services = principal_of(request), request.app[SERVICES]
        tenant = who.tenant or ""
        incident_id = await commands.find(services, tenant, request.match_info["incident"])
        asked = await ask(services, tenant, who.subject, verb, incident_id, given, idempotency_key(request))
        return commands.answer(asked, body.warnings)

    return handle


async def ask(
    services: Services, tenant: str, subject: str, verb: str, incident_id: bytes, given: Plain, key: str | None
) -> Asked:
    """Give an incident a command of WISHES. Raises HostError, Unavailable when it cannot be sent."""
    command_id = commands.command_id_of(tenant, key)
    said = [part for name in sorted(given) for part in (name, _hashed(given[name]))]
    body_hash = ids.derive("body", verb, incident_id, subject, *said)
    message = WISHES[verb].kind(tenant, command_id, body_hash, subject, incident_id, services.clock(), **given)
    return await commands.send(services, message)


def _hashed(value: Any) -> Any:
    return "\x00" if value is None else value


async def from_form(
    services: Services, tenant: str, subject: str, verb: str, incident_id: bytes, form: Mapping[str, str]
) -> str:
    """The same by a page's form; what became of it in one sentence. Raises MandateError."""
    plain: dict[str, Any] = {key: value.strip() for key, value in form.items() if value.strip()}
    for field in ("approval", "minutes"):
        number = plain.get(field, "")
        if number.isascii() and number.isdecimal() and len(number) < 10:
            plain[field] = int(number)
    given = WISHES[verb].fields(Fields(plain))
    asked = await ask(services, tenant, subject, verb, incident_id, given, None)
    if asked.answered is None:
        return f"It is on its way; no answer yet (command {ids.text(asked.command_id)})."
    answer = asked.answered.answer
    if answer.code != commands.ACCEPTED:
        refused = commands.refusal(asked.answered)
        return f"Not done: {refused['detail']}. {refused['remedy']}"
    if WAITS in answer.reasons:
        return "It waits for those who must agree; see below."
    return WISHES[verb].done.format(**given)
