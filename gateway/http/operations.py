"""GET /healthz, /metrics and /openapi.json: for supervisors, Prometheus and generators of clients, without a token."""

from __future__ import annotations

from dataclasses import dataclass

from aiohttp import web
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from gateway.http.keys import SERVICES
from gateway.http.unaccounted import unaccounted


@dataclass(frozen=True, slots=True)
class Served:
    """The OpenAPI document as it is sent, and its ETag."""

    body: bytes
    etag: str


DOCUMENT: web.AppKey[Served] = web.AppKey("openapi-document", Served)


async def healthz(request: web.Request) -> web.Response:
    """200 while this process can do its work once its neighbours answer; 503 when only a restart helps."""
    services = request.app[SERVICES]
    fatal = services.sender.fatal
    healthy = fatal is None and services.answers.alive
    tail = "ok" if services.answers.alive else "died"
    body = {"healthy": healthy, "sender": fatal or "ok", "answers": tail, "lag_seconds": dict(services.lag.seconds)}
    return web.json_response(body, status=200 if healthy else 503)


async def metrics(request: web.Request) -> web.Response:
    """Everything of metrics.py in Prometheus' text format."""
    services = request.app[SERVICES]
    services.metrics.in_flight.set(services.sender.in_flight)
    services.metrics.unaccounted.set(await unaccounted(services))
    body = generate_latest(services.metrics.registry)
    return web.Response(body=body, headers={"Content-Type": CONTENT_TYPE_LATEST})


async def openapi(request: web.Request) -> web.Response:
    """The OpenAPI document of the route table; who has it already gets 304 from the middleware."""
    served = request.app[DOCUMENT]
    # It changes with a release only; `no-cache` means: ask whether it has.
    headers = {"ETag": served.etag, "Cache-Control": "no-cache"}
    return web.Response(body=served.body, content_type="application/json", headers=headers)
