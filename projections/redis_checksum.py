"""A checksum of a read model in Redis that does not depend on the order of keys or fields, nor on positions.

A rebuild from the log into an empty Redis must give the same. `python -m projections checksum NAME`.
"""

from __future__ import annotations

from collections.abc import Callable
from hashlib import blake2b, sha256
from typing import Any

from projections.redis_keys import owner, patterns, positions_key, torn_key
from projections.redis_store import RedisProjection

# One step of SCAN; small, so that others are served in between.
STEP = 500


def checksum(url: str, projection: RedisProjection) -> tuple[int, str]:
    """(number of keys, hexadecimal SHA-256 over the sum of all fields' hashes). Raises redis.RedisError."""
    import redis

    with redis.Redis.from_url(url) as client:
        found = sums(client, projection)
    keys, total = (sum(each[i] for each in found.values()) for i in (0, 1))
    return keys, sha256(f"{projection.name} {projection.version} {keys} {total}".encode()).hexdigest()


def sums(
    client: Any, projection: RedisProjection, prefix: str = "", seen: Callable[[], object] = lambda: None
) -> dict[str, tuple[int, int]]:
    """Keys and sum of each tenant (and of the read model's own books, under its own name) in a generation.

    `seen` is called after every STEP keys. Raises redis.RedisError.
    """
    books = {make(projection.name, projection.version) for make in (positions_key, torn_key)}
    out: dict[str, tuple[int, int]] = {}
    for pattern in patterns(projection.name, projection.version):
        for number, key in enumerate(set(client.scan_iter(match=prefix + pattern, count=STEP))):
            name = key.decode()[len(prefix) :]
            if name in books:
                continue
            if client.type(key) == b"hash":
                fields = client.hgetall(key).items()
            else:
                fields = ((member, b"") for member in client.smembers(key))
            keys, total = out.get(owner(name), (0, 0))
            out[owner(name)] = (keys + 1, total + sum(_hash(name.encode(), n, value) for n, value in fields))
            if number % STEP == 0:
                seen()
    return out


def _hash(*words: bytes) -> int:
    digest = blake2b(digest_size=16)
    for word in words:
        digest.update(len(word).to_bytes(4, "big") + word)
    return int.from_bytes(digest.digest(), "big")
