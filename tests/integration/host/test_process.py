"""`python -m processors` as a real process on a real broker: pages, SIGTERM, refusals."""

from __future__ import annotations

import http.client
import json
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from gateway.local.ports import free_port
from processors.host.admin import Admin, TopicState
from processors.host.errors import EXIT_REFUSED
from schemas import topology
from tests.support.waiting import until

ROOT = Path(__file__).parents[3]


@pytest.fixture
def environment(kafka):
    admin = Admin(kafka.bootstrap)
    declared = topology.load(ROOT / "topology.yaml")
    admin.create([TopicState(t.name, t.partitions, 1, t.config) for t in declared.topics.values()])
    return {"MANDATE_KAFKA": kafka.bootstrap, "MANDATE_HTTP": f"127.0.0.1:{free_port()}", "PATH": "/usr/bin:/bin"}


def start(names: str, environment: dict[str, str], log: Path) -> subprocess.Popen[bytes]:
    with log.open("ab") as out:
        command = [sys.executable, "-m", "processors", names, "--slot", "0"]
        return subprocess.Popen(command, cwd=ROOT, env=environment, stdout=out, stderr=out)


def get(address: str, path: str) -> tuple[int, str]:
    connection = http.client.HTTPConnection(address, timeout=30)
    try:
        connection.request("GET", path)
        answer = connection.getresponse()
        return answer.status, answer.read().decode()
    except OSError as error:
        return 0, str(error)
    finally:
        connection.close()


def test_all_processors_in_one_process(environment, tmp_path):
    names = list(topology.load(ROOT / "topology.yaml").rooms)
    process = start(",".join(names), environment, tmp_path / "log")
    address = environment["MANDATE_HTTP"]
    try:
        until(lambda: get(address, "/readyz")[0] == 200, 60, "every processor has its state")
        status, body = get(address, "/healthz")
        assert status == 200
        assert set(json.loads(body)["threads"]) == set(names)
        assert f'room_restoring{{room="{names[0]}"}} 0.0' in get(address, "/metrics")[1]
        assert get(address, "/elsewhere")[0] == 404
        process.send_signal(signal.SIGTERM)
        assert process.wait(60) == 0, "drained"
    finally:
        process.kill()
        process.wait()


def test_a_name_that_the_map_does_not_know_is_refused(environment, tmp_path):
    process = start("no-such-processor", environment, tmp_path / "log")
    assert process.wait(60) == EXIT_REFUSED
    assert "no_such_processor" in (tmp_path / "log").read_text()
