"""When a process that gives no good answer is killed: sooner once it has served than while it starts."""

from __future__ import annotations

import os
import signal
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from gateway.local import state as st
from gateway.local import supervised
from gateway.local.children import HUNG_AFTER_S, START_DEADLINE_S, Spec
from gateway.local.paths import Home
from gateway.local.supervised import UNDECIDED, Supervised, Verdict, Watch

REFUSED = "Connection refused"


class Case:
    """A child whose process, probe and time are the test's."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now = 1_000.0
        self.killed: list[int] = []
        spec = Spec("one", ("one",), "127.0.0.1:1")
        self.watch = Watch(spec, lambda: None)
        self.child = Supervised(spec, Home(Path("/"), Path("/"), Path("/"), Path("/")), self.watch, lambda _: None)
        process: Any = SimpleNamespace(pid=os.getpid(), poll=lambda: None)
        monkeypatch.setattr(supervised, "time", SimpleNamespace(monotonic=lambda: self.now))
        monkeypatch.setattr(supervised, "spawn", lambda *_: process)
        monkeypatch.setattr(supervised, "signal_group", lambda _, number: self.killed.append(number))
        self.child.step(True)
        assert self.child.state == st.STARTING

    def says(self, reason: str, seconds: float, needs_met: bool = True) -> None:
        """For so long every probe fails with this reason; "" is a good answer."""
        end = self.now + seconds
        while self.now < end:
            self.now += 1.0
            self.watch.verdict = Verdict(os.getpid(), not reason, reason, self.now)
            self.child.step(needs_met)


@pytest.fixture
def case(monkeypatch: pytest.MonkeyPatch) -> Case:
    return Case(monkeypatch)


def test_a_slow_start_is_not_taken_for_a_process_that_hangs(case: Case) -> None:
    case.says(REFUSED, START_DEADLINE_S - 1)
    assert START_DEADLINE_S > 2 * HUNG_AFTER_S
    assert case.killed == []
    case.says("", 1)
    assert case.child.state == st.HEALTHY


def test_a_start_that_never_ends_is_ended(case: Case) -> None:
    case.says(REFUSED, START_DEADLINE_S + 1)
    assert case.killed == [signal.SIGKILL]


def test_who_has_served_and_is_silent_is_killed_sooner(case: Case) -> None:
    case.says("", 1)
    case.says("timed out", HUNG_AFTER_S)
    assert case.killed == []
    case.says("timed out", 1)
    assert case.killed == [signal.SIGKILL]


@pytest.mark.parametrize("code", UNDECIDED)
def test_who_waits_for_the_log_or_for_what_it_needs_is_not_killed(case: Case, code: str) -> None:
    case.says("", 1)
    case.says(code, 10 * START_DEADLINE_S)
    case.says("timed out", 10 * START_DEADLINE_S, needs_met=False)
    assert case.killed == []
