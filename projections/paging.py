"""Lists of the log's order in pages: cursors that lose and repeat nothing, also while rows arrive, and `as_of`.

Rows of several partitions are merged by append time, but they arrive partition by partition, so a cursor is one offset
*per place*: after a page, each place has given a beginning of its rows (or an end, for newest first), whatever comes.
A cursor is opaque to the caller: base64url of JSON.
"""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from heapq import merge
from typing import Any

from processors.host.places import Place
from projections.errors import BadRequest
from projections.plain import Json, time_text
from projections.postgres import Scope

LIMIT_MAX = 1_000
# Offsets order a place; append times only prune days. A broker's clock that steps back stays within this.
CLOCK_SLACK_MS = 86_400_000
_LATEST = 2**63 - 1
_CURSOR_CHARACTERS_MAX = 16_384

_POSITIONS = """
select topic, partition, min(next_offset) as next_offset, min(append_time) as append_time
  from projection_offsets where projection = any(%(projections)s)
 group by topic, partition order by topic, partition
"""


@dataclass(frozen=True, slots=True)
class Mark:
    """How far a place was read: the offset of the last row given (exclusive bound), and its append time."""

    offset: int
    append_time: int


Marks = Mapping[Place, Mark]


async def positions(scope: Scope, *projections: str) -> list[dict[str, Any]]:
    """Stored positions of projections, as rows."""
    return await scope.rows(_POSITIONS, {"projections": list(projections)})


def as_of(rows: Iterable[Mapping[str, Any]]) -> list[Json]:
    """Positions as every answer shows them: {topic, partition, next_offset, append_time}."""
    return [
        {
            "topic": row["topic"],
            "partition": row["partition"],
            "next_offset": row["next_offset"],
            "append_time": time_text(row["append_time"]),
        }
        for row in rows
    ]


async def as_of_now(scope: Scope, *projections: str) -> list[Json]:
    """`as_of` of projections, in the scope's snapshot."""
    return as_of(await positions(scope, *projections))


def check_limit(limit: int) -> int:
    """The limit, if it may be asked for. Raises BadRequest `bad_limit`."""
    if not 1 <= limit <= LIMIT_MAX:
        raise BadRequest(
            "bad_limit",
            f"limit {limit}",
            f"it is not 1 to {LIMIT_MAX}",
            "Ask for fewer and follow `next`.",
            field="limit",
        )
    return limit


def encode(kind: str, value: Any) -> str:
    """A cursor of a kind of list."""
    raw = json.dumps([kind, value], separators=(",", ":")).encode()
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")


def decode(kind: str, cursor: str) -> Any:
    """What `encode` was given. Raises BadRequest `bad_cursor`."""
    try:
        if len(cursor) > _CURSOR_CHARACTERS_MAX:
            raise ValueError("too long")
        found_kind, value = json.loads(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
        if found_kind != kind:
            raise ValueError(f"it is of another list ({found_kind})")
    except (ValueError, TypeError, RecursionError, binascii.Error) as error:
        raise bad_cursor(str(error)) from error
    return value


def bad_cursor(why: str) -> BadRequest:
    """The error for a cursor that is not ours."""
    return BadRequest(
        "bad_cursor", "the cursor", why, "Give `next` of the same list unchanged, or none.", field="cursor"
    )


def number_in(kind: str, cursor: str | None) -> int:
    """The bound in a cursor that is one number; the largest one without a cursor. Raises BadRequest."""
    if cursor is None:
        return _LATEST
    value = decode(kind, cursor)
    try:
        return _within(value)
    except ValueError as error:
        raise bad_cursor(str(error)) from error


def marks(kind: str, cursor: str | None, places: Iterable[Mapping[str, Any]], newest: bool) -> dict[Place, Mark]:
    """Where to go on in each place: as the cursor says, else from the beginning, or back from the stored position."""
    out = {}
    for row in places:
        at = Mark(row["next_offset"], _LATEST) if newest else Mark(-1, 0)
        out[Place(row["topic"], row["partition"])] = at
    if cursor is not None:
        try:
            out.update({Place(str(t), _within(p)): Mark(_within(o), _within(a)) for t, p, o, a in decode(kind, cursor)})
        except (TypeError, ValueError) as error:
            raise bad_cursor(str(error)) from error
    return out


def _within(value: object) -> int:
    """A whole number that a column can hold."""
    if not isinstance(value, int) or isinstance(value, bool) or not -1 <= value <= _LATEST:
        raise ValueError(f"{value!r} is no offset")
    return value


def parameters(at: Marks) -> dict[str, Any]:
    """Marks as four arrays for `unnest`; times with the slack that a query's pruning condition needs."""
    places = list(at)
    return {
        "topics": [place.topic for place in places],
        "partitions": [place.partition for place in places],
        "offsets": [at[place].offset for place in places],
        "from_times": [at[place].append_time - CLOCK_SLACK_MS for place in places],
        "to_times": [min(at[place].append_time, _LATEST - CLOCK_SLACK_MS) + CLOCK_SLACK_MS for place in places],
    }


def page(
    kind: str,
    at: Marks,
    rows: Sequence[dict[str, Any]],
    limit: int,
    newest: bool,
    shape: Callable[[dict[str, Any]], Json],
) -> tuple[list[Json], str | None]:
    """Items of one page and the cursor of the next; `rows` hold up to limit + 1 rows of each place."""
    taken = _merged(rows, limit + 1, newest)
    more = len(taken) > limit
    taken = taken[:limit]
    if not more:
        return [shape(row) for row in taken], None
    after = dict(at)
    for row in taken:
        after[Place(row["topic"], row["partition"])] = Mark(row["offset"], row["append_time"])
    cursor = encode(kind, [[p.topic, p.partition, m.offset, m.append_time] for p, m in sorted(after.items())])
    return [shape(row) for row in taken], cursor


def _merged(rows: Sequence[dict[str, Any]], limit: int, newest: bool) -> list[dict[str, Any]]:
    """The first `limit` rows by append time; within a place always by offset, also when a clock went back."""
    sign = -1 if newest else 1
    places: dict[Place, list[dict[str, Any]]] = {}
    for row in rows:
        places.setdefault(Place(row["topic"], row["partition"]), []).append(row)
    for given in places.values():
        given.sort(key=lambda row: sign * row["offset"])
    ordered = merge(*(places[p] for p in sorted(places)), key=lambda row: sign * row["append_time"])
    return [row for row, _ in zip(ordered, range(limit), strict=False)]
