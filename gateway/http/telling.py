"""What is told from outside: POST /v1/reports, /v1/changes and /v1/integrations/alertmanager.

Reports and changes are commands: answered within a second, else 202 and the command's address. Alerts are facts with an
identity of their own (Alertmanager's fingerprint and startsAt), so telling them again is harmless, and what could not
be written is answered 503 as a whole: Alertmanager sends it again.
"""

from __future__ import annotations

import asyncio
import json
import secrets
from typing import Any, cast

from aiohttp import web

from gateway.http import commands, problems, times
from gateway.http.auth import principal_of
from gateway.http.bodies import json_body
from gateway.http.errors import Invalid, TooBig, Unavailable
from gateway.http.fields import NAME_MAX, TEXT_MAX, Fields, clean, invalid, shown
from gateway.http.ingest import ACKNOWLEDGE_S, idempotency_key
from gateway.http.keys import SERVICES
from gateway.http.services import Services
from gateway.http.tokens import Principal
from processors.host.errors import HostError
from processors.host.places import Placed
from schemas import ids
from schemas.errors import MandateError
from schemas.incident_rules import SEVERITIES
from schemas.messages.incidents import AlertObserved, RecordChange, ReportProblem, Severity, SubjectKind

ID_MAX = 256
ALERTS_MAX = 1_000
SUMMARY_MAX = 500
LABELS_MAX = 64
CHANGES = ("deploy", "config", "flag", "migration", "permission")
SOURCE = "alertmanager"
# Alertmanager has no severities of its own: these are the words in use.
_SEVERITY_WORDS: dict[str, Severity] = {
    **{name.lower(): name for name in SEVERITIES},
    **dict.fromkeys(("critical", "page", "emergency"), "SEV2"),
    **dict.fromkeys(("error", "high", "warning", "ticket"), "SEV3"),
    **dict.fromkeys(("info", "low", "none"), "SEV4"),
}


async def post_report(request: web.Request) -> web.Response:
    """POST /v1/reports: {resource, what, severity?, since?}. It opens an incident or joins the open one."""
    who, services = principal_of(request), request.app[SERVICES]
    async with json_body(request) as plain:
        body = Fields(plain)
        resource, what = body.required("resource"), body.required("what", TEXT_MAX)
        severity = cast("Severity | None", body.choice("severity", SEVERITIES))
        since = _time(body, "since")
        body.done()
    tenant, now = who.tenant or "", services.clock()
    command_id = commands.command_id_of(tenant, idempotency_key(request))
    hashed = ids.derive("body", "report", who.subject, resource, what, severity or "", str(since))
    kind = cast(SubjectKind, who.kind)
    message = ReportProblem(tenant, command_id, hashed, who.subject, kind, resource, what, severity, since, now)
    return commands.answer(await commands.send(services, message), body.warnings)


async def post_change(request: web.Request) -> web.Response:
    """POST /v1/changes: {kind, resource, before?, after?, summary?, at?, by?, id?}, or `reference` with the two."""
    who, services = principal_of(request), request.app[SERVICES]
    async with json_body(request) as plain:
        body = Fields(plain)
        message = _change(body, who, services.clock(), idempotency_key(request))
        body.done()
    return commands.answer(await commands.send(services, message), body.warnings)


def _change(body: Fields, who: Principal, now: int, key: str | None) -> RecordChange:
    kind, resource = body.choice("kind", CHANGES), body.required("resource")
    if kind is None:
        raise invalid("field_required", "kind", "it is missing", f"Use one of {', '.join(CHANGES)}.")
    reference = body.inner("reference")
    place = body if reference is None else reference
    before, after = place.text("before", TEXT_MAX), place.text("after", TEXT_MAX)
    if reference is not None:
        reference.done()
    summary, by = body.text("summary", TEXT_MAX), body.text("by") or who.subject
    at = _time(body, "at")
    own = body.text("id", ID_MAX)
    tenant = who.tenant or ""
    # An id of the sender's makes it one change however often it is told; a key of the request says more.
    named = key if key is not None else None if own is None else f"change {own}"
    command_id = commands.command_id_of(tenant, named)
    hashed = ids.derive("body", "change", who.subject, kind, resource, before or "", after or "", by, summary or "")
    event_time = now if at is None else at
    return RecordChange(
        tenant, command_id, hashed, who.subject, resource, kind, before, after, summary, by, event_time, now
    )


def _time(body: Fields, name: str) -> int | None:
    text = body.text(name)
    found = None if text is None else times.parse(text)
    if text is not None and found is None:
        why = f"{shown(text)} is no time"
        raise invalid("field_malformed", body.name(name), why, "Write it like 2026-11-22T04:00:00Z.")
    return found


# --- Alertmanager -------------------------------------------------------------------------------------------------

Result = dict[str, Any]
Handed = tuple[AlertObserved, "asyncio.Future[Placed]"]


async def post_alertmanager(request: web.Request) -> web.Response:
    """POST /v1/integrations/alertmanager: a webhook of version 4, `alerts` with a result each, in their order."""
    who, services = principal_of(request), request.app[SERVICES]
    async with json_body(request) as plain:
        items = _alerts(plain)
        handed = [_hand_over(services, who, item, i) for i, item in enumerate(items)]
    waiting = [item[1] for item in handed if not isinstance(item, MandateError)]
    if waiting:
        await asyncio.wait(waiting, timeout=ACKNOWLEDGE_S)
    results = [_refused(item) if isinstance(item, MandateError) else _receipt(*item) for item in handed]
    lost = next((r["problem"] for r in results if r["status"] in (429, 503)), None)
    if lost is not None:
        # Told again as a whole: what was written is recognised.
        return problems.response(lost | {"status": 503, "results": results})
    if results and all(r["status"] != 202 for r in results):
        error = Invalid("batch_refused", "the alerts", "every one was refused", "See `results` for each one's problem.")
        return problems.response(problems.document(error) | {"results": results})
    return web.json_response({"results": results}, status=202)


