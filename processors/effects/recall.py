"""At the start: what the process before this one has reported already, read back from the end of the commands' topic.

Faust commits once a second, so a killed process leaves about a second of requests that were sent and reported and come
again. Their outcomes are on the log; knowing them, those requests are answered instead of sent a second time. Best
effort: without it, and for what was sent and not yet reported, the target knows the repeat by its webhook-id.
"""

from __future__ import annotations

import logging
import time

from processors.effects.channels import Verdict
from processors.effects.handled import Handled
from processors.host.client import Security
from processors.host.errors import HostError
from processors.host.places import Place
from processors.host.reader import LogReader
from schemas.codec import Words
from schemas.errors import SchemaError
from schemas.messages.notifications import ReportOutcome
from schemas.record import Record

LOG = logging.getLogger(__name__)

# Ten seconds at the 200 records a second of a very bad day; about 0.1 s of reading.
TAIL_RECORDS = 2_000
SECONDS = 3.0


def recall(bootstrap: str, topic: str, partitions: int, handled: Handled, security: Security | None = None) -> int:
    """Fill `handled` from the last records of each partition; gives how many outcomes were found. Blocks ≤ 3 s."""
    words = Words((ReportOutcome,))
    deadline = time.monotonic() + SECONDS
    found = 0
    try:
        reader = LogReader(bootstrap, name="effects-recall", security=security)
        try:
            ends = reader.ends([Place(topic, number) for number in range(partitions)])
            reader.assign({place: max(at.low, at.stable - TAIL_RECORDS) for place, at in ends.items()})
            while any(reader.position(place) < at.stable for place, at in ends.items()):
                if time.monotonic() > deadline:
                    LOG.warning("the outcomes reported lately were not read to the end")
                    break
                found += sum(_remember(record, words, handled) for record in reader.read(TAIL_RECORDS, 0.1).records)
        finally:
            reader.close()
    except HostError as error:
        LOG.warning("the outcomes reported lately cannot be read: %s", error)
    return found


def _remember(record: Record, words: Words, handled: Handled) -> bool:
    try:
        said: ReportOutcome = words.decode(record.value)
    except SchemaError:
        return False
    handled.remember(said.notification_id, said.attempt, Verdict(said.outcome, said.detail))
    return True
