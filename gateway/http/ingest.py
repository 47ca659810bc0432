"""POST /v1/actions: actions in any of its encodings in, records on `actions.raw`, receipts out.

202 is said of an action only after all in-sync replicas have it. Every item of a batch has its own result; nothing is
dropped: what was not taken is answered 429 (surely not written) or 503 (perhaps written: send it again, same id).
"""

from __future__ import annotations

import asyncio
from typing import Any

from aiohttp import web

from gateway.http import action_bodies, problems
from gateway.http.action_bodies import Item
from gateway.http.auth import tenant_of
from gateway.http.bodies import raw_body
from gateway.http.errors import BadRequest, Invalid, TooBig, Unavailable
from gateway.http.fields import Warnings
from gateway.http.keys import SERVICES
from gateway.http.services import Services
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

Result = dict[str, Any]
Handed = tuple[Action, Warnings, "asyncio.Future[Placed]"]


async def post_actions(request: web.Request) -> web.Response:
    """Take one action, a list, or {"actions": […]}."""
    services = request.app[SERVICES]
    services.lag.check()
    key = idempotency_key(request)
    async with raw_body(request) as raw:
        batch = action_bodies.read(request, raw)
        handed = [_hand_over(services, tenant_of(request), item, key, i) for i, item in enumerate(batch.items)]
        single, warnings = batch.single, batch.warnings
        del raw, batch
    results = await _receipts(handed)
    services.metrics.in_flight.set(services.sender.in_flight)
    for result in results:
        services.metrics.actions.labels(_outcome(result["status"])).inc()
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


def _hand_over(services: Services, tenant: str, item: Item, key: str | None, index: int) -> Handed | MandateError:
    """Give one action to the sender; an error is a value here, because it belongs to this item only."""
    generated = None if key is None else ids.derive("idempotency", tenant, key, index)
    try:
        warnings = Warnings()
        action = item(tenant, services.clock(), generated, warnings)
        value = codec.encode(action)
        limit = services.topology.topics[TOPIC].max_bytes - RECORD_ROOM
        if len(value) > limit:
            why = f"its record has {len(value)} bytes"
            raise TooBig("action_too_large", "the action", why, f"Keep it under {limit}; payloads by location.")
        output = Output(TOPIC, None, ids.key_of(tenant, action.actor).encode(), value)
        return action, warnings, services.sender.submit(output)
    except MandateError as error:
        return error


async def _receipts(handed: list[Handed | MandateError]) -> list[Result]:
    waiting = [item[2] for item in handed if not isinstance(item, MandateError)]
    if waiting:
        await asyncio.wait(waiting, timeout=ACKNOWLEDGE_S)
    return [_refused(item) if isinstance(item, MandateError) else _receipt(*item) for item in handed]


def _receipt(action: Action, warnings: Warnings, future: asyncio.Future[Placed]) -> Result:
    if not future.done():
        # Its outcome is looked at by nobody any more, which is no error.
        future.cancel()
        return _refused(_silent())
    error = future.exception()
    if error is not None:
        return _refused(error if isinstance(error, MandateError) else _silent())
    placed = future.result()
    receipt = {
        "status": 202,
        "event_id": ids.text(action.event_id),
        "topic": placed.topic,
        "partition": placed.partition,
        "offset": placed.offset,
    }
    return warnings.beside(receipt)


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


def _outcome(status: int) -> str:
    return {202: "accepted", 429: "busy", 503: "unacknowledged"}.get(status, "refused")


def _answer(single: bool, results: list[Result], warnings: Warnings) -> web.Response:
    statuses = [result["status"] for result in results]
    if 202 in statuses:
        return web.json_response(warnings.beside({"results": results}), status=202)
    if single:
        return problems.response(results[0]["problem"])
    # Nothing was taken. If some of it may be taken later, say so: the bad ones come back then.
    later = next((r["problem"] for r in results if r["status"] in (429, 503)), None)
    # 503 over 429: only one of them says that nothing was written.
    later = next((r["problem"] for r in results if r["status"] == 503), later)
    if later is not None:
        return problems.response(later | {"results": results})
    error = Invalid(
        "batch_refused", "the batch", "every action of it was refused", "See `results` for each one's problem."
    )
    return problems.response(problems.document(error) | {"results": results})
