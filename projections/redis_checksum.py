"""A checksum of a read model in Redis that does not depend on the order of keys or fields, nor on positions.

A rebuild from the log into an empty Redis must give the same. `python -m projections checksum NAME`.
"""

from __future__ import annotations

from hashlib import blake2b, sha256

import redis

from projections.redis_keys import patterns, positions_key
from projections.redis_store import RedisProjection

# One step of SCAN; small, so that others are served in between.
STEP = 500


def checksum(url: str, projection: RedisProjection) -> tuple[int, str]:
    """(number of keys, hexadecimal SHA-256 over the sum of all fields' hashes). Raises redis.RedisError."""
    positions = positions_key(projection.name, projection.version).encode()
    keys, total = 0, 0
    with redis.Redis.from_url(url) as client:
        for pattern in patterns(projection.name, projection.version):
            for key in set(client.scan_iter(match=pattern, count=STEP)):
                if key == positions:
                    continue
                keys += 1
                if client.type(key) == b"hash":
                    fields = client.hgetall(key).items()
                else:
                    fields = ((member, b"") for member in client.smembers(key))
                total += sum(_hash(key, name, value) for name, value in fields)
    return keys, sha256(f"{projection.name} {projection.version} {keys} {total}".encode()).hexdigest()


def _hash(*words: bytes) -> int:
    digest = blake2b(digest_size=16)
    for word in words:
        digest.update(len(word).to_bytes(4, "big") + word)
    return int.from_bytes(digest.digest(), "big")
