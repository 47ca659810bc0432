"""The load of the measurements is real actions: what is put together by hand reads as what the codec writes."""

from __future__ import annotations

from bench.load import ID_AT, ID_BYTES, Load, Shape
from schemas.codec import Words
from schemas.head import read_head
from schemas.messages.tables import STREAMS
from schemas.partitioning import partition_of


def test_every_record_is_an_action_with_its_own_id_and_its_actors_next_number():
    records = list(Load(Shape(actors=7, failing=5, duplicates=False)).take(100))
    words = Words(STREAMS["actions"])
    numbers: dict[str, int] = {}
    for record in records:
        action = words.decode(record.value)
        head = read_head(record.value)
        assert head.event_id == record.value[ID_AT : ID_AT + ID_BYTES]
        assert (action.actor, action.sequence) == (head.actor, head.sequence)
        assert head.sequence == numbers.get(head.actor, 0) + 1
        assert partition_of(record.key, 4) == record.partition
        numbers[head.actor] = head.sequence
    assert len({record.value[ID_AT : ID_AT + ID_BYTES] for record in records}) == 100
    assert sum(words.decode(record.value).error is not None for record in records) == 20


def test_about_a_tenth_is_sent_twice_with_the_same_bytes():
    load = Load(Shape(actors=10))
    records = [*load.take(500), *load.take(500)]
    values = [record.value for record in records]
    assert len(set(values)) == load.unique
    assert 900 <= load.unique < 950
