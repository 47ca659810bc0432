"""`changed` gives what `dataclasses.replace` gives."""

from __future__ import annotations

from dataclasses import fields, replace
from typing import Any

import pytest

from processors.incidents.state import Incident
from processors.kernel.changed import changed

ONE = Incident(bytes(16), 7, bytes(16), "api", "it fails", "detected", "SEV3", False, 1, 2, 3, 4, 5)


@pytest.mark.parametrize("name", [f.name for f in fields(Incident)])
def test_each_field_is_changed_as_replace_does_it(name: str) -> None:
    said: Any = object()
    assert changed(ONE, **{name: said}) == replace(ONE, **{name: said})
    assert changed(ONE, **{name: said}) != ONE


def test_what_is_not_named_stays_and_a_field_that_is_none_is_refused() -> None:
    assert changed(ONE) == ONE
    with pytest.raises(KeyError):
        changed(ONE, colour="red")
