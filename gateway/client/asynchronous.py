"""The client for asyncio: the same engine in the same thread of its own, waited for without blocking the loop."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Unpack

from gateway.client.actions import Fields
from gateway.client.engine import OnRefused
from gateway.client.errors import Json
from gateway.client.face import Face, Standing, log, spill_home
from gateway.client.pending import RECEIPT_S, Pending
from gateway.client.policy import DEFAULT, Policy
from gateway.client.wire import Receipt


class AsyncPending:
    """An action that is kept and will be sent; see `Pending`."""

    def __init__(self, pending: Pending) -> None:
        self._pending = pending

    @property
    def id(self) -> str:
        """The action's id."""
        return self._pending.id

    @property
    def action(self) -> Json:
        """What is sent."""
        return self._pending.action

    @property
    def resent(self) -> bool:
        """It was sent again because an answer did not come."""
        return self._pending.resent

    async def receipt(self, timeout_s: float = RECEIPT_S) -> Receipt:
        """Wait until the gateway has it. Raises Refused, and Undelivered while it is still kept."""
        try:
            async with asyncio.timeout(timeout_s):
                return await asyncio.wrap_future(self._pending.waiter())
        except TimeoutError:
            raise self._pending.still_waiting(timeout_s) from None


class AsyncClient(Standing):
    """`Client` for asyncio; parameters and errors are the same.

    async with AsyncClient("http://127.0.0.1:8080", token, actor="deployer") as client:
        await client.action("deploy", "search-service")
    """

    def __init__(
        self,
        url: str,
        token: str | None,
        *,
        actor: str,
        spill: Path | str | None = "",
        policy: Policy = DEFAULT,
        on_refused: OnRefused | None = None,
    ) -> None:
        self._face = Face(url, token, actor, spill_home() if spill == "" else spill, policy, on_refused)

    async def __aenter__(self) -> AsyncClient:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if error is None:
            await self.close()
            return
        try:
            await self.close()
        except Exception as second:
            # The caller's own error is the one to raise.
            log.warning("%s", second)

    async def action(self, type: str, resource: str, **fields: Unpack[Fields]) -> AsyncPending:
        """Hand over an action; see `Client.action`."""
        return (await self.submit([{"type": type, "resource": resource, **fields}]))[0]

    async def submit(self, actions: Sequence[Mapping[str, Any]]) -> list[AsyncPending]:
        """The same for many actions as plain data, all or none, in order."""
        if self._face.engine.waits_for_disk:
            pending = await asyncio.to_thread(self._face.hand_over, actions)
        else:
            pending = self._face.hand_over(actions)
        return [AsyncPending(one) for one in pending]

    async def flush(self, timeout_s: float | None = None) -> None:
        """Wait until the gateway has decided about everything; see `Client.flush`."""
        await asyncio.to_thread(self._face.engine.flush, self._face.policy.flush_s if timeout_s is None else timeout_s)

    async def close(self, timeout_s: float | None = None) -> None:
        """Flush and stop; see `Client.close`."""
        await asyncio.to_thread(self._face.close, self._face.policy.flush_s if timeout_s is None else timeout_s)
