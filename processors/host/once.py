"""Writes one record under a name that fences whoever wrote under it before: for repairs that must not happen twice.

Called by the gateway's redrive. The start of the producer ends (aborts) what a killed one had left open, so that what
is read as committed afterwards is all that will ever come of it.
"""

from __future__ import annotations

import contextlib

from processors.host.errors import AbortNeeded, OutcomeUnknown, Transient
from processors.host.kafka_producer import TransactionalProducer
from processors.host.watch import Watch
from schemas.record import Output

# As short as a processor's: what a killed command leaves open holds readers back no longer.
TRANSACTION_TIMEOUT_MS = 5_000


class OnceWriter:
    """A transactional producer for single records. Close it."""

    def __init__(self, bootstrap: str, name: str) -> None:
        """Fence the one before. Raises Fatal `producer_not_opened`."""
        self._producer = TransactionalProducer(bootstrap, name, None, TRANSACTION_TIMEOUT_MS, Watch())

    def write(self, output: Output) -> None:
        """One transaction. Raises AbortNeeded, Transient (nothing was written), OutcomeUnknown, Fatal."""
        try:
            self._producer.begin()
            self._producer.produce([output])
            self._producer.commit()
        except (AbortNeeded, Transient):
            with contextlib.suppress(AbortNeeded, Transient, OutcomeUnknown):  # the next start aborts it too
                self._producer.abort()
            raise

    def close(self) -> None:
        """Leave."""
        self._producer.close()
