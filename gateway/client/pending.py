"""What a caller holds of an action that it handed over: its id, and the way to its receipt."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import Future, InvalidStateError

from gateway.client.errors import Json, Undelivered
from gateway.client.wire import Receipt

# A gateway that restarts is back in 1-2 s, one whose broker restarts in 4-14 s.
RECEIPT_S = 30.0


class Pending:
    """An action that is kept and will be sent. Nobody needs to hold it: the action goes out all the same.

    `resent`: it was sent again because an answer did not come, so it may have been written twice (and is counted once).
    """

    def __init__(self, action: Json, urge: Callable[[], None]) -> None:
        self.action = action
        self.resent = False
        self._urge = urge
        self._lock = threading.Lock()
        self._end: Receipt | BaseException | None = None
        self._waiters: list[Future[Receipt]] = []
        self.asked = False

    @property
    def id(self) -> str:
        """The action's id, under which it can be found for ever."""
        return str(self.action["id"])

    def receipt(self, timeout_s: float = RECEIPT_S) -> Receipt:
        """Wait until the gateway has it. Raises Refused, and Undelivered while it is still kept."""
        waiter = self.waiter()
        try:
            return waiter.result(timeout_s)
        except TimeoutError:
            raise self.still_waiting(timeout_s) from None

    def waiter(self) -> Future[Receipt]:
        """A future that ends with the receipt, or with the error; everything collected so far is sent at once."""
        waiter: Future[Receipt] = Future()
        with self._lock:
            self.asked = True
            end = self._end
            if end is None:
                self._waiters.append(waiter)
        if end is None:
            self._urge()
        else:
            _tell(waiter, end)
        return waiter

    def still_waiting(self, timeout_s: float) -> Undelivered:
        """The error for a caller whose patience has ended."""
        return Undelivered(
            "still_waiting",
            f"action {self.id}",
            f"the gateway has not taken it within {timeout_s:g} s",
            "It is kept and will be sent: do not hand it over again. See what runs: mandate status.",
        )

    def end(self, end: Receipt | BaseException) -> None:
        """The gateway has decided. Called by the engine."""
        with self._lock:
            self._end = end
            waiters, self._waiters = self._waiters, []
        for waiter in waiters:
            _tell(waiter, end)

    def trouble(self, error: BaseException) -> None:
        """It cannot be delivered as things are; who waits is told, and it stays kept. Called by the engine."""
        with self._lock:
            waiters, self._waiters = self._waiters, []
        for waiter in waiters:
            _tell(waiter, error)


def _tell(waiter: Future[Receipt], end: Receipt | BaseException) -> None:
    try:
        if isinstance(end, BaseException):
            waiter.set_exception(end)
        else:
            waiter.set_result(end)
    except InvalidStateError:
        return  # whoever waited has given up
