"""Where webhook names of a configuration lead today: looked up once when it is applied, to warn, never to refuse.

A name that is misspelled, or that leads where nothing may be sent, is said to who can mend it, and not first to a
person who was not paged. It decides nothing: what is connected to is checked at every attempt
(processors/effects/guard.py), and a resolver that is away must not stand in the way of a change.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import cast
from urllib.parse import urlsplit

from processors.effects.addresses import Rules, address_refusal, names, not_allowed
from schemas.configuration import DEFAULTS, Document, People, Targets

# All look-ups together: who applies a configuration waits for it. A resolver answers in some ms, or not for 5 s.
WAIT_S = 2.0
# Names that are looked up; the system's resolver has a thread for each that is under way.
NAMES_MAX = 32
AT_ONCE = 8

Resolve = Callable[[str], Awaitable[Sequence[str]]]
Said = tuple[str, str, str]


async def by_the_system(host: str) -> list[str]:
    """The numeric addresses of a name. Raises OSError."""
    loop = asyncio.get_running_loop()
    found = await loop.getaddrinfo(host, None, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(each[4][0]) for each in found))


async def unreachable(
    documents: Mapping[str, Document], rules: Rules, resolve: Resolve = by_the_system
) -> tuple[Said, ...]:
    """(code, field, why) of each webhook whose name leads nowhere, or where nothing would be sent; never raises."""
    everything = {**DEFAULTS, **documents}
    allowed = cast(Targets, everything["targets"]).webhooks
    fields = {
        f"people.people.{i}.channels.{j}.address": urlsplit(channel.address).hostname or ""
        for i, person in enumerate(cast(People, everything["people"]).people)
        for j, channel in enumerate(person.channels)
        if channel.kind == "webhook"
    }
    gate = asyncio.Semaphore(AT_ONCE)

    async def look(host: str) -> tuple[str, str] | None:
        async with gate:
            try:
                found = await resolve(host)
            except (OSError, UnicodeError):
                return "target_unresolved", f"the name {host} leads to no address"
        for address in found:
            refused = address_refusal(address, rules, names(host, address, allowed)) or not_allowed(
                host, address, allowed
            )
            if refused is not None:
                return refused.code, f"the name {host}: {refused.why}"
        return None if found else ("target_unresolved", f"the name {host} leads to no address")

    hosts = list(dict.fromkeys(fields.values()))[:NAMES_MAX]
    tasks = {host: asyncio.create_task(look(host)) for host in hosts}
    if tasks:
        await asyncio.wait(tasks.values(), timeout=WAIT_S)
    told: dict[str, tuple[str, str] | None] = {}
    for host, task in tasks.items():
        if task.done():
            told[host] = task.result()
        else:
            task.cancel()
            told[host] = "target_unresolved", f"the name {host} was not resolved within {WAIT_S:.0f} s"
    return tuple(
        (said[0], field, f"{said[1]}; pages to it would not leave")
        for field, host in fields.items()
        if (said := told.get(host)) is not None
    )
