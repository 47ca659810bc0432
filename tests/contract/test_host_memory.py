"""The host's contract on the log in memory."""

import pytest

from tests.contract.host_suite import *  # noqa: F403 - one suite, every transport
from tests.support.host_worlds import MemoryWorld


@pytest.fixture
def world():
    """Two partitions."""
    return MemoryWorld()


@pytest.fixture
def small_world():
    """Events above 2,000 bytes are refused by their topic."""
    return MemoryWorld(event_bytes=2_000)
