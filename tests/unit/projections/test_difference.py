"""What a change changed: by structure where there is one, by lines or as one value where there is none."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from projections.incidents.difference import DEPTH_MAX, LINES_MAX, difference

# Seed 13.3.
BEFORE = "database:\n  pool_size: 10\n  timeout: 30s\ncache:\n  enabled: true\n  ttl: 300\n"
AFTER = "database:\n  pool_size: 5\n  timeout: 30s\ncache:\n  enabled: false\n  ttl: 300\n"


def _told(before: str, after: str) -> list[tuple[str, str | None, str | None, str | None]]:
    found = difference(before, after)
    assert found is not None
    return [(x["op"], x["key"], x["before"], x["after"]) for x in found["lines"]]


def test_a_yaml_document_is_compared_entry_by_entry() -> None:
    found = difference(BEFORE, AFTER)
    assert found is not None
    assert (found["format"], found["changed"], found["added"], found["removed"], found["cut"]) == ("yaml", 2, 0, 0, 0)
    assert [(x["op"], x["depth"], x["key"], x["before"], x["after"]) for x in found["lines"]] == [
        ("same", 0, "database", None, None),
        ("changed", 1, "pool_size", "10", "5"),
        ("same", 1, "timeout", "30s", "30s"),
        ("same", 0, "cache", None, None),
        ("changed", 1, "enabled", "true", "false"),
        ("same", 1, "ttl", "300", "300"),
    ]


def test_entries_that_only_moved_are_no_difference() -> None:
    found = difference('{"a": 1, "b": {"c": [1, 2]}}', '{"b": {"c": [1, 2]}, "a": 1}')
    assert found is not None
    assert found["changed"] == found["added"] == found["removed"] == 0


def test_a_number_is_taken_as_written_and_is_no_text() -> None:
    assert _told('{"a": 1.0}', '{"a": 1.00}') == [("changed", "a", "1.0", "1.00")]
    assert _told('{"a": 1}', '{"a": "1"}') == [("changed", "a", "1", "1")]
    assert _told('{"a": true}', '{"a": 1}') == [("changed", "a", "true", "1")]


def test_a_list_tells_which_items_went_and_came() -> None:
    assert _told('{"allow": ["a", "b", "c"]}', '{"allow": ["a", "c", "d"]}') == [
        ("same", "allow", None, None),
        ("same", None, "a", "a"),
        ("removed", None, "b", None),
        ("same", None, "c", "c"),
        ("added", None, None, "d"),
    ]


def test_a_value_of_another_kind_is_one_change() -> None:
    assert _told('{"a": {"b": 1}}', '{"a": 3}') == [("changed", "a", '{"b": 1}', "3")]


def test_single_lines_are_one_value_and_prose_is_compared_by_lines() -> None:
    assert _told("v2.3.0", "v2.3.1") == [("changed", None, "v2.3.0", "v2.3.1")]
    assert _told("one\ntwo", "one\nthree") == [
        ("same", None, "one", "one"),
        ("removed", None, "two", None),
        ("added", None, None, "three"),
    ]


def test_without_both_texts_there_is_nothing_to_compare() -> None:
    assert difference(None, "v1") is None
    assert difference("v1", None) is None


@pytest.mark.parametrize(
    "hostile",
    [
        "a: &a [x]\nb: *a\n",
        "[" * 4_000,
        '{"a":' * 100 + "1" + "}" * 100,
        "a: [" * 900,
        '{"a": NaN}',
        "? [a]\n: b\n",
        "- !!python/object/apply:os.system [x]\n",
        "\x00: \x01\n",
    ],
    ids=["alias", "brackets", "deep", "deep-yaml", "nan", "list-key", "tag", "control"],
)
def test_hostile_documents_are_compared_all_the_same(hostile: str) -> None:
    found = difference(hostile, hostile + "\nx: 1\n")
    assert found is not None
    assert json.loads(json.dumps(found)) == found


def test_what_is_too_long_is_cut_and_counted() -> None:
    found = difference("\n".join("ab"), "\n".join(str(n) for n in range(LINES_MAX + 50)))
    assert found is not None
    assert len(found["lines"]) == LINES_MAX
    assert found["cut"] == 52
    deep = json.dumps({"a": 1})
    for _ in range(DEPTH_MAX + 1):
        deep = f'{{"a": {deep}}}'
    wide = difference(deep, deep.replace("1", "2"))
    assert wide is not None
    assert wide["format"] == "value"


documents = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=4), inner, max_size=4),
    max_leaves=12,
)


@given(st.dictionaries(st.text(max_size=4), documents, max_size=4), documents)
def test_a_document_differs_from_itself_in_nothing_and_is_never_refused(same: dict[str, Any], other: Any) -> None:
    text = json.dumps(same)
    found = difference(text, text)
    assert found is not None
    assert all(x["op"] == "same" for x in found["lines"])
    assert difference(text, json.dumps(other)) is not None
