"""The sweep touches every place that may have been left open, and never commits."""

from typing import Any

import pytest

from processors.host.errors import AbortNeeded, Fatal, OutcomeUnknown
from processors.host.kafka_sweep import sweep
from processors.host.places import Place

PLACES = [Place("out", 0), Place("out", 1), Place("changelog", 0)]


class Producer:
    """What a sweep asked of it."""

    def __init__(self, fails: dict[str, Exception] | None = None) -> None:
        self.calls: list[str] = []
        self.written: list[Place] = []
        self._fails = fails or {}

    def _call(self, name: str) -> None:
        self.calls.append(name)
        if name in self._fails:
            raise self._fails[name]

    def begin(self) -> None:
        self._call("begin")

    def produce(self, outputs: Any) -> None:
        self._call("produce")
        self.written = [Place(output.topic, output.partition) for output in outputs]
        assert all(output.value is None for output in outputs)

    def send_offsets(self, positions: Any, group: Any) -> None:
        self._call("send_offsets")

    def flush(self) -> None:
        self._call("flush")

    def abort(self) -> None:
        self._call("abort")

    def renew(self) -> None:
        self._call("renew")


def swept(producer: Any) -> Any:
    sweep(producer, PLACES, Place("in", 0), None)
    return producer


def test_every_place_is_touched_and_aborted():
    producer = swept(Producer())
    assert producer.calls == ["begin", "produce", "flush", "send_offsets", "abort"]
    assert producer.written == PLACES


@pytest.mark.parametrize("point", ["begin", "produce", "send_offsets"])
def test_a_failure_on_the_way_still_aborts(point):
    producer = swept(Producer({point: OutcomeUnknown("a", "b", "c", "d")}))
    assert producer.calls[-1] == "abort"


def test_a_refused_position_does_not_keep_the_records_from_being_sent():
    producer = swept(Producer({"send_offsets": AbortNeeded("a", "b", "c", "d")}))
    assert producer.calls == ["begin", "produce", "flush", "send_offsets", "abort"]


def test_an_abort_that_fails_needs_a_new_producer():
    assert swept(Producer({"abort": AbortNeeded("a", "b", "c", "d")})).calls[-2:] == ["abort", "renew"]


def test_a_fenced_slot_does_not_sweep_on():
    with pytest.raises(Fatal):
        swept(Producer({"begin": Fatal("a", "b", "c", "d")}))
