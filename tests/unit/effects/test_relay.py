"""The relay: only what is due, unchanged, and the position after the acknowledgement."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from processors.effects.metrics import Metrics
from processors.effects.outcomes import TRIES
from processors.effects.relay import HORIZON_MS, Relay, target_key
from processors.effects.watch import Watch
from processors.host.errors import Fatal, HostError, OutcomeUnknown, SendFailed
from processors.host.places import Place, Placed
from processors.host.reader import Batch
from schemas import codec, ids
from schemas.messages.notifications import Channel, EscalationStopped
from schemas.record import Output, Record
from tests.support.effects import notice_requested, page_requested

PLACE = Place("notifications.events", 0)
NOW_MS = 1_700_000_000_000
HEADERS = (("ce_id", b"x"),)


class Reader:
    """Gives one batch of records, again after a rewind; then empty ones, and asks the relay to stop."""

    def __init__(self, records: list[Record], stop: asyncio.Event, commit_failure: HostError | None = None) -> None:
        self.batch = Batch(tuple(records), {PLACE: 0}, {PLACE: len(records)})
        self.loop = asyncio.get_running_loop()
        self.stop = stop
        self.commit_failure = commit_failure
        self.at = 0
        self.committed: list[dict[Place, int]] = []
        self.rewound = 0
        self.closed = False

    def read(self, limit: int, seconds: float) -> Batch:
        if self.at == 0:
            self.at = 1
            return self.batch
        self.loop.call_soon_threadsafe(self.stop.set)
        return Batch()

    def rewind(self, batch: Batch) -> None:
        self.rewound += 1
        self.at = 0

    def commit(self, positions: dict[Place, int]) -> None:
        if self.commit_failure is not None:
            raise self.commit_failure
        self.committed.append(positions)

    def close(self) -> None:
        self.closed = True


class Log:
    def __init__(self, *failures: HostError) -> None:
        self.failures = list(failures)
        self.outputs: list[Output] = []

    async def send(self, output: Output) -> Placed:
        if self.failures:
            raise self.failures.pop(0)
        self.outputs.append(output)
        return Placed(output.topic, 0, 0)


def record(message: Any, offset: int = 0, append_time: int = NOW_MS) -> Record:
    value = message if isinstance(message, bytes) else codec.encode(message)
    return Record("notifications.events", 0, offset, append_time, b"shop", value, HEADERS)


async def relay(records: list[Record], log: Log, commit_failure: HostError | None = None) -> tuple[Reader, Metrics]:
    stop, metrics = asyncio.Event(), Metrics()
    reader = Reader(records, stop, commit_failure)
    await Relay(reader, log.send, "effects.requests", metrics, Watch(), clock=lambda: NOW_MS / 1000).run(stop)
    return reader, metrics


STOPPED = EscalationStopped("shop", ids.derive("incident"), 7, "bob", "acknowledged", 1)


async def test_only_requests_are_copied_and_not_a_byte_is_changed() -> None:
    requested = record(page_requested(), 1)
    log = Log()
    reader, _ = await relay([record(STOPPED, 0), requested, record(STOPPED, 2)], log)
    assert log.outputs == [Output("effects.requests", None, target_key(page_requested()), requested.value, HEADERS)]
    assert reader.committed == [{PLACE: 3}]
    assert reader.closed


async def test_a_notice_is_copied_to_its_persons_target() -> None:
    requested = record(notice_requested(), 1)
    log = Log()
    await relay([requested], log)
    assert log.outputs == [Output("effects.requests", None, target_key(page_requested()), requested.value, HEADERS)]


def test_the_key_is_the_target() -> None:
    one = page_requested(channel=Channel("webhook", "https://a.example/x"))
    assert target_key(one) == target_key(page_requested(tenant="other", channel=one.channel))
    assert target_key(one) != target_key(page_requested(channel=Channel("console", "https://a.example/x")))


async def test_what_cannot_be_read_is_a_dead_letter_and_holds_up_nothing() -> None:
    log = Log()
    reader, metrics = await relay([record(b"rubbish", 0), record(page_requested(), 1)], log)
    assert [o.topic for o in log.outputs] == ["dead.letters", "effects.requests"]
    assert reader.committed == [{PLACE: 2}]
    assert metrics.registry.get_sample_value("mandate_effects_skipped_total", {"reason": "undecodable"}) == 1


async def test_history_is_not_paged() -> None:
    log = Log()
    old = record(page_requested(), 0, NOW_MS - HORIZON_MS - 1)
    reader, _ = await relay([old, record(page_requested(attempt=2), 1, NOW_MS - HORIZON_MS)], log)
    assert [o.value for o in log.outputs] == [codec.encode(page_requested(attempt=2))]
    assert reader.committed == [{PLACE: 2}]


async def test_without_acknowledgement_the_position_stays_and_it_is_copied_again() -> None:
    log = Log(*[SendFailed("send_failed", "x", "y", "z")] * TRIES)
    reader, _ = await relay([record(page_requested())], log)
    assert reader.rewound == 1
    assert len(log.outputs) == 1
    assert reader.committed == [{PLACE: 1}]


async def test_a_position_that_is_not_stored_stops_nothing() -> None:
    log = Log()
    reader, _ = await relay([record(page_requested())], log, OutcomeUnknown("outcome_unknown", "x", "y", "z"))
    assert len(log.outputs) == 1
    assert reader.closed


async def test_a_fatal_error_ends_the_relay_and_closes_the_reader() -> None:
    log = Log(Fatal("client_fatal", "x", "y", "z"))
    with pytest.raises(Fatal):
        await relay([record(page_requested())], log)
