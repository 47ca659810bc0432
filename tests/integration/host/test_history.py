"""The history of a real broker: committed records between two offsets, side by side, and what it refuses."""

from __future__ import annotations

import itertools
import time

import pytest
from confluent_kafka import Producer

from processors.host.admin import Admin, TopicState
from processors.host.errors import Fatal
from processors.host.history import LogHistory, since
from processors.host.places import Place
from schemas.errors import MandateError

_numbers = itertools.count(1)


@pytest.fixture
def topic(kafka):
    name = f"history-{next(_numbers)}-{time.time_ns() % 1_000_000_000}"
    Admin(kafka.bootstrap).create([TopicState(name, 2, 1, {"message.timestamp.type": "LogAppendTime"})])
    producer = Producer({"bootstrap.servers": kafka.bootstrap, "transactional.id": name})
    producer.init_transactions(60)
    for number, commits in enumerate((True, False, True)):
        producer.begin_transaction()
        for partition in (0, 1):
            producer.produce(name, b"%d" % number, b"key", partition)
        producer.flush(60)
        if commits:
            producer.commit_transaction(60)
        else:
            producer.abort_transaction(60)
    return name


@pytest.fixture
def history(kafka):
    opened = LogHistory(kafka.bootstrap)
    yield opened
    opened.close()


def test_committed_records_between_two_offsets(history, topic):
    place = Place(topic, 0)
    low, end = history.bounds(place)
    # Three records, one of them aborted, and a marker after each.
    assert (low, end, history.partitions(topic)) == (0, 6, 2)
    assert [(r.offset, r.value) for r in history.read(place, low, end)] == [(0, b"0"), (4, b"2")]
    assert [r.offset for r in history.read(place, 1, end)] == [4]
    assert list(history.read(place, 1, 4)) == []
    assert list(history.read(place, 6, 6)) == []


def test_two_places_side_by_side(history, topic):
    pairs = zip(history.read(Place(topic, 0), 0, 6), history.read(Place(topic, 1), 0, 6), strict=True)
    assert [(a.partition, b.partition, a.value == b.value) for a, b in pairs] == [(0, 1, True)] * 2


def test_a_time_is_found(history, topic):
    place = Place(topic, 0)
    first, last = history.read(place, 0, 6)
    assert since(history, place, first.append_time) == 0
    assert 1 <= since(history, place, last.append_time) <= last.offset
    assert since(history, place, last.append_time + 60_000) == 6


def test_what_is_not_kept_is_refused(kafka, history, topic):
    place = Place(topic, 0)
    with pytest.raises(MandateError) as caught:
        list(history.read(place, 0, 7))
    assert (caught.value.code, caught.value.what) == ("history_ends_earlier", f"{topic}[0]@7")
    Admin(kafka.bootstrap).delete_before({place: 2})
    with pytest.raises(MandateError) as caught:
        list(history.read(place, 0, 6))
    assert (caught.value.code, caught.value.what) == ("history_begins_later", f"{topic}[0]@0")
    with pytest.raises(Fatal) as missing:
        history.partitions("nobody-made-this")
    assert missing.value.code == "topic_missing"
