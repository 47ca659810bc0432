"""The guard of webhooks at the socket: the address that is connected to is the address that was checked.

A name is resolved once per attempt, every address of the answer is checked (one that is not allowed refuses the whole
answer: a mixed one is an attack or a mistake), and the connection goes to those very addresses, so that a name that
changes between a check and a connection (DNS rebinding) gains nothing. Literal addresses never reach the resolver;
they are checked where the socket is made, as is everything else once more.
"""

from __future__ import annotations

import socket
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any

import aiohttp
from aiohttp.abc import AbstractResolver, ResolveResult

from processors.effects.addresses import Refusal, Rules, address_refusal, names, not_allowed


@dataclass(slots=True)
class Attempt:
    """One attempt: whose rules hold, and what was refused. Shared by all tasks that the attempt starts."""

    rules: Rules
    allowed: Sequence[str]
    host: str
    refusal: Refusal | None = None

    def check(self, address: str) -> None:
        """Raises TargetRefused."""
        named = names(self.host, address, self.allowed)
        found = address_refusal(address, self.rules, named) or not_allowed(self.host, address, self.allowed)
        if found is not None:
            self.refusal = found
            raise TargetRefused(str(found))


class TargetRefused(OSError):
    """Nothing was connected: an address is not allowed."""


_ATTEMPT: ContextVar[Attempt] = ContextVar("attempt")


@contextmanager
def attempt(rules: Rules, allowed: Sequence[str], host: str) -> Iterator[Attempt]:
    """What is connected inside belongs to this attempt."""
    made = Attempt(rules, allowed, host)
    token = _ATTEMPT.set(made)
    try:
        yield made
    finally:
        _ATTEMPT.reset(token)


class GuardedResolver(AbstractResolver):
    """Resolves by `inner` (the system's, in a thread) and gives the answer only if every address may be reached."""

    def __init__(self, inner: AbstractResolver | None = None) -> None:
        self._inner = inner or aiohttp.ThreadedResolver()

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> list[ResolveResult]:
        """As AbstractResolver says. Raises TargetRefused."""
        current = _ATTEMPT.get()
        found = await self._inner.resolve(host, port, family)
        for each in found:
            current.check(each["host"])
        return found

    async def close(self) -> None:
        """End the inner one."""
        await self._inner.close()


def connector(limit: int, resolver: AbstractResolver | None = None) -> aiohttp.TCPConnector:
    """A pool whose every socket is guarded; no address and no connection is kept from one attempt to the next."""
    return aiohttp.TCPConnector(
        limit=limit,
        resolver=GuardedResolver(resolver),
        use_dns_cache=False,
        # Pages are rare: a kept connection would mostly be one that the target has closed meanwhile, which makes an
        # outcome unknown that was none.
        force_close=True,
        socket_factory=_socket,
    )


def _socket(info: tuple[Any, ...]) -> socket.socket:
    family, kind, protocol, _, place = info
    _ATTEMPT.get().check(str(place[0]))
    made = socket.socket(family, kind, protocol)
    made.setblocking(False)
    return made
