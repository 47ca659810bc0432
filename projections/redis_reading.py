"""Reading Redis read models for the doors: one client a process, short waits, and errors as ours.

Every answer is made by one script, so what it shows and the positions it is as of come from one moment.
"""

from __future__ import annotations

from collections.abc import Awaitable, Mapping, Sequence
from typing import Any, cast

from processors.host.places import Place
from projections.errors import NotReady
from projections.plain import Json, time_text
from projections.redis_keys import positions_key
from projections.redis_script import Word
from projections.redis_store import Mark, marks_of

# A person waits: a Redis that does not answer in this time is away, and the answer says so.
CONNECT_SECONDS = 1.0
ANSWER_SECONDS = 3.0
CONNECTIONS = 8


def reader(url: str) -> Any:
    """A client for the running loop; close it with `await client.aclose()`. Connects when it is first asked.

    Loads the client's library, a third of a second: not for the event loop.
    """
    from redis.asyncio import Redis
    from redis.asyncio.retry import Retry
    from redis.backoff import NoBackoff

    return Redis.from_url(
        url,
        socket_connect_timeout=CONNECT_SECONDS,
        socket_timeout=ANSWER_SECONDS,
        max_connections=CONNECTIONS,
        # Once more at once: a kept connection may be one that the server has closed in its restart.
        retry=Retry(NoBackoff(), 1),
        client_name="mandate-gateway",
    )


async def ask(client: Any, script: str, keys: Sequence[str], *words: Word) -> Any:
    """What a reading script answers. Raises NotReady `redis_unavailable`."""
    if client is None:
        raise _unavailable("there is no client: the gateway has just started, or MANDATE_REDIS is not set")
    import redis

    try:
        return await cast(Awaitable[Any], client.eval(script, len(keys), *keys, *words))
    except (redis.RedisError, OSError) as error:
        raise _unavailable(type(error).__name__) from error


async def positions(client: Any, model: str, version: int) -> dict[Place, Mark]:
    """Where a read model stands. Raises NotReady `redis_unavailable`."""
    return marks(await ask(client, "return redis.call('HGETALL', KEYS[1])", [positions_key(model, version)]))


def pairs(flat: Sequence[bytes]) -> dict[bytes, bytes]:
    """HGETALL as a script sees it, as a mapping."""
    return dict(zip(flat[::2], flat[1::2], strict=True))


def marks(flat: Sequence[bytes]) -> dict[Place, Mark]:
    """The positions, of HGETALL in a script."""
    return marks_of(pairs(flat))


def as_of(found: Mapping[Place, Mark]) -> list[Json]:
    """Positions as every answer shows them (projections.paging.as_of)."""
    return [
        {
            "topic": place.topic,
            "partition": place.partition,
            "next_offset": mark.next_offset,
            "append_time": time_text(mark.at),
        }
        for place, mark in sorted(found.items())
    ]


def _unavailable(why: str) -> NotReady:
    return NotReady("redis_unavailable", "the read models in Redis", why, "Come again in a moment.")
