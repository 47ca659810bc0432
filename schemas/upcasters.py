"""Old majors lifted to today's, one pure dict -> dict step each: UPCASTERS[(home, name)][from_major] = step.

A step takes what a writer of `from_major` wrote (as Avro's plain values, with the defaults of its own schema) and gives
what a writer of the next major would have written. It must not change its argument, read a clock or draw a number.
Minors need no step: they only add fields with defaults. Empty as long as every message is at major 1; `mandate schemas
check` asks for the step of every old major, and the contract test for golden bytes of each.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cache
from typing import Any

from schemas.errors import SchemaError

Step = Callable[[dict[str, Any]], dict[str, Any]]
Table = Mapping[tuple[str, str], Mapping[int, Step]]

UPCASTERS: Table = {}


@cache
def chain(home: str, name: str, major: int, newest: int) -> tuple[Step, ...]:
    """The steps from `major` to `newest`, in order. Raises SchemaError `upcaster_missing`."""
    return steps(UPCASTERS, home, name, major, newest)


def steps(table: Table, home: str, name: str, major: int, newest: int) -> tuple[Step, ...]:
    """As `chain`, from any table."""
    known = table.get((home, name), {})
    missing = [m for m in range(major, newest) if m not in known]
    if missing:
        raise SchemaError(
            "upcaster_missing",
            f"message {home}/{name}",
            f"nothing leads from major {missing[0]} to {missing[0] + 1}",
            "Add the step to schemas/upcasters.py.",
        )
    return tuple(known[m] for m in range(major, newest))
