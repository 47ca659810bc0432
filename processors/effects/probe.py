"""GET /healthz and /metrics of this process. Healthy means: the relay and Faust are alive; targets do not count."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from aiohttp import web
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest

Health = Callable[[], Mapping[str, bool]]


async def start(address: tuple[str, int], health: Health, registry: CollectorRegistry) -> web.AppRunner:
    """Serve on host and port; the caller cleans the runner up. Raises OSError when the port is taken."""

    async def healthz(_: web.Request) -> web.Response:
        parts = health()
        healthy = all(parts.values())
        return web.json_response({"healthy": healthy, "parts": dict(parts)}, status=200 if healthy else 503)

    async def metrics(_: web.Request) -> web.Response:
        return web.Response(body=generate_latest(registry), headers={"Content-Type": CONTENT_TYPE_LATEST})

    app = web.Application()
    app.add_routes([web.get("/healthz", healthz), web.get("/metrics", metrics)])
    runner = web.AppRunner(app, access_log=None, handle_signals=False)
    await runner.setup()
    await web.TCPSite(runner, *address).start()
    return runner
