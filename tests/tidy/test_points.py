"""Every named point of the code is tried by tests/faults, and what is tried is in the code."""

from __future__ import annotations

import re
from pathlib import Path

from tests.faults.at_points import POINTS

ROOT = Path(__file__).parents[2]
NAMED = re.compile(r'(?:points\.reached|self\._at)\("([a-z]+\.[a-z_]+)"\)')


def test_every_point_is_tried() -> None:
    code = [p for package in ("processors", "projections", "gateway") for p in (ROOT / package).rglob("*.py")]
    named = {found for path in code for found in NAMED.findall(path.read_text())}
    assert named == {point.name for point in POINTS}
    assert len(POINTS) == len(named)
