"""The client for ordinary code."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Unpack

from gateway.client.actions import Fields
from gateway.client.engine import OnRefused
from gateway.client.face import Face, Standing, log, spill_home
from gateway.client.pending import Pending
from gateway.client.policy import DEFAULT, Policy


class Client(Standing):
    """Sends an agent's actions, in order, each exactly once in the history; safe to use from many threads.

        with Client("http://127.0.0.1:8080", token, actor="deployer") as client:
            client.action("deploy", "search-service")

    `spill`: the directory where actions wait while the gateway is away (default `spill_home()`); None keeps them in
    memory only, where they end with the process. `on_refused` is told of refused actions whose receipt nobody asked
    for; without it they are logged, and the end of the `with` block raises the first. Raises Unusable.
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

    def __enter__(self) -> Client:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if error is None:
            self.close()
            return
        try:
            self.close()
        except Exception as second:
            # The caller's own error is the one to raise.
            log.warning("%s", second)

    def action(self, type: str, resource: str, **fields: Unpack[Fields]) -> Pending:
        """Hand over an action. When this returns it is kept, and survives the end of this process (not in memory).

        Raises NotTaken (spill_full, action_unsendable, …): then the action was not kept.
        """
        return self._face.hand_over([{"type": type, "resource": resource, **fields}])[0]

    def submit(self, actions: Sequence[Mapping[str, Any]]) -> list[Pending]:
        """The same for many actions as plain data, all or none. What an action says itself (id, session, …) stays."""
        return self._face.hand_over(actions)

    def flush(self, timeout_s: float | None = None) -> None:
        """Wait until the gateway has decided about everything. Raises Undelivered; what waits stays kept."""
        self._face.engine.flush(self._face.policy.flush_s if timeout_s is None else timeout_s)

    def close(self, timeout_s: float | None = None) -> None:
        """Flush and stop. What waits on disk then is logged and sent by the next client of this actor.

        Raises Undelivered if the gateway does not let us in, or if actions in memory are lost now; Refused for the
        first refused action that nobody asked about.
        """
        self._face.close(self._face.policy.flush_s if timeout_s is None else timeout_s)
