"""A real effects process on topics of its own, and a driver that plays the notifications processor beside it.

The driver does what the processor does for proof of page: it asks in a transaction, and asks again with the next
attempt of the same notification_id until an outcome `delivered` has come.
"""

from __future__ import annotations

import asyncio
import itertools
import os
import signal
import subprocess
import sys
import time
from dataclasses import dataclass, field, replace
from pathlib import Path

import yaml
from confluent_kafka import Producer

from gateway.local.plan import DEVELOPMENT
from gateway.local.ports import HOST, free_port
from processors.host.admin import Admin, TopicState
from processors.host.places import Place
from processors.host.reader import LogReader
from schemas import codec, envelope, ids, topology
from schemas.messages.notifications import COMMANDS, EVENTS, PageRequested, ReportOutcome
from schemas.topology import DEAD_LETTERS
from tests.support.waiting import PATIENCE_S, until

NUMBERS = itertools.count(1)
ROOT = Path(__file__).parent.parent.parent


@dataclass(frozen=True, slots=True)
class Topics:
    """A map of its own: the real one with the three topics of the effects service under fresh names."""

    file: Path
    events: str
    requests: str
    commands: str


def make_topics(bootstrap: str, folder: Path) -> Topics:
    """Write the map and create its topics."""
    plain = yaml.safe_load((ROOT / "topology.yaml").read_text())
    prefix = f"effects-test-{os.getpid()}-{next(NUMBERS)}"
    names = {}
    for role, name in (
        ("events", plain["effects"]["relay"]["from"]),
        ("requests", plain["effects"]["relay"]["to"]),
        ("commands", plain["effects"]["reports_to"]),
    ):
        names[role] = f"{prefix}.{name}"
        plain["topics"][names[role]] = plain["topics"][name]
    plain["effects"] = {"relay": {"from": names["events"], "to": names["requests"]}, "reports_to": names["commands"]}
    file = folder / "topology.yaml"
    file.write_text(yaml.safe_dump(plain))
    declared = topology.load(file).topics
    admin = Admin(bootstrap)
    admin.create(
        [TopicState(n, declared[n].partitions, 1, declared[n].config) for n in (*names.values(), DEAD_LETTERS)]
    )
    admin.close()
    return Topics(file=file, **names)


class EffectsProcess:
    """`processors.effects.run(slot)` in a process that a test may kill and start again."""

    def __init__(self, bootstrap: str, dsn: str, topics: Topics, folder: Path, slot: int = 0) -> None:
        self.address = f"{HOST}:{free_port()}"
        self.console = folder / "console.jsonl"
        self.log = folder / "effects.log"
        self._slot = slot
        self._env = os.environ | {
            "MANDATE_KAFKA": bootstrap,
            "MANDATE_POSTGRES": dsn,
            "MANDATE_HTTP": self.address,
            "MANDATE_TOPOLOGY": str(topics.file),
            "MANDATE_EFFECTS_CONSOLE": str(self.console),
            "PYTHONUNBUFFERED": "1",
            **DEVELOPMENT,
        }
        self._running: subprocess.Popen[bytes] | None = None

    @property
    def running(self) -> subprocess.Popen[bytes]:
        """The process as started last."""
        assert self._running is not None
        return self._running

    def start(self) -> None:
        """Start; returns at once."""
        command = [sys.executable, "-c", f"from processors.effects import run; run({self._slot})"]
        with self.log.open("ab") as log:
            self._running = subprocess.Popen(command, cwd=ROOT, env=self._env, stdout=log, stderr=log)

    def kill(self) -> None:
        """SIGKILL, and wait until it is gone."""
        self.running.kill()
        self.running.wait(60)

    def terminate(self) -> int:
        """SIGTERM, and its exit code."""
        self.running.send_signal(signal.SIGTERM)
        return self.running.wait(60)

    def peak_mb(self) -> int:
        """The most memory it has had resident, in MiB."""
        status = Path(f"/proc/{self.running.pid}/status").read_text()
        line = next(line for line in status.splitlines() if line.startswith("VmHWM"))
        return int(line.split()[1]) // 1024

    def close(self) -> None:
        """Kill what is left."""
        if self._running is not None and self._running.poll() is None:
            self.kill()


