"""What each test of this folder begins with: a stack on which everything serves."""

from __future__ import annotations

import pytest

from tests.support.fix_whole import Whole


@pytest.fixture(autouse=True)
def healthy(stack: Whole) -> None:
    """A test that failed in the middle of a fault must not be paid for by the next one."""
    if not stack.ready():
        stack.up()
