"""What is said: every message survives the codec, the head equals the body, ids and partitions never move."""

from __future__ import annotations

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas import codec, ids, registry
from schemas.codec import Words
from schemas.envelope import rfc3339, with_flags
from schemas.errors import SchemaError
from schemas.head import read_head
from schemas.messages.actions import ACTIONS, Action, ErrorInfo
from schemas.messages.tables import STREAMS
from schemas.partitioning import murmur2, partition_of

CLASSES = tuple(dict.fromkeys(c for stream in STREAMS.values() for c in stream))
INT64 = st.integers(-(2**63), 2**63 - 1)
TEXT = st.text(max_size=30)

actions = st.builds(
    Action,
    event_id=st.binary(min_size=16, max_size=16),
    content_key=st.binary(min_size=16, max_size=16),
    tenant=TEXT,
    actor=TEXT,
    session=TEXT,
    sequence=INT64,
    timestamp=INT64,
    received_at=INT64,
    traits=st.integers(0, 2**31),
    resource=TEXT,
    type=TEXT,
    attempt=INT64,
    source_id=st.none() | TEXT,
    error=st.none() | st.builds(ErrorInfo, TEXT, TEXT, st.none() | TEXT),
    payload=st.none(),
)


@pytest.mark.parametrize("cls", CLASSES, ids=lambda c: c.__name__)
def test_every_message_class_equals_its_newest_schema_file(cls: type) -> None:
    written = registry.latest(registry.home_of(cls), cls.__name__)
    assert registry.fingerprint(registry.generated(cls)) == registry.fingerprint(written.text)


def test_ids_are_never_given_twice_nor_taken_back() -> None:
    lock = json.loads(registry.LOCK.read_text())["ids"]
    assert len(set(lock.values())) == len(lock)
    assert set(registry.by_id()) <= set(lock.values())


@settings(max_examples=200, deadline=None)
@given(actions)
def test_given_an_action_then_it_survives_and_its_head_equals_its_body(action: Action) -> None:
    value = codec.encode(action)
    assert Words(ACTIONS).decode(value) == action
    head = read_head(value)
    assert all(getattr(head, name) == getattr(action, name) for name in head._fields)


@settings(max_examples=200, deadline=None)
@given(actions, st.data())
def test_given_a_cut_or_changed_action_then_it_reads_whole_or_is_refused(action: Action, data: st.DataObject) -> None:
    value = bytearray(codec.encode(action))
    at = data.draw(st.integers(5, len(value) - 1))
    value[at] = data.draw(st.integers(0, 255))
    for broken in (bytes(value), bytes(value[:at])):
        for reader in (read_head, Words(ACTIONS).decode):
            try:
                reader(broken)
            except SchemaError as error:
                assert error.code in {"undecodable_head", "undecodable"}  # noqa: PT017 - any other error is the bug


@pytest.mark.parametrize(
    ("data", "expected"),
    [  # vectors of Kafka's own UtilsTest
        (b"21", -973932308),
        (b"foobar", -790332482),
        (b"a-little-bit-long-string", -985981536),
        (b"a-little-bit-longer-string", -1486304829),
        (b"lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8", -58897971),
        (b"abc", 479470107),
    ],
)
def test_murmur2_is_that_of_the_java_client(data: bytes, expected: int) -> None:
    assert murmur2(data) == expected & 0xFFFFFFFF
    assert 0 <= partition_of(data, 7) < 7


def test_derived_ids_do_not_depend_on_where_fields_are_cut() -> None:
    assert ids.derive("ab", "c") != ids.derive("a", "bc")
    assert ids.derive("1") != ids.derive(1)
    assert ids.child_id(b"x" * 16, "k", "key", 0) != ids.child_id(b"x" * 16, "k", "key", 1)


@given(st.text(), st.text())
def test_keys_of_two_parts_never_meet(a: str, b: str) -> None:
    key = ids.key_of(a, b)
    assert key.count("/") == 1
    assert tuple(ids.unescape(p) for p in key.split("/")) == (a, b)


def test_an_id_that_is_a_uuid_is_kept_and_any_other_is_hashed_with_its_owner() -> None:
    text = "3f2504e0-4f89-11d3-9a0c-0305e82c3301"
    assert ids.text(ids.given_id("t", "a", text)) == text
    assert ids.given_id("t", "a", "evt-1") != ids.given_id("u", "a", "evt-1")


def test_flags_are_added_once_in_order() -> None:
    headers = with_flags(with_flags((("x", b"1"),), "late"), "gap", "late")
    assert headers == (("x", b"1"), ("flags", b"late,gap"))


@pytest.mark.parametrize(
    ("ms", "text"),
    [(0, "1970-01-01T00:00:00.000Z"), (951_782_400_123, "2000-02-29T00:00:00.123Z"), (-1, "1969-12-31T23:59:59.999Z")],
)
def test_times_are_rfc_3339_in_utc(ms: int, text: str) -> None:
    assert rfc3339(ms) == text
