"""What Faust is told, and what it gives us, in the words of the rest of the house; and an end without it."""

from __future__ import annotations

import asyncio
import logging
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from processors.effects import worker
from processors.host.errors import Fatal
from schemas.record import Record

SASL = {"sasl.mechanism": "SCRAM-SHA-512", "sasl.username": "effects", "sasl.password": "p"}


def message(headers: object) -> SimpleNamespace:
    return SimpleNamespace(
        topic="t", partition=1, offset=7, timestamp=1_700_000_000.123, key=b"k", value=b"v", headers=headers
    )


@pytest.mark.parametrize("headers", [{"ce_id": b"x"}, [("ce_id", b"x")], (("ce_id", b"x"),)])
def test_a_message_of_faust_is_a_record(headers: object) -> None:
    expected = Record("t", 1, 7, 1_700_000_000_123, b"k", b"v", (("ce_id", b"x"),))
    assert worker.record_of(message(headers)) == expected


def test_a_message_without_headers_has_none() -> None:
    assert worker.record_of(message(None)).headers == ()


def test_an_open_broker_needs_no_credentials() -> None:
    assert worker.credentials({}) is None
    assert worker.credentials({"security.protocol": "PLAINTEXT"}) is None


@pytest.mark.parametrize("protocol", ["SASL_SSL", "sasl_plaintext"])
def test_sasl_credentials(protocol: str) -> None:
    found = worker.credentials(SASL | {"security.protocol": protocol})
    assert found.protocol.value == protocol.upper()
    assert (found.mechanism.value, found.username, found.password) == ("SCRAM-SHA-512", "effects", "p")
    assert (found.ssl_context is not None) == (protocol == "SASL_SSL")


def test_tls_without_sasl() -> None:
    found = worker.credentials({"security.protocol": "SSL"})
    assert found.protocol.value == "SSL"
    assert found.context is not None


def test_an_unknown_protocol_is_refused() -> None:
    with pytest.raises(Fatal) as caught:
        worker.credentials({"security.protocol": "KERBEROS"})
    assert caught.value.code == "setting_invalid"


class Stubborn:
    """An app that waits for a record still in hand, and takes every cancellation for a reason to look again."""

    def __init__(self) -> None:
        self.in_hand = asyncio.Event()
        self.cancelled = 0

    async def stop(self) -> None:
        while not self.in_hand.is_set():
            try:
                await self.in_hand.wait()
            except asyncio.CancelledError:
                self.cancelled += 1


class Broken:
    """An app that cannot stop."""

    def __init__(self, error: BaseException) -> None:
        self.error = error

    async def stop(self) -> None:
        raise self.error


async def _some(_: object, __: object) -> None: ...


def _worker(app: Any, folder: Path) -> worker.Worker:
    made = worker.Worker("localhost:1", "effects.requests", 0, folder, _some)
    made._app = app
    return made


async def test_an_app_that_does_not_stop_is_left_to_itself(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    app = Stubborn()
    stopping = asyncio.create_task(_worker(app, tmp_path).stop(0.01))
    done, _ = await asyncio.wait((stopping,), timeout=120)
    app.in_hand.set()
    assert done
    assert app.cancelled == 0
    assert "Faust did not stop within 0.01 s" in caplog.text


@pytest.mark.parametrize(
    ("error", "said"), [(ConnectionError("no broker"), "ConnectionError"), (asyncio.CancelledError(), "cancellation")]
)
async def test_an_app_that_fails_to_stop_ends_nothing_else(
    error: BaseException, said: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING):
        await _worker(Broken(error), tmp_path).stop(5)
    assert said in caplog.text


class Starting:
    """What NoTables needs of itself and of the app: topics that are subscribed after some looks, and no real time."""

    def __init__(self, subscribed_after: int, stopped_after: int = 1_000) -> None:
        self.app = SimpleNamespace(topics=[])
        self.slept = 0.0
        self.steps: list[str] = []
        self.recovery = SimpleNamespace(start=self._recovery)
        self._left = subscribed_after
        self._stopped = stopped_after

    @property
    def should_stop(self) -> bool:
        return self._stopped <= 0

    async def sleep(self, seconds: float) -> None:
        self.slept += seconds
        self._left -= 1
        self._stopped -= 1
        if self._left <= 0:
            self.app.topics.append("effects.requests")

    async def _update_channels(self) -> None:
        self.steps.append(f"subscribed to {len(self.app.topics)}")

    async def _recovery(self) -> None:
        self.steps.append("recovery")


async def _begin(starting: Any) -> None:
    await worker.NoTables.on_start(starting)


async def test_faust_subscribes_when_the_agent_has_named_its_topic_and_not_before() -> None:
    starting = Starting(subscribed_after=3)
    await _begin(starting)
    assert starting.steps == ["subscribed to 1", "recovery"]
    assert starting.slept == pytest.approx(3 * worker.SUBSCRIBED_SECONDS / worker.SUBSCRIBED_LOOKS)


async def test_faust_waits_no_longer_than_it_would_by_itself() -> None:
    starting = Starting(subscribed_after=10_000)
    await _begin(starting)
    assert starting.steps == ["subscribed to 0", "recovery"]
    assert starting.slept == pytest.approx(worker.SUBSCRIBED_SECONDS)


async def test_a_worker_that_is_told_to_stop_meanwhile_subscribes_to_nothing() -> None:
    starting = Starting(subscribed_after=10, stopped_after=2)
    await _begin(starting)
    assert starting.steps == []
