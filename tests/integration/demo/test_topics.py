"""`mandate topology` and `mandate dead-letters` against a real broker."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from gateway.cli.dead_letters import dead_letters
from gateway.cli.topology import topology
from processors.host.admin import Admin
from processors.host.sender import Sender
from schemas import codec
from schemas import topology as map_
from schemas.messages.kernel import DeadLetter
from schemas.record import Output
from tests.support.fix_stack import KafkaServer
from tests.support.waiting import until


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kafka: KafkaServer) -> Path:
    monkeypatch.setenv("MANDATE_HOME", str(tmp_path))
    monkeypatch.setenv("MANDATE_KAFKA", kafka.bootstrap)
    return tmp_path


def call(*words: str) -> tuple[int, str]:
    done = CliRunner().invoke(topology, [*words, "--json"], standalone_mode=False)
    assert done.exception is None, done.exception
    return done.return_value, done.stdout


def test_the_map_is_applied_once_and_what_would_break_it_is_refused(home: Path, kafka: KafkaServer) -> None:
    code, out = call("plan")
    assert code == 0
    assert len(json.loads(out)["create"]) == len(map_.load().topics)
    assert call("apply", "--yes")[0] == 0
    code, out = call("apply", "--yes")
    assert (code, json.loads(out)["create"], json.loads(out)["alter"]) == (0, [], [])

    admin = Admin(kafka.bootstrap)
    admin.alter("actions.raw", {"retention.ms": "1234"})

    def altered() -> list[str]:
        return [change["topic"] for change in json.loads(call("plan")[1])["alter"]]

    # The broker shows a changed setting a moment after it has accepted it.
    until(lambda: altered() == ["actions.raw"], 10, "the foreign setting in the plan")
    assert call("apply", "--yes")[0] == 0
    until(lambda: altered() == [], 10, "the setting of topology.yaml on the broker")
    assert admin.describe(["actions.raw"])["actions.raw"].config["retention.ms"] == "86400000"

    declared = map_.default_path().read_text()
    born = "stream: actions.dropped, key: tenant/actor, partitions: 4"
    assert born in declared
    other = home / "other.yaml"
    other.write_text(declared.replace(born, "stream: actions.dropped, key: tenant/resource, partitions: 8"))
    code, out = call("apply", "--yes", "--file", str(other))
    assert code == 1
    assert [r["code"] for r in json.loads(out)["refused"]] == ["topology_partitions_fixed", "topology_key_fixed"]
    assert admin.partitions(["actions.dropped"]) == {"actions.dropped": 4}
    admin.close()


async def test_dead_letters_are_listed_with_their_coordinates(home: Path, kafka: KafkaServer) -> None:
    call("apply", "--yes")
    sender = Sender(kafka.bootstrap)
    sender.start()
    letters = [
        DeadLetter("dedup", "actions.raw", 1, n, 0, "undecodable_head", "short", None, b"x", "h", 1, tenant="t")
        for n in range(3)
    ]
    for letter in letters:
        await sender.send(Output("dead.letters", None, b"k", codec.encode(letter)))
    await sender.close()
    done = CliRunner().invoke(dead_letters, ["list", "--limit", "2", "--json"], standalone_mode=False)
    assert done.exception is None, done.exception
    items = json.loads(done.stdout)["items"]
    assert [(i["at"], i["code"]) for i in items] == [
        ("actions.raw-1@1", "undecodable_head"),
        ("actions.raw-1@2", "undecodable_head"),
    ]
    empty = CliRunner().invoke(dead_letters, ["list", "--tenant", "nobody", "--json"], standalone_mode=False)
    assert json.loads(empty.stdout) == {"items": []}
