"""PagerDuty's Events API v2 as an input: POST /v2/enqueue and /v2/change/enqueue, with PagerDuty's own answers.

Whatever can send to PagerDuty can send here by another URL: `routing_key` is a token of Mandate (any of a tenant's).
An alert is known by its dedup_key as long as it fires; after its end the same key is a new alert, as PagerDuty has it.
`acknowledge` is a note: who did it is not known here, so nobody here has answered and paging goes on. `acknowledge` and
`resolve` of what does not fire change nothing, and are answered 202 as PagerDuty does.
"""

from __future__ import annotations

import asyncio
import json
import secrets
from collections.abc import Mapping
from typing import Any

from aiohttp import web

from gateway.http import commands, problems, times
from gateway.http.bodies import json_body
from gateway.http.errors import Unavailable
from gateway.http.fields import NAME_MAX, TEXT_MAX
from gateway.http.ingest import ACKNOWLEDGE_S
from gateway.http.keys import SERVICES
from gateway.http.services import Services
from gateway.http.telling import CHANGES, SUMMARY_MAX
from gateway.http.tokens import Principal
from processors.host.errors import HostError
from schemas import ids
from schemas.errors import MandateError
from schemas.messages.incidents import AlertAcknowledgementObserved, AlertObserved, RecordChange, Severity

SOURCE = "pagerduty"
DEDUP_MAX = 255
PD_SUMMARY_MAX = 1_024
LINKS_MAX = 16
LINK_MAX = 1_024
ACTIONS = ("trigger", "acknowledge", "resolve")
SEVERITIES: Mapping[str, Severity] = {"critical": "SEV2", "error": "SEV3", "warning": "SEV3", "info": "SEV4"}
# A change that says nothing of its kind.
CHANGE = "change"
Json = dict[str, Any]


class _Malformed(Exception):
    """What is wrong with an event, in PagerDuty's way: a list of sentences."""

    def __init__(self, *errors: str) -> None:
        super().__init__("; ".join(errors))
        self.errors = errors


async def post_event(request: web.Request) -> web.Response:
    """POST /v2/enqueue: an alert begins, is acknowledged elsewhere, or is over."""
    return await _answered(request, _event)


async def post_change(request: web.Request) -> web.Response:
    """POST /v2/change/enqueue: a change, to be weighed as a cause."""
    return await _answered(request, _change)


async def _answered(request: web.Request, read: Any) -> web.Response:
    services = request.app[SERVICES]
    try:
        async with json_body(request) as plain:
            if not isinstance(plain, dict):
                raise _Malformed("The event is not a JSON object")
            who = await _who(services, plain)
            message, record_id, answer = read(plain, who, services.clock())
            await _send(services, message, record_id)
    except _Malformed as error:
        return _invalid(list(error.errors))
    except MandateError as error:
        return _failed(error)
    except web.HTTPRequestEntityTooLarge:
        return _invalid(["The event is too large"], 413)
    return web.json_response(answer, status=202)


async def _who(services: Services, plain: Json) -> Principal:
    key = plain.get("routing_key")
    if not isinstance(key, str) or not key.strip():
        raise _Malformed("'routing_key' is missing or blank")
    who = await services.tokens.of(key.strip())
    if who is None or who.tenant is None:
        raise _Malformed("Invalid routing key")
    return who


async def _send(services: Services, message: Any, record_id: bytes) -> None:
    """Raises HostError, Unavailable when the log does not take it."""
    output = commands.record_of(message, record_id, message.at)
    try:
        async with asyncio.timeout(ACKNOWLEDGE_S):
            await services.sender.submit(output)
    except TimeoutError as error:
        why = "the log did not acknowledge it in time"
        raise Unavailable("send_failed", "the event", why, "Send it again.") from error


def _event(plain: Json, who: Principal, now: int) -> tuple[Any, bytes, Json]:
    action, given = plain.get("event_action"), plain.get("dedup_key")
    errors = []
    if action not in ACTIONS:
        errors.append(f"'event_action' must be one of {', '.join(ACTIONS)}")
    if given is not None and (not isinstance(given, str) or len(given) > DEDUP_MAX or not _clean(given)):
        errors.append(f"'dedup_key' must be a string of at most {DEDUP_MAX} characters")
    if action in ("acknowledge", "resolve") and not given:
        errors.append("'dedup_key' is missing or blank")
    payload = plain.get("payload")
    alert = {} if action in ("acknowledge", "resolve") else _alert(payload, errors)
    if errors:
        raise _Malformed(*errors)
    dedup_key = str(given) if given else secrets.token_hex(16)
    tenant = who.tenant or ""
    alert_id = ids.derive("alert", tenant, SOURCE, dedup_key)
    answer = {"status": "success", "message": "Event processed", "dedup_key": dedup_key}
    record_id = secrets.token_bytes(ids.ID_BYTES)
    if action == "acknowledge":
        return AlertAcknowledgementObserved(tenant, alert_id, SOURCE, who.subject, now), record_id, answer
    began = _time(payload) if action == "trigger" else None
    at = now if began is None else min(began, now)
    told = AlertObserved(
        tenant=tenant,
        alert_id=alert_id,
        source=SOURCE,
        fingerprint=dedup_key,
        starts_at=at,
        status="firing" if action == "trigger" else "resolved",
        ends_at=now if action == "resolve" else None,
        name=alert.get("name", dedup_key),
        resource=alert.get("resource", ""),
        resource_from=alert.get("resource_from", ""),
        summary=alert.get("summary"),
        severity=alert.get("severity"),
        link=_link(plain),
        subject=who.subject,
        at=now,
        recurs=True,
    )
    return told, record_id, answer


