"""POST /v1/actions: actions in any of its encodings in, records on `actions.raw`, receipts out.

202 is said of an action only after all in-sync replicas have it. Every item of a batch has its own result; nothing is
dropped: what was not taken is answered 429 (surely not written) or 503 (perhaps written: send it again, same id).
"""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from collections.abc import Sequence
from contextlib import suppress
from typing import Any

from aiohttp import web

from gateway.http import action_bodies, problems
from gateway.http.action_bodies import Item
from gateway.http.action_json import ACTOR, EVENT_ID
from gateway.http.auth import tenant_of
from gateway.http.bodies import JSON, RawBody
from gateway.http.errors import BadRequest, Invalid, TooBig, Unavailable
from gateway.http.fields import Warnings
from gateway.http.keys import SERVICES
from gateway.http.services import Services
from processors.host import points
from processors.host.errors import HostError
from processors.host.places import Placed
from schemas import codec, ids
from schemas.errors import MandateError
from schemas.messages.actions import Action
from schemas.record import Output

TOPIC = "actions.raw"
KEY_MAX = 256
# What a record has beside its value: key (two names of 1,024 characters of 4 bytes, escaped up to three times) …
RECORD_ROOM = 32_768
# The sender gives up after 4.5 s (client.MESSAGE_TIMEOUT_MS); if it never says so, we do.
ACKNOWLEDGE_S = 10.0

ACCEPTED = 202

Handed = tuple[bytes, Warnings, "asyncio.Future[Placed]"]
# What became of an action: a receipt, as JSON already, or a status and a problem.
Result = str | dict[str, Any]


async def post_actions(request: web.Request) -> web.Response:
    """Take one action, a list, or {"actions": […]}."""
    services = request.app[SERVICES]
    services.lag.check()
    key = idempotency_key(request)
    async with RawBody(request) as raw:
        batch = action_bodies.read(request, raw)
        handed = _hand_over(services, tenant_of(request), batch.items, key)
        single, warnings = batch.single, batch.warnings
        del raw, batch
    points.reached("ingest.handed")
    await _acknowledged(handed)
    points.reached("ingest.acknowledged")
    results = [_refused(item) if isinstance(item, MandateError) else _receipt(*item) for item in handed]
    services.metrics.in_flight.set(services.sender.in_flight)
    for status, count in Counter(map(_status, results)).items():
        services.metrics.action(_outcome(status), count)
    return _answer(single, results, warnings)


def idempotency_key(request: web.Request) -> str | None:
    """The header Idempotency-Key, or None. Raises BadRequest."""
    key = request.headers.get("Idempotency-Key")
    if key is None:
        return None
    if not key or len(key) > KEY_MAX:
        raise BadRequest(
            "idempotency_key_malformed",
            "the header Idempotency-Key",
            f"it has {len(key)} characters",
            f"Send 1 to {KEY_MAX} characters.",
        )
    if not all(" " <= character <= "~" for character in key):
        raise BadRequest(
            "idempotency_key_malformed",
            "the header Idempotency-Key",
            "it has a character that is not printable ASCII",
            "Send letters, digits and signs; a UUID, say.",
        )
    return key


def _hand_over(services: Services, tenant: str, items: Sequence[Item], key: str | None) -> list[Handed | MandateError]:
    """Give the actions to the sender; an error is a value here, because it belongs to its item only."""
    now, submit = services.clock(), services.sender.submit
    limit = services.topology.topics[TOPIC].max_bytes - RECORD_ROOM
    handed: list[Handed | MandateError] = []
    limiter = services.limiter if services.limiter is not None and services.limiter.limits(tenant) else None
    for index, item in enumerate(items):
        generated = None if key is None else ids.derive("idempotency", tenant, key, index)
        try:
            warnings = Warnings()
            action = item(tenant, now, generated, warnings)
            value = codec.encode_values(Action, action)
            if len(value) > limit:
                why = f"its record has {len(value)} bytes"
                raise TooBig("action_too_large", "the action", why, f"Keep it under {limit}; payloads by location.")
            if limiter is not None:
                limiter.admit(tenant, action[ACTOR])
            output = Output(TOPIC, None, ids.key_of(tenant, action[ACTOR]).encode(), value)
            handed.append((action[EVENT_ID], warnings, submit(output)))
        except MandateError as error:
            handed.append(error)
    return handed


async def _acknowledged(handed: list[Handed | MandateError]) -> None:
    """Wait until every record's outcome is known; what has none after ACKNOWLEDGE_S is `send_failed`."""
    waiting = [item[2] for item in handed if not isinstance(item, MandateError)]
    giving_up = asyncio.get_running_loop().call_later(ACKNOWLEDGE_S, _give_up, waiting)
    try:
        # One after the other: the outcomes of a batch come together, so few of these really wait, and a call-back for
        # each record would cost as much as its sending.
        for future in waiting:
            if not future.done():
                with suppress(Exception):
                    await future
    finally:
        giving_up.cancel()


def _give_up(waiting: Sequence[asyncio.Future[Placed]]) -> None:
    for future in waiting:
        if not future.done():
            future.set_exception(_silent())


def _receipt(event_id: bytes, warnings: Warnings, future: asyncio.Future[Placed]) -> Result:
    error = future.exception()
    if error is not None:
        return _refused(error if isinstance(error, MandateError) else _silent())
    topic, partition, offset = future.result()
    # By hand, since each action has one: neither an id nor a topic's name has anything to escape.
    text = (
        f'{{"status": 202, "event_id": "{ids.text(event_id)}", "topic": "{topic}", '
        f'"partition": {partition}, "offset": {offset}'
    )
    told = warnings.plain()
    return f'{text}, "warnings": {json.dumps(told)}}}' if told else text + "}"


def _silent() -> Unavailable:
    return Unavailable(
        "send_failed", "the action", "the log did not acknowledge it in time", "Send it again under the same id."
    )


def _refused(error: MandateError) -> Result:
    # A host error that is not the item's fault is the log's: 503, whatever the operator must do about it.
    status = problems.status_of(error)
    if isinstance(error, HostError) and status == 500:
        status = 503
    return {"status": status, "problem": problems.document(error, status)}


def _status(result: Result) -> int:
    return ACCEPTED if isinstance(result, str) else int(result["status"])


def _outcome(status: int) -> str:
    return {ACCEPTED: "accepted", 429: "busy", 503: "unacknowledged"}.get(status, "refused")


def _answer(single: bool, results: list[Result], warnings: Warnings) -> web.Response:
    refused = [result for result in results if not isinstance(result, str)]
    if len(refused) < len(results):
        items = ", ".join([result if isinstance(result, str) else json.dumps(result) for result in results])
        told = warnings.plain()
        more = f', "warnings": {json.dumps(told)}' if told else ""
        return web.Response(text=f'{{"results": [{items}]{more}}}', status=ACCEPTED, content_type=JSON)
    if single:
        return problems.response(refused[0]["problem"])
    # Nothing was taken. If some of it may be taken later, say so: the bad ones come back then.
    later = next((r["problem"] for r in refused if r["status"] in (429, 503)), None)
    # 503 over 429: only one of them says that nothing was written.
    later = next((r["problem"] for r in refused if r["status"] == 503), later)
    if later is not None:
        return problems.response(later | {"results": refused})
    error = Invalid(
        "batch_refused", "the batch", "every action of it was refused", "See `results` for each one's problem."
    )
    return problems.response(problems.document(error) | {"results": refused})
