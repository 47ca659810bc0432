"""The one loop behind both clients: keep, collect, send, try again, settle. Safe for threads.

`add` keeps actions in the store under the lock; one thread (`run`) calls `tick`, which makes at most one try and says
how long to wait before the next. So a test can drive it with a clock of its own and no thread. Only `tick` speaks to
the network, and never under the lock.
"""

from __future__ import annotations

import logging
import os
import threading
import time
import weakref
from collections import deque
from collections.abc import Callable, Sequence
from typing import Protocol

from gateway.client import actions, wire
from gateway.client.errors import Json, NotTaken, Refused, Undelivered
from gateway.client.patience import Patience
from gateway.client.pending import Pending
from gateway.client.policy import Policy
from gateway.client.store import Store
from gateway.client.wire import Answer, Later, Receipt, Refusal

log = logging.getLogger("mandate.client")

# Refusals that nobody has asked about are remembered for the end of the `with` block, so many of them; each is logged.
UNSEEN_MAX = 1_000

OnRefused = Callable[[Refused], None]


class Transport(Protocol):
    """Sends a body once and tells what came back."""

    def post(self, body: bytes) -> Answer:
        """Never raises for what a network or a server can do."""
        ...

    def close(self) -> None:
        """Let go of connections."""
        ...


class _Try:
    """The lines at the head of a store that are being delivered, and which of them are settled."""

    def __init__(self, store: Store, first: int, lines: list[bytes]) -> None:
        self.store = store
        self.first = first
        self.lines = lines
        self.left = list(range(len(lines)))


