"""The cache of tokens: fresh within two seconds, patient while the database is away, bounded, one look-up at a time."""

from __future__ import annotations

import asyncio

import pytest

from gateway.http import tokens as module
from gateway.http.errors import Unavailable
from gateway.http.tokens import FRESH_S, STALE_S, Principal, Tokens
from tests.unit.gateway.conftest import OPERATOR, FakeConfigurations, digest


class Clock:
    def __init__(self) -> None:
        self.now = 1_000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def known(configurations: FakeConfigurations, clock: Clock) -> Tokens:
    return Tokens(configurations.principal, digest(OPERATOR), clock)


async def test_who_is_who(known: Tokens) -> None:
    found = await known.of("alice-of-shop")
    assert found == Principal("shop", "alice", "person", (), digest("alice-of-shop"))
    assert await known.of("nobody-has-it") is None
    assert await known.of("x" * 10_000) is None
    operator = await known.of(OPERATOR)
    assert operator is not None
    assert (operator.tenant, operator.kind) == (None, "operator")


async def test_without_an_operators_hash_there_is_no_operator(configurations: FakeConfigurations) -> None:
    assert await Tokens(configurations.principal, None).of(OPERATOR) is None


async def test_a_token_is_looked_up_once_in_two_seconds(known, configurations, clock) -> None:
    for _ in range(3):
        await known.of("alice-of-shop")
        await known.of("nobody-has-it")
    assert configurations.looked_up == 2
    clock.now += FRESH_S
    await known.of("alice-of-shop")
    assert configurations.looked_up == 3


async def test_many_at_once_are_one_look_up(known, configurations) -> None:
    found = await asyncio.gather(*(known.of("alice-of-shop") for _ in range(50)))
    assert {x.subject for x in found} == {"alice"}
    assert configurations.looked_up == 1


async def test_a_caller_that_leaves_takes_nobody_with_it(known, configurations) -> None:
    first = asyncio.ensure_future(known.of("alice-of-shop"))
    second = asyncio.ensure_future(known.of("alice-of-shop"))
    await asyncio.sleep(0)
    first.cancel()
    assert (await second).subject == "alice"
    assert first.cancelled()


async def test_a_known_token_survives_the_database_for_a_while(known, configurations, clock) -> None:
    await known.of("alice-of-shop")
    await known.of("nobody-has-it")
    configurations.down = True
    clock.now += STALE_S - 1
    assert (await known.of("alice-of-shop")).subject == "alice"
    for token in ("admin-of-shop", "nobody-has-it"):  # a no that is old is no no
        with pytest.raises(Unavailable):
            await known.of(token)
    clock.now += 1
    with pytest.raises(Unavailable):
        await known.of("alice-of-shop")
    configurations.down = False
    assert (await known.of("alice-of-shop")).subject == "alice"


async def test_the_cache_is_bounded(known, configurations, monkeypatch) -> None:
    monkeypatch.setattr(module, "CACHE_LIMIT", 10)
    for n in range(50):
        await known.of(f"guess-{n}")
    assert len(known._known) == 10


def test_csrf_tells_nothing_and_differs() -> None:
    one, two = (Principal("t", "s", "person", (), digest(x)) for x in "ab")
    assert one.csrf != two.csrf
    assert one.sha256 not in one.csrf