@dataclass(slots=True)
class Asked:
    """One page as the driver knows it."""

    request: PageRequested
    at: float
    outcomes: list[ReportOutcome] = field(default_factory=list)

    @property
    def delivered(self) -> bool:
        """Has an attempt been reported delivered?"""
        return any(o.outcome == "delivered" for o in self.outcomes)


class Room:
    """Plays the notifications processor. `step` in a loop; `ask` whenever a page is due."""

    def __init__(self, bootstrap: str, topics: Topics, *, wait_seconds: float) -> None:
        self._topics = topics
        self._wait = wait_seconds
        self._numbers = itertools.count(1)
        self.pages: dict[bytes, Asked] = {}
        self._producer = Producer(
            {
                "bootstrap.servers": bootstrap,
                "transactional.id": topics.events,
                "linger.ms": 0,
                "partitioner": "murmur2_random",
            }
        )
        self._producer.init_transactions(60)
        self._reader = LogReader(bootstrap)
        self._reader.assign({Place(topics.commands, p): None for p in range(2)})
        self._words = codec.Words(COMMANDS)

    def ask(self, *requests: PageRequested, abort: bool = False) -> None:
        """Ask for pages in one transaction; an aborted one must never be seen by anybody."""
        self._producer.begin_transaction()
        for request in requests:
            stamped = replace(request, at=int(time.time() * 1000))
            headers = envelope.headers_of(
                ids.derive("event", next(self._numbers)), "PageRequested", "notifications", request.tenant, stamped.at
            )
            self._producer.produce(
                self._topics.events, codec.encode(stamped), request.tenant.encode(), headers=list(headers)
            )
            if not abort:
                known = self.pages.setdefault(request.notification_id, Asked(stamped, 0.0))
                known.request, known.at = stamped, time.monotonic()
        if abort:
            self._producer.flush(60)
            self._producer.abort_transaction(60)
        else:
            self._producer.commit_transaction(60)

    def other_event(self, event: object) -> None:
        """Something on the events topic that is no request."""
        assert isinstance(event, EVENTS)
        self._producer.begin_transaction()
        self._producer.produce(self._topics.events, codec.encode(event), b"shop")
        self._producer.commit_transaction(60)

    def step(self, *, ask_again: bool = True) -> None:
        """Read outcomes; ask again for what has none in time, and for what was not delivered."""
        for record in self._reader.read(500, 0.05).records:
            outcome = self._words.decode(record.value)
            assert isinstance(outcome, ReportOutcome)
            self.pages[outcome.notification_id].outcomes.append(outcome)
        if not ask_again:
            return
        now = time.monotonic()
        again = []
        for page in self.pages.values():
            if page.delivered:
                continue
            answered = any(o.attempt == page.request.attempt for o in page.outcomes)
            if answered or now - page.at > self._wait:
                again.append(replace(page.request, attempt=page.request.attempt + 1))
        if again:
            self.ask(*again)

    async def settle(self, seconds: float, *, ask_again: bool = True) -> None:
        """Step until every page has been delivered (or, without asking again, has an outcome)."""
        end = time.monotonic() + max(seconds, PATIENCE_S)
        while open_ := [p for p in self.pages.values() if not (p.delivered if ask_again else p.outcomes)]:
            assert time.monotonic() < end, f"{len(open_)} pages without outcome, e.g. {open_[0]}"
            await asyncio.to_thread(self.step, ask_again=ask_again)

    def close(self) -> None:
        """Leave."""
        self._reader.close()


def wait_until_healthy(address: str, seconds: float = 30) -> None:
    """Wait for 200 from /healthz."""
    import http.client

    def healthy() -> bool:
        host, _, port = address.rpartition(":")
        connection = http.client.HTTPConnection(host, int(port), timeout=20)
        try:
            connection.request("GET", "/healthz")
            return connection.getresponse().status == 200
        except OSError:
            return False
        finally:
            connection.close()

    until(healthy, seconds, f"/healthz of {address}")
