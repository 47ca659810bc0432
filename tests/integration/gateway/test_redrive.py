"""What was dead because of something since corrected is decided after its redrive, once, whatever is killed."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import psycopg
import pytest
from confluent_kafka import Producer

from gateway.http.run import MIGRATIONS
from gateway.releasing import RELEASED_FROM, WRITER, Refused, Releases, check, coordinate, output
from processors.host.history import LogHistory
from processors.host.once import OnceWriter
from processors.host.places import Place
from projections import migrate
from projections.dedup.project import head_of
from schemas import codec, ids, topology
from schemas.messages.actions import ERROR, Action, ErrorInfo
from schemas.messages.kernel import DEAD_LETTERS, DeadLetter
from schemas.record import header
from tests.support.waiting import until

ROOT = Path(topology.__file__).parent.parent
WORDS = codec.Words(DEAD_LETTERS)
# The least that a processor accepts as a limit.
SMALL = 262_144


@pytest.fixture
def environment(topics, database, tmp_path):
    migrate.apply(database)
    migrate.apply(database, MIGRATIONS, "gateway")
    home = {"MANDATE_KAFKA": topics, "MANDATE_POSTGRES": database, "MANDATE_HOME": str(tmp_path / "home")}
    return os.environ | home | {"PYTHONPATH": str(ROOT)}


def _mandate(environment, *words):
    command = [sys.executable, "-m", "gateway.cli", *words]
    return subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=300, check=False)


def _large(tenant):
    """An action of 300 KB: more than the topic of the mistaken map takes."""
    error = ErrorInfo("PaymentError", "x" * 300_000)
    head = (ids.derive("redrive", tenant), bytes(16), tenant, "checkout", "", -1, 1, 1, ERROR, "payments", "charge")
    return Action(*head, error=error)


def _send(bootstrap, action):
    placed = []
    producer = Producer({"bootstrap.servers": bootstrap, "partitioner": "murmur2_random"})
    key = ids.key_of(action.tenant, action.actor).encode()
    producer.produce("actions.raw", value=codec.encode(action), key=key, on_delivery=lambda _, m: placed.append(m))
    assert producer.flush(60) == 0
    return placed[0].partition(), placed[0].offset()


def _records(bootstrap, topic):
    history = LogHistory(bootstrap)
    try:
        places = [Place(topic, number) for number in range(history.partitions(topic))]
        return [record for place in places for record in history.read(place, *history.bounds(place))]
    finally:
        history.close()


def _letter(bootstrap, tenant):
    letters = [WORDS.decode(record.value) for record in _records(bootstrap, "dead.letters")]
    return next((x for x in letters if (head := head_of(x.original)) is not None and head.tenant == tenant), None)


def _admitted(bootstrap, action):
    found = [
        r for r in _records(bootstrap, "actions.unique") if (h := head_of(r.value)) and h.event_id == action.event_id
    ]
    return found


class Dedup:
    """The processor as a process."""

    def __init__(self, environment, log):
        self._out = log.open("ab")
        command = [sys.executable, "-m", "processors", "dedup", "--slot", "0"]
        self._child = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=self._out, stderr=self._out)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._child.send_signal(signal.SIGTERM)
        self._child.wait(60)
        self._out.close()


def test_a_record_that_a_wrong_limit_killed_is_decided_after_its_redrive(environment, topics, tmp_path):
    mistaken = tmp_path / "topology.yaml"
    text = topology.default_path().read_text()
    line = "{stream: actions, key: tenant/actor, partitions: 4, retention_ms: 604800000, max_bytes: 1048576,"
    assert line in text
    mistaken.write_text(text.replace(line, line.replace("1048576", str(SMALL))))
    action = _large("redriven")
    with Dedup(environment | {"MANDATE_TOPOLOGY": str(mistaken)}, tmp_path / "log"):
        partition, offset = _send(topics, action)
        letter = until(lambda: _letter(topics, "redriven"), 60, "the dead letter")
    assert (letter.partition, letter.offset, letter.code) == (partition, offset, "decide_failed")
    at = coordinate(letter)
    shown = _mandate(environment, "dead-letters", "show", at, "--json")
    assert json.loads(shown.stdout)["items"][0]["original"] == codec.encode(action).hex()
    with Dedup(environment, tmp_path / "log"):
        done = _mandate(environment, "dead-letters", "redrive", at, "--why", "the limit was wrong", "--json")
        assert done.returncode == 0, done.stderr
        assert json.loads(done.stdout)["items"][0]["at"] == at
        [row] = until(lambda: _admitted(topics, action), 60, "the action to be admitted")
        assert (row.value, row.partition) == (codec.encode(action), partition)
        assert header(row.headers, RELEASED_FROM) == at.encode()
        again = _mandate(environment, "dead-letters", "redrive", at, "--json")
        assert again.returncode == 1
        assert json.loads(again.stderr)["code"] == "already_released"
    sent = [r for r in _records(topics, "actions.raw") if header(r.headers, RELEASED_FROM) == at.encode()]
    assert len(sent) == 1


class Dying(OnceWriter):
    """Dies before or after the record is written, as by a SIGKILL: the claim stays."""

    when = "after"

    def write(self, written):
        if self.when == "after":
            super().write(written)
        raise KeyboardInterrupt


@pytest.mark.parametrize("when", ["before", "after"])
def test_killed_between_claim_and_release_the_next_command_ends_it(when, environment, topics, database):
    place = Place("actions.raw", 1)
    letter = DeadLetter(
        *("dedup", *place, 70_000_000 + len(when), 0, "decide_failed", "died"),
        *(b"killed/checkout", codec.encode(_large(f"killed-{when}")), "", 0),
        headers={"flags": b"rerouted"},
    )
    history = LogHistory(topics)
    with psycopg.connect(database, autocommit=True) as connection:
        dying = Dying(topics, WRITER)
        dying.when = when
        with pytest.raises(KeyboardInterrupt):
            Releases(connection, history, dying).release(letter, "a test")
        writer = OnceWriter(topics, WRITER)
        released = Releases(connection, history, writer).release(letter, "a test")
        assert released.by_an_earlier_one is (when == "after")
        with pytest.raises(Refused) as twice:
            Releases(connection, history, writer).release(letter, "a test")
        writer.close()
        dying.close()
    assert twice.value.code == "already_released"
    [found] = [
        r for r in _records(topics, "actions.raw") if header(r.headers, RELEASED_FROM) == coordinate(letter).encode()
    ]
    assert (found.offset, found.value, found.key) == (released.offset, letter.original, letter.key)
    assert header(found.headers, "flags") == b"rerouted"
    history.close()


def test_what_has_no_record_is_refused():
    letter = DeadLetter("rml", "rml.commands", 0, 1, 0, "timer_failed", "why", None, None, "", 0, timer="t", part="p")
    with pytest.raises(Refused) as refused:
        check(letter)
    assert refused.value.code == "timer_not_released"
    kept = DeadLetter("dedup", "actions.raw", 0, 1, 0, "x", "y", b"k", b"v", "", 1, headers={RELEASED_FROM: b"old"})
    assert output(kept).headers == ((RELEASED_FROM, b"actions.raw-0@1"),)


def test_an_unknown_coordinate_is_said(environment):
    done = _mandate(environment, "dead-letters", "redrive", "actions.raw-0@999999999", "--json")
    assert (done.returncode, json.loads(done.stderr)["code"]) == (1, "no_dead_letter")
