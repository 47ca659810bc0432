"""What both clients have in common: where actions are kept, one engine, one thread."""

from __future__ import annotations

import atexit
import hashlib
import logging
import os
import re
import secrets
import threading
import time
import uuid
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from gateway.client import actions
from gateway.client.engine import Engine, OnRefused
from gateway.client.errors import Json, Undelivered
from gateway.client.http import Http
from gateway.client.pending import Pending
from gateway.client.policy import Policy
from gateway.client.spill import Spill
from gateway.client.store import Memory, Store

log = logging.getLogger("mandate.client")

# A stop waits for the try that is under way, this long; what it was sending stays kept.
STOP_S = 1.0
_ORDINARY = re.compile(r"[^A-Za-z0-9_.-]")


def spill_home() -> Path:
    """Where actions wait on disk: MANDATE_SPILL, else mandate/spill in XDG_STATE_HOME or ~/.local/state."""
    named = os.environ.get("MANDATE_SPILL")
    if named:
        return Path(named)
    state = os.environ.get("XDG_STATE_HOME")
    return (Path(state) if state else Path.home() / ".local" / "state") / "mandate" / "spill"


class Face:
    """One client: its actor, its session, its engine. Not for callers: use Client or AsyncClient."""

    def __init__(
        self,
        url: str,
        token: str | None,
        actor: str,
        spill: Path | str | None,
        policy: Policy,
        on_refused: OnRefused | None,
    ) -> None:
        self.actor = actor
        self.policy = policy
        # In the order of their making: who adopts what was left behind sends the oldest first.
        self.session = f"{time.time_ns() // 1_000_000:013d}-{secrets.token_hex(4)}"
        self._numbers = actions.Numbers(self.session)
        transport = Http(url, token, policy.request_s)
        self.engine = Engine(stores(url, actor, spill, self.session, policy), transport, policy, on_refused=on_refused)
        self._thread = threading.Thread(target=self.engine.run, name=f"mandate-client-{actor}", daemon=True)
        self._thread.start()
        # A script that ends without closing its client still delivers what it said.
        atexit.register(self._end)

    def hand_over(self, drafts: Sequence[Mapping[str, Any]]) -> list[Pending]:
        """Keep actions, all or none: what they lack of actor, id and time is put in now, once. Raises NotTaken."""
        return self.engine.add([self._whole(draft) for draft in drafts], self._numbers)

    def close(self, timeout_s: float) -> None:
        """Deliver what waits for at most `timeout_s`, then stop. Raises what `flush` raises, and Refused."""
        atexit.unregister(self._end)
        try:
            self.engine.flush(timeout_s)
        except Undelivered as left:
            if self.engine.kept and not self.engine.barred:
                # Safe on disk, and nothing that the caller could do: the next client of this actor sends them.
                log.warning("%s", left)
            else:
                raise
        finally:
            self.engine.stop()
            self._thread.join(STOP_S)
        self.engine.complain()

    def _end(self) -> None:
        try:
            self.close(self.policy.flush_s)
        except Exception as error:
            # The interpreter is going: the last place to say it.
            log.warning("%s", error)

    def _whole(self, draft: Mapping[str, Any]) -> Json:
        action = {key: value for key, value in draft.items() if value is not None}
        action.setdefault("actor", self.actor)
        action.setdefault("id", str(uuid.uuid4()))
        action.setdefault("timestamp", time.time_ns() // 1_000_000)
        if "error" in action:
            action["error"] = actions.said(action["error"])
        return action


def stores(url: str, actor: str, spill: Path | str | None, session: str, policy: Policy) -> list[Store]:
    """What processes left behind that are gone, the oldest first, and the new one of this process."""
    if spill is None:
        return [Memory(policy.memory_bytes)]
    digest = hashlib.sha256(f"{url}\n{actor}".encode()).hexdigest()[:12]
    root = Path(spill) / f"{_ORDINARY.sub('_', actor)[:64]}-{digest}"
    left = Spill.adopt(root, policy.spill_bytes)
    own = Spill.create(root, session, max(0, policy.spill_bytes - sum(store.waiting_bytes for store in left)))
    return [*left, own]


class Standing:
    """Where a client stands: the same for both of them."""

    _face: Face

    @property
    def session(self) -> str:
        """The session under which this client's actions are numbered."""
        return self._face.session

    @property
    def waiting(self) -> int:
        """Actions that the gateway has not decided about yet, with those that earlier processes left behind."""
        return self._face.engine.waiting

    @property
    def circuit(self) -> str:
        """closed (tries are made), open (none for 30 s) or half-open (one is)."""
        return self._face.engine.circuit
