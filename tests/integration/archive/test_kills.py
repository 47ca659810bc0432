"""On a real broker and database: SIGKILL at every step in turn, and a run that wakes up after its heir has begun."""

from __future__ import annotations

import signal

from tests.integration.archive.conftest import Archived
from tests.support.archived import STEPS
from tests.support.waiting import until


def test_a_kill_at_every_step_leaves_neither_hole_nor_double(archived: Archived) -> None:
    archived.write("actions.raw", [b"first"] * 40)
    for n, step in enumerate(STEPS):
        child = archived.start("SIGKILL", step, "2" if step == "archive.gathered" else "1")
        archived.write("actions.raw", [b"%d" % n] * 30)
        archived.write("rml.changelog", [b"aborted"] * 5, abort=True)
        archived.write("rml.changelog", [b"%d" % n] * 5)
        assert child.wait(300) == -signal.SIGKILL, step
    child = archived.start()
    archived.caught_up()
    archived.end(child)
    archived.whole()


def test_a_run_that_wakes_up_after_its_heir_has_begun_publishes_nothing_old(archived: Archived) -> None:
    archived.write("actions.raw", [b"first"] * 40)
    zombie = archived.start("SIGSTOP", "archive.written", "1")
    until(lambda: _stopped(zombie.pid), 60.0, "the zombie to stand still with files written")
    heir = archived.start()
    archived.write("actions.raw", [b"second"] * 40)
    archived.caught_up()
    zombie.send_signal(signal.SIGCONT)
    archived.write("actions.raw", [b"third"] * 40)
    archived.caught_up()
    archived.end(heir)
    archived.write("actions.raw", [b"fourth"] * 40)
    archived.caught_up()
    archived.end(zombie)
    archived.whole()


def _stopped(pid: int) -> bool:
    with open(f"/proc/{pid}/stat") as stat:
        return stat.read().rpartition(")")[2].split()[0] == "T"
