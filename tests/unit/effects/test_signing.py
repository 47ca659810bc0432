"""Signatures and the secrets behind them."""

from __future__ import annotations

import base64

import psycopg
import pytest

from processors.effects import remembered, signing
from processors.effects.secrets import Secrets
from schemas.errors import MandateError

SECRET = "whsec_" + base64.b64encode(b"k" * 32).decode()


def test_the_example_of_the_specification() -> None:
    # The example of the Standard Webhooks specification and its libraries.
    made = signing.headers(
        "msg_p5jXN8AQM9LWM0D4loKWxJek",
        1614265330,
        b'{"test": 2432232314}',
        "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
    )
    assert made == {
        "webhook-id": "msg_p5jXN8AQM9LWM0D4loKWxJek",
        "webhook-timestamp": "1614265330",
        "webhook-signature": "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
    }


@pytest.mark.parametrize(
    "secret",
    ["", "whsec_", "whsec_!!!", "whsec_" + base64.b64encode(b"short").decode(), SECRET.removeprefix("whsec_")],
)
def test_a_secret_of_another_form_is_refused_and_never_quoted(secret: str) -> None:
    with pytest.raises(MandateError) as caught:
        signing.key_of(secret)
    assert caught.value.code == "webhook_secret_invalid"
    assert not secret.removeprefix("whsec_") or secret.removeprefix("whsec_") not in str(caught.value)


class Table:
    """The look-up: a dictionary that counts, and fails when told to."""

    def __init__(self, **secrets: str) -> None:
        self.secrets = secrets
        self.asked = 0
        self.down = False

    async def __call__(self, tenant: str) -> str | None:
        self.asked += 1
        if self.down:
            raise psycopg.OperationalError("down")
        return self.secrets.get(tenant)


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


async def test_a_secret_is_looked_up_once_a_minute() -> None:
    table, clock = Table(shop="a"), Clock()
    known = Secrets(table, clock)
    assert [await known.of("shop"), await known.of("shop")] == ["a", "a"]
    assert table.asked == 1
    table.secrets["shop"] = "b"
    clock.now = remembered.FRESH_SECONDS
    assert await known.of("shop") == "b"


async def test_an_outage_of_postgres_does_not_stop_pages() -> None:
    table, clock = Table(shop="a"), Clock()
    known = Secrets(table, clock)
    await known.of("shop")
    table.down, clock.now = True, 10 * remembered.FRESH_SECONDS
    assert await known.of("shop") == "a"
    with pytest.raises(MandateError) as caught:
        await known.of("other")
    assert caught.value.code == "webhook_secret_unreadable"


async def test_a_tenant_without_a_secret() -> None:
    with pytest.raises(MandateError) as caught:
        await Secrets(Table()).of("shop")
    assert caught.value.code == "webhook_secret_missing"


async def test_the_cache_is_bounded() -> None:
    table = Table(**{f"t{n}": "s" for n in range(remembered.LIMIT + 1)})
    known = Secrets(table, Clock())
    for tenant in list(table.secrets):
        await known.of(tenant)
    asked = table.asked
    await known.of("t1")
    assert table.asked == asked
    await known.of("t0")
    assert table.asked == asked + 1
