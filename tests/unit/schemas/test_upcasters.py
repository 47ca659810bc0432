"""A chain of majors: each step once, in order, and a missing one is an error before anything is read."""

from __future__ import annotations

import pytest

from schemas.errors import SchemaError
from schemas.upcasters import Table, steps

TABLE: Table = {
    ("shop", "Order"): {
        1: lambda old: old | {"lines": [old["line"]]},
        2: lambda old: {k: v for k, v in old.items() if k != "line"} | {"total": len(old["lines"])},
    }
}


@pytest.mark.parametrize(
    ("major", "plain"),
    [
        (1, {"line": "tea"}),
        (2, {"line": "tea", "lines": ["tea"]}),
        (3, {"lines": ["tea"], "total": 1}),
    ],
)
def test_every_earlier_major_comes_to_the_same_newest(major: int, plain: dict[str, object]) -> None:
    before = dict(plain)
    lifted = plain
    for step in steps(TABLE, "shop", "Order", major, 3):
        lifted = step(lifted)
    assert lifted == {"lines": ["tea"], "total": 1}
    assert plain == before


def test_a_hole_in_the_chain_is_named() -> None:
    with pytest.raises(SchemaError) as caught:
        steps(TABLE, "shop", "Order", 2, 5)
    assert (caught.value.code, caught.value.why) == ("upcaster_missing", "nothing leads from major 3 to 4")


def test_a_message_of_one_major_needs_none() -> None:
    assert steps(TABLE, "shop", "Receipt", 1, 1) == ()
