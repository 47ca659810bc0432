"""The slot of a pod is its ordinal."""

from __future__ import annotations

import pytest

from processors.host.settings import slot_of


@pytest.mark.parametrize(("env", "slot"), [({}, 0), ({"POD_NAME": "m-processor-dedup-3"}, 3), ({"POD_NAME": "m"}, 0)])
def test_the_slot_is_the_ordinal_of_the_pod(env: dict[str, str], slot: int) -> None:
    assert slot_of(env) == slot