class Engine:
    """Delivers what is added, in order, to one gateway. `stores`: the last is this process's own, those before it were
    left behind by others and go out first."""

    def __init__(
        self,
        stores: Sequence[Store],
        transport: Transport,
        policy: Policy,
        *,
        clock: Callable[[], float] = time.monotonic,
        on_refused: OnRefused | None = None,
    ) -> None:
        self._stores = deque(stores)
        self._own = stores[-1]
        self._transport = transport
        self._policy = policy
        self._clock = clock
        self._on_refused = on_refused
        self._changed = threading.Condition()
        self._patience = Patience(policy)
        self._pending: weakref.WeakValueDictionary[int, Pending] = weakref.WeakValueDictionary()
        self._added = 0
        self._settled = 0
        self._since: float | None = None
        self._urged = bool(self.left_behind)
        self._try: _Try | None = None
        self._smaller: int | None = None
        self._ended = False
        self._process = os.getpid()
        self.trouble: Undelivered | None = None
        self._unseen: list[tuple[Pending | None, Refused]] = []

    @property
    def waiting(self) -> int:
        """Actions that the gateway has not decided about."""
        return sum(store.waiting for store in self._stores)

    @property
    def left_behind(self) -> int:
        """Those of them that processes left which are gone."""
        return sum(store.waiting for store in self._stores if store is not self._own)

    @property
    def circuit(self) -> str:
        """closed, open or half-open."""
        return self._patience.state(self._clock())

    # What the caller does.

    def add(self, drafts: Sequence[Json], numbers: actions.Numbers) -> list[Pending]:
        """Keep actions, all or none, in this order. Raises NotTaken; then no number has been used."""
        with self._changed:
            self._check()
            filled: list[str] = []
            lines: list[bytes] = []
            try:
                for draft in drafts:
                    actor = numbers.fill(draft)
                    lines.append(actions.line(draft))
                    if actor is not None:
                        numbers.used(actor)
                        filled.append(actor)
                # Behind a gateway that does not answer the disk is the only copy.
                self._own.append(lines, durable=self._patience.failures > 0)
            except NotTaken:
                for actor in filled:
                    numbers.used(actor, -1)
                raise
            out = []
            for draft in drafts:
                pending = Pending(draft, self.urge)
                self._pending[self._added] = pending
                self._added += 1
                out.append(pending)
            # The thread is woken for the first of a batch and for a full one, not for each between.
            if self._since is None or self._own.waiting >= self._policy.batch_actions:
                self._since = self._clock() if self._since is None else self._since
                self._changed.notify_all()
            return out

    def urge(self) -> None:
        """Somebody waits: send what there is without waiting for company."""
        with self._changed:
            self._urged = True
            self._changed.notify_all()

    def flush(self, timeout_s: float) -> None:
        """Wait until nothing waits. Raises Undelivered when time is up, or when the gateway does not let us in."""
        with self._changed:
            self._urged = True
            self._changed.notify_all()
            self._changed.wait_for(lambda: not self.waiting or self.barred or self._ended, timeout_s)
            left = self.waiting
            if left:
                raise self._undelivered(left, timeout_s)

    @property
    def barred(self) -> bool:
        """The gateway answered, and does not let this client in: patience alone will not help."""
        return self.trouble is not None and self.trouble.code not in ("gateway_away", "gateway_busy")

    @property
    def waits_for_disk(self) -> bool:
        """The gateway does not answer, so `add` waits until the disk has what is added."""
        return self.kept and self._patience.failures > 0

    @property
    def kept(self) -> bool:
        """What waits survives this process."""
        return self._own.place is not None

    def complain(self) -> None:
        """Raise Refused if there are refused actions that nobody has asked about and nobody was told of."""
        with self._changed:
            unseen = [refused for pending, refused in self._unseen if pending is None or not pending.asked]
            self._unseen = []
        if unseen:
            raise Refused(unseen[0].action, unseen[0].problem, len(unseen) - 1)

    def stop(self) -> None:
        """No further try is begun; `run` returns."""
        with self._changed:
            self._ended = True
            self._changed.notify_all()

    def close(self) -> None:
        """Let go of the stores and the connection; only when nobody calls `tick` any more."""
        with self._changed:
            for store in self._stores:
                store.close()
        self._transport.close()

    # What the thread does.

    def run(self) -> None:
        """Deliver until `stop`, then close."""
        while True:
            with self._changed:
                if self._ended:
                    break
                wait = self._due()
                if wait is None or wait > 0:
                    self._changed.wait(wait)
                    continue
            self.tick()
        self.close()

    def tick(self) -> float | None:
        """Make a try if one is due. Returns seconds until the next one is due; None when nothing waits."""
        with self._changed:
            wait = self._due()
            if wait is None or wait > 0:
                return wait
            trying = self._next()
            lines = [trying.lines[i] for i in trying.left]
        answer = self._transport.post(wire.body(lines))
        judged = wire.judge(answer, len(lines))
        with self._changed:
            told = self._settle(trying, judged, answer.retry_after)
            self._changed.notify_all()
            due = self._due()
        for pending, refused in told:
            self._report(pending, refused)
        return due

    def _due(self) -> float | None:
        """Seconds until a try is due, 0 for now, None for nothing to do. Under the lock."""
        if not self.waiting:
            self._since, self._urged = None, False
            return None
        now = self._clock()
        wait = self._patience.wait(now)
        if wait > 0 or self._try is not None or self._urged or self._since is None:
            return wait
        own = self._own
        if own.waiting >= self._policy.batch_actions or own.waiting_bytes >= self._policy.batch_bytes:
            return 0.0
        return max(0.0, self._since + self._policy.linger_s - now)

    def _next(self) -> _Try:
        """What is to be sent: the rest of the last try, or the head of the first store that holds anything."""
        if self._try is None:
            while not self._stores[0].waiting and self._stores[0] is not self._own:
                self._stores.popleft().close()
            store = self._stores[0]
            count = self._smaller or self._policy.batch_actions
            lines = store.head(count, self._policy.batch_bytes)
            self._try = _Try(store, self._settled, lines)
        return self._try

    def _settle(self, trying: _Try, judged: wire.Judged, retry_after: float) -> list[tuple[Pending | None, Refused]]:
        """Apply what the gateway said; returns what it refused and nobody has asked for. Under the lock."""
        if judged.outcomes is None and judged.unreadable:
            if len(trying.left) > 1:
                # Something in it spoils the whole: look for it in smaller requests.
                self._smaller = max(1, len(trying.lines) // 2)
                self._try = None
                return []
            judged = wire.Judged((Refusal(judged.problem),) * len(trying.left), judged.problem)
        if judged.outcomes is None:
            self._failed(trying, judged.problem, retry_after, barred=True)
            return []
        refused: list[tuple[Pending | None, Refused]] = []
        left: list[int] = []
        for index, outcome in zip(trying.left, judged.outcomes, strict=True):
            pending = self._pending_of(trying, index)
            if isinstance(outcome, Later):
                left.append(index)
                if pending is not None and outcome.written:
                    pending.resent = True
            elif isinstance(outcome, Receipt):
                if pending is not None:
                    pending.end(outcome)
            else:
                error = Refused(actions.plain(trying.lines[index]), outcome.problem)
                if pending is not None:
                    pending.end(error)
                if pending is None or not pending.asked:
                    refused.append((pending, error))
        progress = len(left) < len(trying.left)
        trying.left = left
        if progress:
            self._succeeded()
        if left:
            problem = next(o.problem for o in judged.outcomes if isinstance(o, Later))
            self._failed(trying, problem, retry_after, barred=False)
        else:
            trying.store.done(trying.lines)
            if trying.store is self._own:
                self._settled += len(trying.lines)
            self._try = self._smaller = None
            # What came meanwhile has waited for as long as a request takes: enough company.
            self._since = None if self.waiting else self._since
        return refused

    def _pending_of(self, trying: _Try, index: int) -> Pending | None:
        return self._pending.get(trying.first + index) if trying.store is self._own else None

    def _succeeded(self) -> None:
        if self._patience.failures >= self._policy.tries:
            log.warning("the gateway answers again; %d actions wait to be sent", self.waiting)
        self._patience.succeeded()
        self.trouble = None

    def _failed(self, trying: _Try, problem: Json, retry_after: float, *, barred: bool) -> None:
        first = self._patience.failures == 0
        self._patience.failed(self._clock(), retry_after)
        code = str(problem.get("code"))
        if not barred and code not in ("gateway_away",):
            code = "gateway_busy"
        remedy = str(problem.get("remedy") or "See what runs: mandate status.")
        self.trouble = Undelivered(code, "what was handed over", str(problem.get("detail")), remedy)
        if first:
            self._own.sync()
        if self._patience.failures == self._policy.tries or (barred and first):
            log.warning("%d actions are kept in %s: %s", self.waiting, self._own.place or "memory", self.trouble)
        if barred:
            for index in trying.left:
                pending = self._pending_of(trying, index)
                if pending is not None:
                    pending.trouble(self._undelivered(self.waiting, 0))

    def _undelivered(self, left: int, timeout_s: float) -> Undelivered:
        last = self.trouble
        error = Undelivered(
            last.code if last else "still_waiting",
            f"{left} {'action' if left == 1 else 'actions'}",
            last.why if last else f"the gateway has not taken them within {timeout_s:g} s",
            f"Kept in {self._own.place or 'the memory of this process'}, and sent under their same ids when that is "
            f"possible. {last.remedy if last else 'See what runs: mandate status.'}",
        )
        error.waiting = left
        return error

    def _report(self, pending: Pending | None, refused: Refused) -> None:
        """Tell somebody of an action that nobody has asked for."""
        if self._on_refused is not None:
            self._on_refused(refused)
            return
        log.warning("refused for good: %s", refused)
        with self._changed:
            if len(self._unseen) < UNSEEN_MAX:
                self._unseen.append((pending, refused))

    def _check(self) -> None:
        if self._ended:
            raise NotTaken("client_closed", "the action", "this client is closed", "Make another one.")
        if os.getpid() != self._process:
            why = "this client belongs to the process that made it, not to its child"
            raise NotTaken("client_forked", "the action", why, "Make a client in the child.")
