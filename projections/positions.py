"""Where each projection stands in the log: rows of `projection_offsets`, moved by compare-and-set.

The move is the first statement of a batch's transaction: its row locks make a second writer of the same projection
wait, and then find that the position is no longer the one its batch began at. So every record is projected exactly
once, whoever writes, without trusting a consumer group.
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
 where projection = %s and topic = %s and partition = %s and next_offset = %s
"""


def load(connection: Connection, projection: str) -> dict[Place, int]:
    """All stored positions of a projection."""
    found = connection.execute(
        "select topic, partition, next_offset from projection_offsets where projection = %s", (projection,)
    ).fetchall()
    return {Place(topic, partition): offset for topic, partition, offset in found}


def begin(connection: Connection, projection: str, lows: Mapping[Place, int]) -> None:
    """Store a first position for places that have none; one that exists stays."""
    with connection.cursor() as cursor:
        cursor.executemany(
            "insert into projection_offsets (projection, topic, partition, next_offset)"
            " values (%s, %s, %s, %s) on conflict do nothing",
            [(projection, place.topic, place.partition, low) for place, low in sorted(lows.items())],
        )


def move(
    connection: Connection,
    projection: str,
    before: Mapping[Place, int],
    after: Mapping[Place, int],
    append_times: Mapping[Place, int],
) -> None:
    """Move every place from `before` to `after`, in one order (no deadlocks). Raises PositionLost."""
    for place in sorted(after):
        cursor = connection.execute(
            _MOVE,
            (after[place], append_times.get(place), projection, place.topic, place.partition, before[place]),
        )
        if cursor.rowcount != 1:
            raise PositionLost(
                "position_lost",
                f"projection {projection} at {place.topic}[{place.partition}]",
                f"the stored position is no longer {before[place]}",
                "Nothing was written; the positions are read again.",
            )
