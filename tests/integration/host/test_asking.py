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
def test_asking_survives_the_restarts_of_a_broker(kafka, tmp_path):
    """All questions at once: each restart is met by a process for each."""
    said = {question: tmp_path / question for question in QUESTIONS}
    children: dict[str, subprocess.Popen[bytes]] = {}

    def answers() -> dict[str, int]:
        return {question: path.read_text().count("answer\n") for question, path in said.items()}

    def all_answered(before: dict[str, int], more: int) -> bool:
        now = answers()
        return all(children[q].poll() is not None or now[q] > before[q] + more for q in QUESTIONS)

    try:
        for question, path in said.items():
            argv = (sys.executable, "-m", "tests.support.asking", kafka.bootstrap, question)
            with path.open("w") as out:
                children[question] = subprocess.Popen(argv, cwd=HERE, stdout=out, stderr=out)
        for _ in range(RESTARTS):
            before = answers()
            until(lambda: all_answered(before, 0), 30, "an answer to each question")  # noqa: B023 - waited for at once
            kafka.kill()
            kafka.restart()
            before = answers()
            until(lambda: all_answered(before, 20), 30, "answers after the restart")  # noqa: B023 - waited for at once
        ended = {
            q: (child.returncode, said[q].read_text()[-300:])
            for q, child in children.items()
            if child.poll() is not None
        }
        assert not ended
    finally:
        for child in children.values():
            child.kill()
            child.wait(60)
