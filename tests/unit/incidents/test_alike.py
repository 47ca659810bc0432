"""Which messages are one fault of two things, and which are two faults: over messages as services really write them."""

from __future__ import annotations

import json
from collections import defaultdict
from itertools import combinations
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from processors.incidents.alike import compare
from processors.signals.rules import normalise
from schemas.incident_rules import Alike

HERE = Path(__file__).parent
RULE = Alike()
# meet or apart, the type of the error, two messages.
PAIRS = [line.split("\t") for line in (HERE / "alike.tsv").read_text().splitlines()]
FAULTS = [line.split("\t") for line in (HERE.parent / "signals" / "faults.tsv").read_text().splitlines()]
CLOUDTRAIL = HERE.parents[3] / "shared" / "data" / "cloudtrail" / "records.jsonl"


def meet(one: str, other: str, rule: Alike = RULE) -> bool:
    return not compare(normalise(one), normalise(other), rule).why_not


@pytest.mark.parametrize(("verdict", "error_type", "one", "other"), PAIRS)
def test_a_name_may_differ_and_what_is_wrong_may_not(verdict: str, error_type: str, one: str, other: str) -> None:
    seen = compare(normalise(one), normalise(other), RULE)
    assert (verdict == "meet") == (not seen.why_not), (error_type, seen)
    assert meet(other, one) == meet(one, other)


def test_two_faults_of_the_list_never_meet_whatever_their_type() -> None:
    met = [(a[1], b[1]) for a, b in combinations(FAULTS, 2) if meet(a[1], b[1])]
    assert met == []


@pytest.mark.skipif(not CLOUDTRAIL.exists(), reason="the real records are not beside this checkout")
def test_no_two_messages_of_real_cloudtrail_errors_that_are_two_fingerprints_are_one_fault() -> None:
    told: dict[str, set[str]] = defaultdict(set)
    for line in CLOUDTRAIL.read_text().splitlines():
        record = json.loads(line)["record"]
        if "errorCode" in record:
            told[record["errorCode"]].add(normalise(record.get("errorMessage", "")))
    assert sum(len(messages) for messages in told.values()) > 30
    met = [pair for messages in told.values() for pair in combinations(sorted(messages), 2) if meet(*pair)]
    assert met == []


def test_it_says_how_many_words_are_alike_and_which_differ() -> None:
    seen = compare(
        "queue for tenant acme is full with … entries", "queue for tenant globex is full with … entries", RULE
    )
    assert (seen.counted(), seen.differ, seen.why_not) == ("7 of 8 words alike", (("acme", "globex"),), "")
    seen = compare("connection to host alpha refused", "connection to host alpha reset", RULE)
    assert seen.why_not == "4 of 5 words alike, but 'reset' and not 'refused' says another fault"


def test_short_messages_are_alike_when_all_their_words_are() -> None:
    assert meet("Rate exceeded", "Rate exceeded")
    assert not meet("no route alpha", "no route beta")
    assert not meet("no route to alpha", "no route to beta")  # 3 of 4 are below 800 of 1,000
    assert meet("no route to alpha", "no route to beta", Alike(per_mille=750, least_words=3))


def test_all_words_are_asked_where_that_is_configured() -> None:
    assert not meet("connection to host alpha refused", "connection to host beta refused", Alike(per_mille=1000))


def test_what_differs_from_case_to_case_counts_for_nothing() -> None:
    assert not meet("42 7 9 1 alpha 3 5", "42 7 9 1 beta 3 5")  # of words there is one, and it differs


WORDS = st.lists(st.sampled_from(["table", "users", "…", "refused", "host", "alpha", "s3:Get", "(x)", "to", "is"]))


@given(WORDS, WORDS)
def test_likeness_has_no_direction_and_a_message_is_like_itself(one: list[str], other: list[str]) -> None:
    a, b = " ".join(one), " ".join(other)
    assert not compare(a, a, RULE).why_not
    there, back = compare(a, b, RULE), compare(b, a, RULE)
    assert (there.alike, there.words, not there.why_not) == (back.alike, back.words, not back.why_not)


@given(st.text(max_size=300), st.text(max_size=300))
def test_any_two_texts_are_compared(one: str, other: str) -> None:
    seen = compare(one, other, RULE)
    assert 0 <= seen.alike <= seen.words
