"""Words for tests about similar errors: a failure with a message, fingerprinted as the signals processor does it."""

from __future__ import annotations

from typing import Any

from processors.signals.rules import fingerprint, normalise
from schemas.messages.incidents import ErrorSignalled
from tests.support.desk import START
from tests.support.incident_words import signal


def said(n: int, message: str, at: int = START, **changes: Any) -> ErrorSignalled:
    """Failure number `n` with this message."""
    error_type = changes.get("error_type", "PaymentError")
    told = {"fingerprint": fingerprint(error_type, message), "message": normalise(message), "sample": message}
    return signal(n, at, **(told | changes))


def host(n: int, name: str, at: int = START, **changes: Any) -> ErrorSignalled:
    """Failure number `n`: the connection to a host with this nickname."""
    return said(n, f"connection to host {name} refused after {n} ms", at, **changes)
