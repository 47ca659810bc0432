"""Two messages that differ only in ids meet; two different faults do not."""

from __future__ import annotations

import json
from collections import defaultdict
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from processors.signals.rules import fingerprint, normalise

CLOUDTRAIL = Path(__file__).parents[4] / "shared" / "data" / "cloudtrail" / "records.jsonl"

SAME = [
    ("connection pool exhausted (order 1042, waited 5003 ms)", "connection pool exhausted (order 7, waited 12 ms)"),
    ("KeyError: 'customer_8812'", "KeyError: 'customer_19'"),
    (
        'java.lang.NullPointerException: Cannot invoke "Order.getId()" at Foo.java:42',
        'java.lang.NullPointerException: Cannot invoke "Cart.getId()" at Foo.java:77',
    ),
    ("No such file or directory: /tmp/a1/x.json", "No such file or directory: /var/lib/b2/y.json"),
    (
        "HTTP 503 from https://api.example/v1/charges/ch_81",
        "HTTP 503 from https://api.example/v1/charges/ch_2",
    ),
    (
        'duplicate key value violates unique constraint "orders_pkey" DETAIL: Key (id)=(42) already exists.',
        'duplicate key value violates unique constraint "orders_pkey" DETAIL: Key (id)=(77) already exists.',
    ),
    (
        "request 3f2504e0-4f89-11d3-9a0c-0305e82c3301 timed out after 8000 ms",
        "request 9b2504e0-4f89-11d3-9a0c-0305e82c33ff timed out after 91 ms",
    ),
    (
        "User: arn:aws:iam::123456789012:user/bert is not authorized to perform: ec2:DescribeInstances",
        "User: arn:aws:iam::210987654321:user/ann is not authorized to perform: ec2:DescribeInstances",
    ),
    ("object at 0x7f3a2c001d90 has no attribute 'x'", "object at 0x7f3a2c0ffd10 has no attribute 'y'"),
]
DIFFERENT = [
    ("HTTP 503 from upstream", "HTTP 404 from upstream"),
    ("connection pool exhausted", "connection refused"),
    ("exit code 137", "exit code 1"),
    ("not authorized to perform: ec2:DescribeInstances", "not authorized to perform: s3:GetObject"),
    ("ERROR: relation does not exist (SQLSTATE 42P01)", "ERROR: relation does not exist (SQLSTATE 23505)"),
    ("division by zero", "list index out of range"),
]


@pytest.mark.parametrize(("a", "b"), SAME)
def test_messages_that_differ_only_in_ids_meet(a: str, b: str) -> None:
    assert fingerprint("E", a) == fingerprint("E", b), (normalise(a), normalise(b))


@pytest.mark.parametrize(("a", "b"), DIFFERENT)
def test_two_different_faults_do_not_meet(a: str, b: str) -> None:
    assert fingerprint("E", a) != fingerprint("E", b), normalise(a)


def test_the_type_of_the_error_tells_faults_apart() -> None:
    assert fingerprint("Timeout", "x") != fingerprint("Refused", "x")


def test_what_is_left_reads_like_the_fault() -> None:
    assert normalise(SAME[0][0]) == "connection pool exhausted (order …, waited … ms)"


@given(st.text(max_size=3_000))
def test_any_text_is_normalised_once_and_for_all(text: str) -> None:
    once = normalise(text)
    assert len(once) <= 300
    assert fingerprint("E", text) == fingerprint("E", text)


def test_hostile_text_is_read_in_one_pass() -> None:
    for text in ("'" * 100_000, '"a' * 50_000, "/" * 100_000, "a=" * 50_000, "… " * 50_000, "ab-" * 40_000):
        assert len(normalise(text)) <= 300


@pytest.mark.skipif(not CLOUDTRAIL.exists(), reason="the real records are not beside this checkout")
def test_real_cloudtrail_errors_fall_into_few_faults() -> None:
    faults: dict[tuple[str, str], set[str]] = defaultdict(set)
    for line in CLOUDTRAIL.read_text().splitlines():
        record = json.loads(line)["record"]
        if "errorCode" in record:
            found = fingerprint(record["errorCode"], record.get("errorMessage", ""))
            faults[record["errorCode"], record["eventSource"] + record["eventName"]].add(found)
    assert faults
    # One error code of one call is one fault or very few, however many people and resources met it.
    assert max(len(v) for v in faults.values()) <= 4
