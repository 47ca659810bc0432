"""Actions fed into running processes as fast as they go through, never more than a window of them under way.

The throughput is then sustained by construction: what is sent is bounded by what came out of the last process, so lag
cannot grow. Used by `bench.chain` and `bench.pipeline`.
"""

from __future__ import annotations

import re
import sys
import threading
import urllib.request
from collections.abc import Mapping, Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from time import monotonic

from bench.figures import Json
from bench.load import Feed, Load
from bench.meter import Child, cpu_s, rss_mb
from gateway.local.ports import HOST, free_port
from tests.support.waiting import until

READY_S = 60.0
SCRAPE_S = 5.0
# The bytes of a page of metrics are made anew at each look (2 ms of the process's time): ten times a second is enough
# to keep a window of a second's actions full.
LOOK_S = 0.1
DRAIN_S = 60.0


@dataclass(frozen=True)
class Member:
    """A process of ours: its arguments after `python -m`, and its metric of records done."""

    name: str
    arguments: tuple[str, ...]
    metric: str
    env: Mapping[str, str] = field(default_factory=dict)


def processor(name: str, slot: int = 0) -> Member:
    """A processor as deployed."""
    label = f"processor-{name}" if slot == 0 else f"processor-{name}-{slot}"
    return Member(label, ("processors", name, "--slot", str(slot)), f'room_records_total{{room="{name}"}}')


def projection(name: str) -> Member:
    """A read model as deployed."""
    return Member(f"projection-{name}", ("projections", name), f'projection_records_total{{projection="{name}"}}')


class Started:
    """A member that runs, with a page of metrics."""

    def __init__(self, member: Member, folder: Path, env: Mapping[str, str], stack: ExitStack) -> None:
        self.member = member
        # A read model has nothing to restore, so it has no page that says when it has.
        self._ready = "/readyz" if member.arguments[0] == "processors" else "/healthz"
        self._address = f"{HOST}:{free_port()}"
        own = {**env, **member.env, "MANDATE_HTTP": self._address}
        name = f"{member.name}-{self._address.rpartition(':')[2]}"
        self.child = stack.enter_context(Child(name, [sys.executable, "-m", *member.arguments], folder, own))
        self.ready_s = 0.0

    def get(self, path: str) -> str:
        """A page of its own server. Raises OSError."""
        with urllib.request.urlopen(f"http://{self._address}{path}", timeout=SCRAPE_S) as answer:
            return str(answer.read().decode())

    def ready(self) -> bool:
        """True once it says so; remembers how long that took. Raises RuntimeError when it has ended."""
        assert self.child.pid
        with suppress(OSError):
            self.get(self._ready)
            self.ready_s = self.ready_s or round(monotonic() - self.child.begun, 2)
            return True
        return False

    def value(self, metric: str) -> float:
        """The sum of a metric's values, over the labels that are not given."""
        name, _, labels = metric.rstrip("}").partition("{")
        lines = re.findall(rf"^{re.escape(name)}(?:{{(.*)}})? (\S+)$", self.get("/metrics"), re.MULTILINE)
        return sum(float(number) for found, number in lines if labels in found)

    def done(self) -> int:
        """Records done."""
        return int(self.value(self.member.metric))


@dataclass(frozen=True)
class Use:
    """CPU and memory of every process at a moment."""

    at: float
    done: int
    cpu: Mapping[str, float]
    rss: Mapping[str, float]


class Flow:
    """Running members behind one feed. `servers`: names and pids of Kafka and whatever else is to be measured."""

    def __init__(self, bootstrap: str, servers: Mapping[str, int], folder: Path, env: Mapping[str, str]) -> None:
        self._bootstrap, self._servers, self._folder = bootstrap, dict(servers), folder
        self._env = {"MANDATE_KAFKA": bootstrap, **env}
        self._stack = ExitStack()
        self.members: list[Started] = []
        self.sent = 0
        self._feed = Feed(bootstrap, "actions.raw")

    def __enter__(self) -> Flow:
        return self

    def __exit__(self, *error: object) -> None:
        self._stack.close()

    def start(self, members: Sequence[Member]) -> None:
        """Start them all, and wait until each has its state."""
        for member in members:
            self.members.append(Started(member, self._folder, self._env, self._stack))
        until(lambda: all(m.ready() for m in self.members), READY_S, "every process to be ready")

    def done(self, last: str) -> int:
        """Records that all processes of this name have done."""
        return sum(m.done() for m in self.members if m.member.metric == last)

    def use(self, done: int) -> Use:
        """What every process has used by now."""
        pids = {m.member.name: m.child.pid for m in self.members} | self._servers
        return Use(monotonic(), done, {n: cpu_s(p) for n, p in pids.items()}, {n: rss_mb(p) for n, p in pids.items()})

    def run(self, load: Load, last: str, window: int, warm_s: float, seconds: float, most: int) -> Json:
        """Feed for `warm_s + seconds`, but at most `most` records; the figures of the time after the warm-up."""
        records = list(load.take(most))
        waiting = iter(records)
        pause = threading.Event()  # nobody sets it
        begun, first = monotonic(), None
        ends, looked = begun + warm_s + seconds, 0.0
        done = base = self.done(last)
        while monotonic() < ends and self.sent < len(records):
            if monotonic() - looked >= LOOK_S:
                done, looked = self.done(last) - base, monotonic()
                if first is None and looked - begun >= warm_s:
                    first = self.use(done)
            room = min(window - (self.sent - done), len(records) - self.sent)
            if room <= 0:
                pause.wait(LOOK_S)
                continue
            self._feed.send(islice(waiting, room))
            self.sent += room
            self._feed.flush()
        if first is None:
            raise TimeoutError(f"{len(records)} records were used up in the warm-up: give more")
        after = self.use(self.done(last) - base)
        self._drain(last, base)
        return figures(first, after, window)

    def _drain(self, last: str, base: int) -> None:
        until(lambda: self.done(last) - base >= self.sent, DRAIN_S, f"all {self.sent} actions to pass {last}")


def figures(first: Use, after: Use, window: int) -> Json:
    """Costs per action between two moments, of all processes and of each."""
    done = after.done - first.done
    if done <= 0:
        raise TimeoutError("no action came through in the measured time")
    cost = {name: (after.cpu[name] - first.cpu[name]) / done * 1e6 for name in first.cpu}
    return {
        "actions_per_s": round(done / (after.at - first.at)),
        "actions": done,
        "seconds": round(after.at - first.at, 1),
        "under_way_at_most": window,
        "cpu_us": round(sum(cost.values()), 1),
        "processes": [
            {"process": name, "cpu_us": round(cost[name], 1), "rss_mb": after.rss[name]} for name in sorted(cost)
        ],
    }
