"""Heads of actions, read one after the other: what neighbours share is looked up, not read again.

Pure. What it answers and raises is what `schemas.head.read_head` does; called by the reading of a batch.
"""

from __future__ import annotations

from functools import lru_cache

from schemas.codec import PREFIX_BYTES
from schemas.head import TEXTS, Head, glance, read_head, read_long, what_of, who_of

# Actors, resources and milliseconds come again and again. 8,192 of each, of at most 256 bytes, are about 7 MB with
# their texts; a longer one is read each time.
KEPT = 8_192
SHORT_BYTES = 256
SECOND = PREFIX_BYTES + 16  # where the content's id begins; the event's stands before it
TIME_BYTES = 6  # glance vouches for two of them, one after the other

_new = tuple.__new__
_who = lru_cache(maxsize=KEPT)(who_of)
_what = lru_cache(maxsize=KEPT)(what_of)


@lru_cache(maxsize=KEPT)
def _time(raw: bytes) -> int:
    return read_long(raw, 0)[0]


def head_of(value: bytes) -> Head:
    """The head of a framed Action. Raises SchemaError `undecodable_head`."""
    seen = glance(value)
    if seen is None:
        return read_head(value)
    who, sequence, times, traits, what = seen
    if len(who) > SHORT_BYTES or len(what) > SHORT_BYTES:
        return read_head(value)
    whose, about = _who(who), _what(what)
    if whose is None or about is None:
        return read_head(value)
    half = times + TIME_BYTES
    # Past Head's own constructor, which takes as long as all of the lookups.
    ids = (value[PREFIX_BYTES:SECOND], value[SECOND:TEXTS])
    return _new(
        Head, (*ids, *whose, sequence, _time(value[times:half]), _time(value[half : half + TIME_BYTES]), traits, *about)
    )
