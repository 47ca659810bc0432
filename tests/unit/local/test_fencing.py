"""After a crash the node is started when a controller has fenced it, or had all its time and found nothing to do."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from gateway.local import fencing


def controller(code: str) -> list[str]:
    """A controller that does this."""
    return [sys.executable, "-c", code]


def starts(folder: Path) -> int:
    """How often it was started."""
    return len((folder / "starts").read_text())


def counted(folder: Path, code: str) -> list[str]:
    """A controller that leaves a mark and does this; `n` is the number of its start."""
    mark = f"f = open({str(folder / 'starts')!r}, 'a+'); f.write('x'); f.seek(0); n = len(f.read())\n"
    return controller(mark + code)


SAYS = "print('INFO Fencing broker 1', flush=True)"


@pytest.fixture(autouse=True)
def grown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fencing, "_written", lambda data: True)
    monkeypatch.setattr(fencing, "AGAIN_S", 0.01)


def test_a_controller_that_ends_by_itself_is_started_again(tmp_path: Path) -> None:
    # Its disk is full, and then it is not: the node would have torn a transaction.
    assert fencing.fenced(counted(tmp_path, f"if n == 3: {SAYS}\nelse: raise SystemExit(1)"), tmp_path, 60)
    assert starts(tmp_path) == 3


def test_while_no_controller_can_run_the_node_is_not_started(tmp_path: Path) -> None:
    with pytest.raises(fencing.ControllerEnded):
        fencing.fenced(counted(tmp_path, "raise SystemExit(1)"), tmp_path, 0.5)


def test_a_controller_that_finds_nothing_to_fence_has_all_its_time(tmp_path: Path) -> None:
    assert not fencing.fenced(controller("import signal; signal.pause()"), tmp_path, 0.5)
