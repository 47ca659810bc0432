"""Waiting for a condition with a deadline: the only way a test waits."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar, overload

T = TypeVar("T")

# Short against everything that is waited for, long against the cost of most conditions.
STEP_S = 0.02
# No wait ends sooner, whatever was asked for: a test that passes never waits for it, and on two cores with a load of
# 16 what takes a second alone has taken 30 (a start of Kafka more than that).
PATIENCE_S = 120.0


def until(condition: Callable[[], T], seconds: float, what: str) -> T:
    """The first truthy value of `condition`; fails after `seconds`, naming `what` and the last value seen.

    At least PATIENCE_S: how quick something is, is measured by bench/ and not by a test.
    """
    seconds = max(seconds, PATIENCE_S)
    end = time.monotonic() + seconds
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() >= end:
            raise AssertionError(f"waited {seconds} s for {what}; last seen: {value!r}")
        time.sleep(STEP_S)


@overload
async def auntil(condition: Callable[[], Awaitable[T]], seconds: float, what: str) -> T: ...
@overload
async def auntil(condition: Callable[[], T], seconds: float, what: str) -> T: ...
async def auntil(condition: Callable[[], Any], seconds: float, what: str) -> Any:
    """The same in a coroutine; the condition may be a plain or an async function."""
    seconds = max(seconds, PATIENCE_S)
    end = time.monotonic() + seconds
    while True:
        value = condition()
        result = await value if isinstance(value, Awaitable) else value
        if result:
            return result
        if time.monotonic() >= end:
            raise AssertionError(f"waited {seconds} s for {what}; last seen: {result!r}")
        await asyncio.sleep(STEP_S)
