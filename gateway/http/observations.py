"""POST /v1/observations: numbers about resources, one or up to OBSERVATIONS_MAX, with a result each in their order.

Observations are facts: an id of the sender's (or its time and content) makes telling one again harmless. What could not
be written is answered 503 as a whole.
"""

from __future__ import annotations

import asyncio
import secrets
from typing import Any

from aiohttp import web

from gateway.http import commands, problems, times
from gateway.http.auth import principal_of
from gateway.http.bodies import json_body
from gateway.http.errors import Invalid, TooBig, Unavailable
from gateway.http.fields import TEXT_MAX, Fields, invalid, shown
from gateway.http.ingest import ACKNOWLEDGE_S
from gateway.http.keys import SERVICES
from gateway.http.services import Services
from gateway.http.tokens import Principal
from processors.host.errors import HostError
from processors.host.places import Placed
from schemas import ids, scaled
from schemas.errors import MandateError
from schemas.messages.incidents import ObservationReported

# As many as actions in a batch; each is a record of ~200 B.
OBSERVATIONS_MAX = 1_000
NAME_MAX = 256
UNIT_MAX = 32
ID_MAX = 256
Handed = tuple[ObservationReported, "asyncio.Future[Placed]"]
Result = dict[str, Any]


async def post_observations(request: web.Request) -> web.Response:
    """POST /v1/observations: {name, resource, value, actor?, unit?, time?, id?}, or a list of them."""
    who, services = principal_of(request), request.app[SERVICES]
    async with json_body(request) as plain:
        single = not isinstance(plain, list)
        items = [plain] if single else plain
        if not items:
            raise Invalid("batch_empty", "the batch", "it holds no observation", "Send at least one.")
        if len(items) > OBSERVATIONS_MAX:
            why, remedy = f"it holds {len(items)} observations", f"Send {OBSERVATIONS_MAX} or fewer at once."
            raise TooBig("batch_too_large", "the batch", why, remedy)
        handed = [_hand_over(services, who, item, "" if single else f"[{i}]") for i, item in enumerate(items)]
    if single and isinstance(handed[0], MandateError):
        raise handed[0]
    waiting = [item[1] for item in handed if not isinstance(item, MandateError)]
    if waiting:
        await asyncio.wait(waiting, timeout=ACKNOWLEDGE_S)
    results = [_refused(item) if isinstance(item, MandateError) else _receipt(*item) for item in handed]
    lost = next((r["problem"] for r in results if r["status"] in (429, 503)), None)
    if lost is not None:
        # Told again as a whole: what was written is recognised.
        return problems.response(lost | {"status": 503, "results": results})
    if results and all(r["status"] != 202 for r in results):
        error = Invalid("batch_refused", "the batch", "every one was refused", "See `results` for each one's problem.")
        return problems.response(problems.document(error) | {"results": results})
    return web.json_response({"results": results}, status=202)


def _hand_over(services: Services, who: Principal, item: Any, place: str) -> Handed | MandateError:
    try:
        told = observation_of(Fields(item, place), who, services.clock())
        output = commands.record_of(told, secrets.token_bytes(ids.ID_BYTES), told.at)
        return told, services.sender.submit(output)
    except MandateError as error:
        return error


def observation_of(fields: Fields, who: Principal, now: int) -> ObservationReported:
    """One observation of the body. Raises Invalid."""
    name, resource = fields.required("name", NAME_MAX), fields.required("resource")
    actor, unit = fields.text("actor"), fields.text("unit", UNIT_MAX)
    value = measured(fields)
    at = _time(fields)
    own = fields.text("id", ID_MAX)
    tenant = who.tenant or ""
    if own is not None:
        observation_id = ids.derive("observation", tenant, who.subject, own)
    elif at is not None:
        # The same number of the same thing at the same time is the same observation.
        observation_id = ids.derive("observation", tenant, who.subject, name, resource, actor or "", at, value)
    else:
        observation_id = secrets.token_bytes(ids.ID_BYTES)
    event_time = now if at is None else max(0, at)
    return ObservationReported(tenant, observation_id, name, resource, actor, value, unit, event_time, who.subject, now)


def measured(fields: Fields) -> int:
    """The field `value` in millionths. Raises Invalid `field_required`, `field_not_a_number`."""
    plain = fields.take("value")
    if plain is None:
        raise invalid("field_required", fields.name("value"), "it is missing", "Give a number, or a decimal as a text.")
    value = scaled.of(plain)
    if value is None:
        limit = f"{scaled.VALUE_MAX:,}"
        why = f"{shown(plain)} is no decimal between -{limit} and {limit}"
        raise invalid("field_not_a_number", fields.name("value"), why, 'Give a number, or a text like "12.5".')
    return value


def _time(fields: Fields) -> int | None:
    text = fields.text("time", TEXT_MAX)
    found = None if text is None else times.parse(text)
    if text is not None and found is None:
        why = f"{shown(text)} is no time"
        raise invalid("field_malformed", fields.name("time"), why, "Write it like 2026-11-22T04:00:00Z.")
    return found


def _receipt(told: ObservationReported, future: asyncio.Future[Placed]) -> Result:
    if not future.done():
        # Its outcome is looked at by nobody any more, which is no error.
        future.cancel()
        return _refused(_silent())
    error = future.exception()
    if error is not None:
        return _refused(error if isinstance(error, MandateError) else _silent())
    return {"status": 202, "observation": ids.text(told.observation_id), "value": scaled.text(told.value)}


def _silent() -> Unavailable:
    return Unavailable("send_failed", "the observation", "the log did not acknowledge it in time", "Send it again.")


def _refused(error: MandateError) -> Result:
    status = problems.status_of(error)
    if isinstance(error, HostError) and status == 500:
        status = 503
    return {"status": status, "problem": problems.document(error, status)}
