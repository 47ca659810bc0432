"""A broker of one's own for a measurement: a real Kafka on free ports, in a folder that is thrown away."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from gateway.local import kafka
from gateway.local.children import Running
from gateway.local.paths import find_home
from gateway.local.ports import free_port
from processors.host.admin import Admin, TopicState
from processors.host.errors import OutcomeUnknown, Transient
from processors.host.group_positions import GroupPositions
from processors.host.places import Place
from schemas.topology import Topology


@dataclass(frozen=True)
class Broker:
    """A started broker: where it listens, and its process."""

    address: str
    pid: int
    admin: Admin

    def end(self, place: Place) -> int:
        """The offset after the last record of a partition, markers of transactions included."""
        return self.admin.high_watermarks([place])[place]


def committed(positions: GroupPositions, group: str, places: Sequence[Place]) -> int:
    """Records that a group has committed, of all these places; 0 while a young broker is still finding coordinators."""
    try:
        return sum(at or 0 for at in positions.of(group, places).values())
    except (Transient, OutcomeUnknown):
        return 0


@contextmanager
def started(topology: Topology, also: Sequence[TopicState] = ()) -> Iterator[Broker]:
    """A broker with the map's topics and more."""
    home = find_home()
    with tempfile.TemporaryDirectory(prefix="mandate-bench-") as folder:
        spec = kafka.spec(home, Path(folder) / "data", free_port(), free_port())
        running = Running(spec, Path(folder) / "kafka.log")
        running.start()
        try:
            admin = Admin(running.address)
            admin.create([TopicState(t.name, t.partitions, 1, t.config) for t in topology.topics.values()])
            admin.create(also)
            yield Broker(running.address, running.pid, admin)
        finally:
            running.kill()


@contextmanager
def broker(topology: Topology, also: TopicState) -> Iterator[str]:
    """Bootstrap address of a broker with the map's topics and one more."""
    with started(topology, [also]) as running:
        yield running.address
