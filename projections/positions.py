"""Where each projection stands in the log: rows of `projection_offsets`, moved by compare-and-set.

The move is the first statement of a batch's transaction: its row locks make a second writer of the same projection
wait, and then find that the position is no longer the one its batch began at. So every record is projected exactly
once, whoever writes, without trusting a consumer group. The version of the tables is part of the comparison: a writer
that has missed a swap (projections/versions.py) moves nothing, writes nothing, and reads its version again.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import psycopg

from processors.host.places import Place
from projections.errors import PositionLost

Connection = psycopg.Connection[Any]

_MOVE = """
update projection_offsets
   set next_offset = %s, append_time = coalesce(%s, append_time), moved_at = now()
 where projection = %s and topic = %s and partition = %s and version = %s and next_offset = %s
"""
# What migrations make in a new database.
FIRST_VERSION = 1


def load(connection: Connection, projection: str) -> dict[Place, int]:
    """All stored positions of a projection."""
    found = connection.execute(
        "select topic, partition, next_offset from projection_offsets where projection = %s", (projection,)
    ).fetchall()
    return {Place(topic, partition): offset for topic, partition, offset in found}


def version(connection: Connection, projection: str) -> int:
    """Which version of its tables a projection's positions belong to."""
    found = connection.execute(
        "select coalesce((select max(version) from projection_offsets where projection = %(name)s),"
        " (select version from projection_versions where projection = %(name)s and state = 'live'), %(first)s)",
        {"name": projection, "first": FIRST_VERSION},
    ).fetchone()
    assert found is not None  # one row by construction
    return int(found[0])


def begin(connection: Connection, projection: str, lows: Mapping[Place, int], version_: int = FIRST_VERSION) -> None:
    """Store a first position for places that have none; one that exists stays."""
    with connection.cursor() as cursor:
        cursor.executemany(
            "insert into projection_offsets (projection, topic, partition, next_offset, version)"
            " values (%s, %s, %s, %s, %s) on conflict do nothing",
            [(projection, place.topic, place.partition, low, version_) for place, low in sorted(lows.items())],
        )


def move(
    connection: Connection,
    projection: str,
    before: Mapping[Place, int],
    after: Mapping[Place, int],
    append_times: Mapping[Place, int],
    version_: int = FIRST_VERSION,
) -> None:
    """Move every place from `before` to `after`, in one order (no deadlocks). Raises PositionLost."""
    moves = [
        (after[place], append_times.get(place), projection, *place, version_, before[place]) for place in sorted(after)
    ]
    with connection.cursor() as cursor:
        # Sent together: one answer is waited for, not one a place.
        cursor.executemany(_MOVE, moves)
        moved = cursor.rowcount if moves else 0
    if moved != len(moves):
        places = ", ".join(f"{place.topic}[{place.partition}]@{before[place]}" for place in sorted(after))
        raise PositionLost(
            "position_lost",
            f"projection {projection} at {places}",
            f"not all of these positions of version {version_} are stored any more",
            "Nothing was written; the positions are read again.",
        )