def _alerts(plain: Any) -> list[Any]:
    # The payload may be customised in Alertmanager, and Grafana adds fields: only what is needed is looked at.
    items = Fields(plain).take("alerts")
    if not isinstance(items, list):
        raise invalid("field_not_list", "alerts", f"{shown(items)} is no list", "Send Alertmanager's webhook payload.")
    if len(items) > ALERTS_MAX:
        why = f"it holds {len(items)} alerts"
        raise TooBig("batch_too_large", "the payload", why, f"Set max_alerts to {ALERTS_MAX} or less.", field="alerts")
    return items


def _hand_over(services: Services, who: Principal, item: Any, index: int) -> Handed | MandateError:
    try:
        alert = alert_of(Fields(item, f"alerts[{index}]"), who, services.clock())
        # Each telling is a record of its own; what it tells of is recognised by the alert's id.
        output = commands.record_of(alert, secrets.token_bytes(ids.ID_BYTES), alert.at)
        return alert, services.sender.submit(output)
    except MandateError as error:
        return error


def alert_of(fields: Fields, who: Principal, now: int) -> AlertObserved:
    """One alert of the payload. Raises Invalid."""
    status = fields.choice("status", ("firing", "resolved"))
    if status is None:
        raise invalid("field_required", fields.name("status"), "it is missing", "Use firing or resolved.")
    labels = _texts(fields, "labels")
    resource, resource_from = resource_of(labels, fields.name("labels"))
    notes = _texts(fields, "annotations")
    starts_at = _time(fields, "startsAt")
    if starts_at is None:
        raise invalid("field_required", fields.name("startsAt"), "it is missing", "Send Alertmanager's own payload.")
    ends_at = _time(fields, "endsAt") if status == "resolved" else None
    fingerprint = fields.text("fingerprint", ID_MAX) or _fingerprint(labels)
    tenant = who.tenant or ""
    summary = notes.get("summary") or notes.get("description") or notes.get("message")
    link = next((x for x in (notes.get("runbook_url"), fields.text("generatorURL", TEXT_MAX)) if _is_link(x)), None)
    return AlertObserved(
        tenant=tenant,
        alert_id=ids.derive("alert", tenant, SOURCE, fingerprint, starts_at),
        source=SOURCE,
        fingerprint=fingerprint,
        starts_at=starts_at,
        status="firing" if status == "firing" else "resolved",
        ends_at=ends_at,
        name=labels.get("alertname", "alert")[:NAME_MAX],
        resource=resource,
        resource_from=resource_from,
        summary=None if summary is None else summary[:SUMMARY_MAX],
        severity=_SEVERITY_WORDS.get(labels.get("severity", "").lower()),
        link=link,
        subject=who.subject,
        at=now,
    )


def resource_of(labels: dict[str, str], place: str) -> tuple[str, str]:
    """The resource that an alert is about, and the label that says it: `mandate_resource`, else `service`, else
    `job/instance`, else `job`. Raises Invalid `alert_without_resource`, `field_too_long`."""
    for name in ("mandate_resource", "service"):
        if labels.get(name):
            return clean(f"{place}.{name}", labels[name], NAME_MAX), name
    job, instance = labels.get("job"), labels.get("instance")
    if job and instance:
        return clean(f"{place}.job", f"{job}/{instance}", NAME_MAX), "job/instance"
    if job:
        return clean(f"{place}.job", job, NAME_MAX), "job"
    why = "it has none of the labels mandate_resource, service, job"
    raise invalid("alert_without_resource", place, why, "Give the rule a label `mandate_resource`.")


def _texts(fields: Fields, name: str) -> dict[str, str]:
    """A mapping of text to text: labels, annotations."""
    value = fields.take(name)
    place = fields.name(name)
    if value is None:
        return {}
    if not isinstance(value, dict) or not all(isinstance(v, str) for v in value.values()):
        raise invalid("field_not_texts", place, "it is no mapping of text to text", "Send Alertmanager's own payload.")
    if len(value) > LABELS_MAX:
        raise invalid("field_too_long", place, f"it has {len(value)} entries", f"Keep it within {LABELS_MAX}.")
    return {key: clean(place, text, TEXT_MAX) for key, text in value.items()}


def _fingerprint(labels: dict[str, str]) -> str:
    """What identifies an alert whose sender gives no fingerprint: its labels."""
    plain = json.dumps(labels, sort_keys=True, separators=(",", ":"))
    return ids.derive("labels", plain).hex()


def _is_link(value: str | None) -> bool:
    return value is not None and value.startswith(("https://", "http://")) and value.isprintable()


def _receipt(alert: AlertObserved, future: asyncio.Future[Placed]) -> Result:
    if not future.done():
        # Its outcome is looked at by nobody any more, which is no error.
        future.cancel()
        return _refused(_silent())
    error = future.exception()
    if error is not None:
        return _refused(error if isinstance(error, MandateError) else _silent())
    return {
        "status": 202,
        "alert": ids.text(alert.alert_id),
        "told": alert.status,
        "resource": alert.resource,
        "resource_from": alert.resource_from,
    }


def _silent() -> Unavailable:
    return Unavailable("send_failed", "the alert", "the log did not acknowledge it in time", "Send it again.")


def _refused(error: MandateError) -> Result:
    status = problems.status_of(error)
    if isinstance(error, HostError) and status == 500:
        status = 503
    return {"status": status, "problem": problems.document(error, status)}
