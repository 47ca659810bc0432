"""What the differential test found the log in memory to do otherwise than a broker."""

from __future__ import annotations

import pytest

from processors.host.clock import ManualClock
from processors.host.errors import AbortNeeded, Fatal
from processors.host.memory import MemorySlot, MemoryTransport
from processors.host.memory_log import MemoryLog
from processors.host.places import Place
from processors.host.transport import SlotSpec
from schemas.record import Output

OUTPUT = Output("log", 0, b"k", b"v")


@pytest.fixture
def clock() -> ManualClock:
    """Stands still."""
    return ManualClock()


@pytest.fixture
def transport(clock: ManualClock) -> MemoryTransport:
    """Two partitions, transactions of 5 s."""
    return MemoryTransport(MemoryLog(clock, {"in": 2, "log": 2}))


def joined(transport: MemoryTransport, ordinal: int = 0) -> MemorySlot:
    """A member that knows its partitions."""
    slot = transport.open(SlotSpec("room", "in", "log", ordinal))
    slot.poll(1, 0.0)
    return slot


def test_an_empty_transaction_asks_nobody(transport: MemoryTransport) -> None:
    """Seed 12: begin and end of a transaction without requests are the client's own affair, also when it is fenced."""
    fenced = joined(transport)
    joined(transport)
    fenced.begin()
    fenced.commit()
    fenced.begin()
    fenced.abort()
    fenced.begin()
    with pytest.raises(Fatal):
        fenced.produce([OUTPUT])


def test_the_time_out_runs_from_the_first_request(transport: MemoryTransport, clock: ManualClock) -> None:
    slot = joined(transport)
    slot.begin()
    clock.advance(60_000)
    slot.produce([OUTPUT])
    slot.commit()
    assert transport.log.records("log")


def test_who_owns_nothing_is_told_so_before_anybody_is_asked(transport: MemoryTransport) -> None:
    """Seed 92: a newcomer that has not joined sends positions, and its seat has been taken meanwhile."""
    newcomer = transport.open(SlotSpec("room", "in", "log", 0))
    joined(transport)
    newcomer.begin()
    with pytest.raises(AbortNeeded):
        newcomer.send_offsets({0: 1}, {})


def test_the_position_that_was_sent_last_stands(transport: MemoryTransport, clock: ManualClock) -> None:
    """`late end`: an orphan's EndTxn arrives after its successor has committed."""
    orphan = joined(transport)
    orphan.begin()
    orphan.send_offsets({0: 5}, {})
    clock.advance(1_000)
    orphan.kill()
    clock.advance(3_000)
    transport.log.group("mandate-room", "in").leave("mandate-room-0")
    successor = joined(transport, 1)
    successor.begin()
    successor.send_offsets({0: 7}, {})
    successor.commit()
    orphan.commit()
    assert transport.log.group("mandate-room", "in").offsets[Place("in", 0)] == (7, "")