def _alert(payload: Any, errors: list[str]) -> Json:
    """What `trigger` says of the alert; what is wrong goes to `errors`."""
    if not isinstance(payload, dict):
        errors.append("'payload' is missing or blank")
        return {}
    for name, limit in (("summary", PD_SUMMARY_MAX), ("source", NAME_MAX)):
        if not _text(payload.get(name), limit):
            errors.append(f"'payload.{name}' is missing, blank or longer than {limit} characters")
    if payload.get("severity") not in SEVERITIES:
        errors.append(f"'payload.severity' is invalid (must be one of the following: {', '.join(SEVERITIES)})")
    if payload.get("timestamp") is not None and _time(payload) is None:
        errors.append("'payload.timestamp' is no ISO 8601 time")
    if errors:
        return {}
    resource, resource_from = _resource(payload) or ("", "")
    summary = " ".join(payload["summary"].split())
    return {
        "name": (_text(payload.get("class"), NAME_MAX) or summary)[:SUMMARY_MAX],
        "resource": resource,
        "resource_from": resource_from,
        "summary": summary[:SUMMARY_MAX],
        "severity": SEVERITIES[payload["severity"]],
    }


def _resource(payload: Json) -> tuple[str, str] | None:
    """What it is about, and the field that says it: custom_details.mandate_resource or .service, else component, else
    source."""
    details = payload.get("custom_details")
    if isinstance(details, dict):
        for name in ("mandate_resource", "service"):
            if found := _text(details.get(name), NAME_MAX):
                return found, f"custom_details.{name}"
    for name in ("component", "source"):
        if found := _text(payload.get(name), NAME_MAX):
            return found, name
    return None


def _change(plain: Json, who: Principal, now: int) -> tuple[Any, bytes, Json]:
    payload = plain.get("payload")
    errors = []
    if not isinstance(payload, dict):
        raise _Malformed("'payload' is missing or blank")
    if not _text(payload.get("summary"), PD_SUMMARY_MAX):
        errors.append(f"'payload.summary' is missing, blank or longer than {PD_SUMMARY_MAX} characters")
    if payload.get("timestamp") is not None and _time(payload) is None:
        errors.append("'payload.timestamp' is no ISO 8601 time")
    if errors:
        raise _Malformed(*errors)
    details = payload.get("custom_details")
    details = details if isinstance(details, dict) else {}
    kind = details.get("kind") if details.get("kind") in CHANGES else CHANGE
    resource = (_resource(payload) or (who.subject, ""))[0]
    at = min(_time(payload) or now, now)
    tenant = who.tenant or ""
    # A change event has no key: what says the same is the same.
    content = json.dumps({"payload": payload, "links": plain.get("links")}, sort_keys=True, separators=(",", ":"))
    told = payload.get("timestamp") is not None
    command_id = ids.derive("command", tenant, SOURCE, content if told else secrets.token_hex(16))
    message = RecordChange(
        tenant=tenant,
        command_id=command_id,
        body_hash=ids.derive("body", content),
        subject=who.subject,
        resource=resource,
        kind=str(kind),
        before=_text(details.get("before"), NAME_MAX),
        after=_text(details.get("after") or details.get("version"), NAME_MAX),
        summary=" ".join(payload["summary"].split())[:TEXT_MAX],
        by=_text(details.get("by") or details.get("author"), NAME_MAX) or who.subject,
        event_time=at,
        at=now,
        links=_links(plain),
    )
    return message, command_id, {"status": "success", "message": "Change event processed"}


def _links(plain: Json) -> tuple[str, ...]:
    found = plain.get("links")
    texts = [link.get("href") for link in found if isinstance(link, dict)] if isinstance(found, list) else []
    return tuple(str(text) for text in texts if _is_link(text))[:LINKS_MAX]


def _link(plain: Json) -> str | None:
    """The first link of an alert, else its client's address."""
    return next(iter(_links(plain)), plain["client_url"] if _is_link(plain.get("client_url")) else None)


def _is_link(text: Any) -> bool:
    fine = isinstance(text, str) and len(text) <= LINK_MAX and text.isprintable()
    return fine and text.startswith(("https://", "http://"))


def _time(payload: Any) -> int | None:
    """The payload's time (ms); PagerDuty's own examples write the offset without a colon."""
    text = payload.get("timestamp") if isinstance(payload, dict) else None
    if not isinstance(text, str):
        return None
    if len(text) > 5 and text[-5] in "+-" and text[-4:].isdecimal():
        text = f"{text[:-2]}:{text[-2:]}"
    found = times.parse(text)
    return None if found is None or found < 0 else found


def _text(value: Any, limit: int) -> str | None:
    """A text that is there, not blank, and fit to be kept; None for anything else."""
    if not isinstance(value, str) or not value.strip() or len(value) > limit or not _clean(value):
        return None
    return value


def _clean(text: str) -> bool:
    if "\x00" in text:
        return False
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _invalid(errors: list[str], status: int = 400) -> web.Response:
    body = {"status": "invalid event", "message": "Event object is invalid", "errors": errors}
    return web.json_response(body, status=status)


def _failed(error: MandateError) -> web.Response:
    """429 and 503 are tried again by whoever sends to PagerDuty; everything else is the event's fault."""
    status = problems.status_of(error)
    if status == 429:
        words = "Requests for this service are arriving too quickly. Please retry later."
        body: Json = {"status": "throttle exceeded", "message": words, "errors": [error.why]}
        return web.json_response(body, status=429, headers={"Retry-After": "1"})
    if status >= 500 or isinstance(error, HostError):
        body = {"status": "error", "message": error.what, "errors": [error.why]}
        return web.json_response(body, status=503, headers={"Retry-After": str(problems.RETRY_SECONDS[503])})
    return _invalid([f"{error.what}: {error.why}"])
