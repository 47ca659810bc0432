"""Advisory locks of Postgres are numbers in one space: two that meet by chance stop each other for ever."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
LOCK = re.compile(r"^\w*LOCK = ([0-9_]+)", re.MULTILINE)


def test_no_two_advisory_locks_are_the_same_number() -> None:
    found: dict[int, str] = {}
    for package in ("processors", "projections", "gateway"):
        for path in sorted((ROOT / package).rglob("*.py")):
            for number in LOCK.findall(path.read_text()):
                value = int(number.replace("_", ""))
                assert value not in found, f"{path.relative_to(ROOT)} and {found[value]} use {number}"
                found[value] = str(path.relative_to(ROOT))
    assert len(found) >= 3
