"""The composition root: topology + deciders + transport -> one running process.

Outside the floors: it sees the kernel, the rooms and the host, and nobody below imports it. Called by
`__main__.py`, by `mandate up` through it, and by tests that want the whole on another transport.
"""

from __future__ import annotations

import signal
from collections.abc import Sequence

from processors.host.client import BATCH_BYTES
from processors.host.clock import SystemClock
from processors.host.errors import Fatal
from processors.host.health import Health
from processors.host.kafka import KafkaTransport
from processors.host.loading import calm_collector
from processors.host.metrics import Metrics
from processors.host.run import Runner
from processors.host.serve import Pages
from processors.host.settings import Settings
from processors.kernel.room import room_of
from processors.kernel.runnable import Runnable
from processors.rooms import DECIDERS
from schemas.topology import Topology


def hosted(topology: Topology, names: Sequence[str]) -> list[Runnable]:
    """These rooms, wired as the map says. Raises Fatal `no_such_processor`."""
    unknown = [name for name in names if name not in topology.rooms or name not in DECIDERS]
    if unknown:
        raise Fatal(
            "no_such_processor",
            ", ".join(unknown),
            "the map knows no processor of this name",
            f"Name one of: {', '.join(topology.rooms)}, effects.",
        )
    return [Runnable(room_of(DECIDERS[name], topology, DECIDERS)) for name in names]


def limits(topology: Topology) -> dict[str, int]:
    """max.message.bytes by topic. Raises Fatal when a topic is below what the client may send as one
    batch."""
    for topic in topology.topics.values():
        if topic.max_bytes < BATCH_BYTES:
            raise Fatal(
                "settings_contradict",
                f"topic {topic.name} takes {topic.max_bytes} bytes",
                f"the client sends batches of up to {BATCH_BYTES}",
                "Raise max_bytes in topology.yaml.",
            )
    return {name: topic.max_bytes for name, topic in topology.topics.items()}


def run(topology: Topology, names: Sequence[str], slot: int, settings: Settings) -> int:
    """Run these rooms on this slot until SIGTERM or SIGINT; gives the exit code. Raises Fatal before anything
    runs."""
    rooms = hosted(topology, names)
    clock = SystemClock()
    metrics = Metrics()
    health = Health(clock)
    transport = KafkaTransport(settings.kafka, settings.security)
    runner = Runner(transport, clock, metrics, health, limits(topology), settings.loop)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda _number, _frame: runner.stop())
    pages = None if settings.http is None else Pages(settings.http, health, metrics.registry)
    if pages is not None:
        pages.start()
    calm_collector()
    for room in rooms:
        runner.start(room, slot)
    code = runner.wait()
    if pages is not None:
        pages.stop()
    return code
