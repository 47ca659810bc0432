"""What Faust is told, and what it gives us, in the words of the rest of the house."""

from __future__ import annotations

from types import SimpleNamespace

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
