"""Which types of action write data (`writes` of the configuration document `signals`), and what such a write weighs.

Asked when somebody finds data wrong although nothing failed (seed 18.5). An agent that tells a write as an effect, with
a number of rows, says more than its action's type; the same rules weigh it.
"""

from __future__ import annotations

from dataclasses import dataclass

from schemas.document_reader import Reader, invalid
from schemas.patterns import any_matches

# A type is looked at once and remembered: 16 x 64 x 80 ns are 80 µs at most, 6 µs by the rules below.
MAX_RULES = 16
MAX_TYPES = 64
# Of 1,000 points of a suspect: 400 for its kind, 400 for its breadth, 200 for its nearness.
MAX_POINTS = 400
_ALIKE = str.maketrans(".-:/ ", "_____")


@dataclass(frozen=True, slots=True)
class WriteRule:
    """Types of action that write data to the action's resource: names, or prefixes ending in `*`, in lower case and
    with `_` for `.`, `-`, `:`, `/` and a space. `points` is what the kind weighs among suspects.
    """

    types: tuple[str, ...]
    points: int = 0


# A type that only ends in a writing word (`catalog.write`) is none: it may be a call of anything. Whoever has such
# types names them.
_DATA = ("db", "data", "table", "row", "rows", "record", "records")
WRITES = (
    WriteRule(
        (
            *("bulk_*", "batch_write*", "batch_insert*", "batch_update*", "batch_upsert*", "batch_delete*", "mass_*"),
            *(f"{of}_{how}*" for of in _DATA for how in ("bulk", "batch", "truncate", "drop", "import", "backfill")),
        ),
        300,
    ),
    WriteRule(tuple(f"{of}_{how}*" for of in (*_DATA, "file") for how in ("delete", "remove")), 150),
    WriteRule(
        tuple(f"{of}_{how}*" for of in (*_DATA, "file") for how in ("write", "insert", "update", "upsert", "append"))
    ),
)


def write_points(rules: tuple[WriteRule, ...], kind: str) -> int | None:
    """What a write of this kind weighs, by the first rule that names it; None where the kind is no write."""
    name = kind.lower().translate(_ALIKE)
    for rule in rules:
        if any_matches(rule.types, name):
            return rule.points
    return None


def read_writes(r: Reader) -> tuple[WriteRule, ...]:
    """`writes`: what is given takes the place of the rules in code; an empty list is none at all."""
    if not r.has("writes"):
        return WRITES
    out = []
    for entry in r.readers("writes"):
        rule = WriteRule(
            tuple(each.lower().translate(_ALIKE) for each in entry.texts("types")),
            entry.number("points", 0, 0, MAX_POINTS),
        )
        entry.done()
        if not 1 <= len(rule.types) <= MAX_TYPES or not all(rule.types):
            raise invalid(f"{entry.place}.types", f"1 to {MAX_TYPES} names are expected")
        out.append(rule)
    if len(out) > MAX_RULES:
        raise invalid(f"{r.place}.writes", f"at most {MAX_RULES} rules are expected")
    return tuple(out)
