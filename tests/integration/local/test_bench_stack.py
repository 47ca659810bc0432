"""A measurement that is cut off must not leave its stack behind."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.waiting import until

_OWNER = """
import sys, time
from bench.stack import guarded
with guarded(sys.argv[1], [sys.executable, "-c", "import sys; open(sys.argv[1], 'a').write('down')", sys.argv[2]], {}):
    print("begun", flush=True)
    if sys.argv[3] == "killed":
        time.sleep(60)
"""


@pytest.mark.parametrize("how", ["killed", "ended"])
def test_a_stack_is_ended_with_its_owner_however_that_ends(tmp_path: Path, how: str) -> None:
    home, said = tmp_path / "home", tmp_path / "said"
    home.mkdir()
    owner = [sys.executable, "-c", _OWNER, str(home), str(said), how]
    with subprocess.Popen(owner, stdout=subprocess.PIPE, text=True, start_new_session=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "begun\n"
        if how == "killed":
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
    until(lambda: said.exists() and said.read_text() == ("downdown" if how == "killed" else "down"), 30, "down")
    if how == "killed":
        until(lambda: not home.exists(), 30, "its home to be deleted")
    assert how == "killed" or home.exists()
