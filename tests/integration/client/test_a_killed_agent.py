"""An agent's process is killed with actions that nobody has taken: the next process delivers them, in order, once."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

from gateway.client import Client, Policy
from tests.support.rude import Rude
from tests.support.waiting import until

ROOT = Path(__file__).parents[3]
# Hands over actions for ever and writes the id of each when `action` has returned: from then on it is a promise.
AGENT = """
import sys
from gateway.client import Client, Policy
url, spill, promises = sys.argv[1:]
client = Client(url, "t", actor="a", spill=spill, policy=Policy(first_wait_s=0.01, breaker_s=0.05, request_s=1.0))
with open(promises, "a", buffering=1) as out:
    while True:
        out.write(client.action("t", "r").id + "\\n")
"""


def agent(gateway: Rude, spill: Path, promises: Path) -> subprocess.Popen[bytes]:
    call = [sys.executable, "-c", AGENT, gateway.url, str(spill), str(promises)]
    return subprocess.Popen(call, cwd=ROOT, stderr=subprocess.DEVNULL)


def killed(process: subprocess.Popen[bytes]) -> None:
    os.kill(process.pid, signal.SIGKILL)
    process.wait()


def promised(file: Path) -> list[str]:
    """The ids that `action` returned; a line that the kill tore is none."""
    text = file.read_text() if file.exists() else ""
    return [line for line in text[: text.rfind("\n") + 1].splitlines() if len(line) == 36]


def enough(promises: Path, count: int) -> None:
    """Wait until so many actions have been promised."""
    until(lambda: len(promised(promises)) >= count, 60, "an agent at work")


def test_a_kill_while_the_gateway_is_away_loses_nothing(tmp_path: Path) -> None:
    gateway, promises, spill = Rude(), tmp_path / "promises", tmp_path / "spill"
    for round_ in (1, 2):
        process = agent(gateway, spill, promises)
        enough(promises, 200 * round_)
        killed(process)
    before = promised(promises)
    with gateway, Client(gateway.url, "t", actor="a", spill=spill, policy=Policy(flush_s=120)) as client:
        assert client.waiting >= len(before)
        client.action("t", "r", id="the next process's own")
        client.flush()
        assert client.waiting == 0
    # What was kept in the moment of a kill and never promised may arrive too.
    arrived = gateway.ids
    assert [i for i in arrived if i in set(before)] == before, "all of it, in order"
    assert arrived[-1] == "the next process's own"
    assert len(gateway.written) == len(arrived), "each once"
    assert not list(spill.glob("*/*"))


def test_a_kill_while_the_gateway_answers_badly_loses_nothing_and_counts_nothing_twice(tmp_path: Path) -> None:
    promises, spill = tmp_path / "promises", tmp_path / "spill"
    with Rude("accept", "lost", "503", "accept", "half", "reset", "accept") as gateway:
        process = agent(gateway, spill, promises)
        until(lambda: len(gateway.ids) > 500 and len(promised(promises)) > 1_000, 60, "an agent at work")
        killed(process)
        with Client(gateway.url, "t", actor="a", spill=spill, policy=Policy(flush_s=120)) as client:
            client.flush()
    missing = set(promised(promises)) - set(gateway.ids)
    assert missing == set()
    said: dict[str, str] = {}
    for action in gateway.written:
        assert said.setdefault(action["id"], json.dumps(action)) == json.dumps(action), "one id, one action"
    order = [a["sequence"] for a in {a["id"]: a for a in reversed(gateway.written)}.values()]
    assert sorted(order) == list(range(1, len(order) + 1)), "no number twice, none missing"
