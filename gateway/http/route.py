"""One line of the route table."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from aiohttp import web

from gateway.http.auth import Access
from gateway.http.openapi.operation import Operation

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


@dataclass(frozen=True, slots=True)
class Route:
    """One address: who may use it, what answers, and what it says of itself in /openapi.json."""

    method: str
    path: str
    access: Access
    handler: Handler
    about: Operation | None = None
