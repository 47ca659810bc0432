"""GET /healthz and GET /metrics: for supervisors and for Prometheus, without a token."""

from __future__ import annotations

from aiohttp import web
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from gateway.http.keys import SERVICES


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
    body = generate_latest(services.metrics.registry)
    return web.Response(body=body, headers={"Content-Type": CONTENT_TYPE_LATEST})
