"""The host's contract on a real broker."""

import pytest

from tests.contract.host_suite import *  # noqa: F403 - one suite, every transport
from tests.support.host_worlds import KafkaWorld


@pytest.fixture
def world(kafka):
    """Two partitions, topics of this test's own."""
    found = KafkaWorld(kafka.bootstrap)
    yield found
    found.close()


@pytest.fixture
def small_world(kafka):
    """Events above 2,000 bytes are refused by their topic."""
    found = KafkaWorld(kafka.bootstrap, event_bytes=2_000)
    yield found
    found.close()
