"""Waiting for something to be seen: asked again and again, never without a limit."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import TypeVar

from gateway.demo.errors import StoryError

T = TypeVar("T")

# Quicker than a person notices, slow enough that a dozen waits cost the gateway little.
STEP_S = 0.25


async def until(look: Callable[[], Awaitable[T | None]], seconds: float, what: str) -> T:
    """The first value of `look` that is not None. Raises StoryError `story_late` naming `what`."""
    end = time.monotonic() + seconds
    while True:
        value = await look()
        if value is not None:
            return value
        if time.monotonic() >= end:
            raise StoryError(
                "story_late",
                what,
                f"it was not seen within {seconds:.0f} s",
                "See what is unhealthy: mandate status; then play again: mandate demo.",
            )
        await asyncio.sleep(STEP_S)
