"""Who asks a broker that is being killed and started is told so, and lives.

The asking runs in a process of its own: what is held here is that the client below us does not end it. librdkafka
2.12-2.16 dereferences a null pointer when an *admin* client is told that a group's coordinator has moved.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.waiting import until

HERE = Path(__file__).parents[3]
QUESTIONS = ("committed", "ends", "names")
RESTARTS = 3


@pytest.mark.slow
@pytest.mark.parametrize("question", QUESTIONS)
def test_asking_survives_the_restarts_of_a_broker(kafka, question, tmp_path):
    said = tmp_path / "said"
    argv = (sys.executable, "-m", "tests.support.asking", kafka.bootstrap, question)
    with said.open("w") as out, subprocess.Popen(argv, cwd=HERE, stdout=out, stderr=out) as child:

        def answered(more: int) -> bool:
            return child.poll() is not None or said.read_text().count("answer\n") > more

        try:
            for _ in range(RESTARTS):
                until(lambda: answered(0), 30, "a first answer")
                kafka.kill()
                kafka.restart()
                before = said.read_text().count("answer\n")
                until(lambda: answered(before + 20), 30, "answers after the restart")  # noqa: B023 - waited for at once
            assert child.poll() is None, f"ended with {child.returncode}: {said.read_text()[-300:]}"
        finally:
            child.kill()
