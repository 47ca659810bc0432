"""What the handlers work with: one value, made by the wiring (or by a test), read by everybody."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

from aiohttp import web

from gateway.configuration.service import Configurations
from gateway.http.answers import Answers
from gateway.http.budget import Budget
from gateway.http.lag import Lag
from gateway.http.limiter import Limiter
from gateway.http.metrics import Metrics
from gateway.http.processes import Processes
from gateway.http.settings import Settings
from gateway.http.tokens import Tokens
from processors.host.places import Placed
from projections.postgres import Pool
from projections.timeline.cold import Cold
from schemas.record import Output
from schemas.topology import Topology


class Sending(Protocol):
    """A sender of records (processors.host.sender.Sender); a test may give another."""

    @property
    def in_flight(self) -> int:
        """Records handed over and not yet acknowledged."""

    @property
    def fatal(self) -> str | None:
        """Why it can never send again, or None."""

    def submit(self, output: Output) -> asyncio.Future[Placed]:
        """Hand over one record now. Raises SendBusy, TooLarge, Fatal; the future raises SendFailed, TooLarge."""


@dataclass(slots=True)
class Services:
    """Everything behind the doors. `clock` gives ms since 1970; `redis` is projections.redis_reading.reader's, or None.

    `login_refused` renders the page of a refused login.
    """

    settings: Settings
    topology: Topology
    tokens: Tokens
    sender: Sending
    lag: Lag
    answers: Answers
    configurations: Configurations
    read_models: Pool
    metrics: Metrics
    budget: Budget
    clock: Callable[[], int]
    processes: Processes
    redis: Any = None
    cold: Cold | None = None
    limiter: Limiter | None = None
    login_refused: Callable[[str, str], web.Response] | None = None
