"""A record as a log gives it, and an output as a log takes it. Plain values; no client library behind them.

Tuples with names rather than frozen dataclasses: several are made for each event, and one costs a quarter as much.
"""

from __future__ import annotations

from typing import NamedTuple

Headers = tuple[tuple[str, bytes], ...]


class Record(NamedTuple):
    """One record read from a log. `append_time` is the broker's append time in milliseconds since 1970 (UTC)."""

    topic: str
    partition: int
    offset: int
    append_time: int
    key: bytes | None
    value: bytes | None
    headers: Headers = ()


class Output(NamedTuple):
    """One record to be written. `partition` None means murmur2 of the key, as the Java client does."""

    topic: str
    partition: int | None
    key: bytes | None
    value: bytes | None
    headers: Headers = ()


def header(headers: Headers, name: str) -> bytes | None:
    """The last value of a header, or None."""
    found = None
    for key, value in headers:
        if key == name:
            found = value
    return found
