"""Health by a real round trip: an open port says nothing about a server that hangs."""

from __future__ import annotations

import http.client
import os
import socket
import struct
from collections.abc import Callable

from gateway.local.errors import LocalStackError

# Loopback answers in milliseconds; a machine that swaps or starts six processes at once gets seconds.
PROBE_DEADLINE_S = 2.0

Probe = Callable[[], None]


def kafka_answers(addresses: str) -> Probe:
    """A metadata request, answered by one of `addresses` (host:port[,host:port…]) with at least one broker.

    Spoken over a socket of its own, not by the client library: librdkafka aborted a whole process while clients of a
    broker that was being killed were made and dropped, and this runs in the supervisor, which must never die. A broker
    that asks for TLS or SASL (an outside one) is only connected to.
    """
    plain = os.environ.get("MANDATE_KAFKA_PROTOCOL", "PLAINTEXT").upper() == "PLAINTEXT"

    def probe() -> None:
        failed: Exception | None = None
        for address in addresses.split(","):
            host, _, port = address.strip().rpartition(":")
            try:
                with socket.create_connection((host.strip("[]"), int(port)), timeout=PROBE_DEADLINE_S) as connection:
                    if plain:
                        _ask_metadata(connection, address)
                    return
            except (OSError, LocalStackError) as error:
                failed = error
        raise failed or OSError(f"no address in {addresses!r}")

    return probe


# Metadata, version 1, correlation id 1, and an empty list of topics: the brokers alone.
_CLIENT = b"mandate-probe"
_METADATA = struct.pack(">hhih", 3, 1, 1, len(_CLIENT)) + _CLIENT + struct.pack(">i", 0)
_ANSWER_BYTES_MAX = 65_536


def _ask_metadata(connection: socket.socket, address: str) -> None:
    connection.sendall(struct.pack(">i", len(_METADATA)) + _METADATA)
    (size,) = struct.unpack(">i", _exactly(connection, 4))
    if not 8 <= size <= _ANSWER_BYTES_MAX:
        raise LocalStackError("unhealthy", address, f"an answer of {size} bytes", "Is this a Kafka broker?")
    correlation, brokers = struct.unpack(">ii", _exactly(connection, size)[:8])
    if correlation != 1 or brokers < 1:
        raise LocalStackError(
            "unhealthy", address, f"it knows {brokers} brokers", "Look at its log: mandate logs kafka"
        )


def _exactly(connection: socket.socket, size: int) -> bytes:
    out = b""
    while len(out) < size:
        more = connection.recv(size - len(out))
        if not more:
            raise OSError("the broker closed the connection")
        out += more
    return out


def postgres_answers(dsn: str) -> Probe:
    """`select 1` in a connection of its own."""

    def probe() -> None:
        import psycopg

        with psycopg.connect(dsn, connect_timeout=int(PROBE_DEADLINE_S), autocommit=True) as connection:
            connection.execute("select 1")

    return probe


def redis_answers(url: str) -> Probe:
    """PING in a connection of its own."""

    def probe() -> None:
        import redis
        from redis.backoff import NoBackoff
        from redis.retry import Retry

        # Its default is three retries with back-off, 3.5 s for a closed port.
        client = redis.Redis.from_url(
            url,
            socket_timeout=PROBE_DEADLINE_S,
            socket_connect_timeout=PROBE_DEADLINE_S,
            retry=Retry(NoBackoff(), 0),
        )
        try:
            client.ping()
        finally:
            client.close()

    return probe


def http_answers(address: str, path: str = "/healthz") -> Probe:
    """GET of the health page must be 200."""

    def probe() -> None:
        connection = http.client.HTTPConnection(address, timeout=PROBE_DEADLINE_S)
        try:
            connection.request("GET", path)
            answer = connection.getresponse()
            body = answer.read(2_000)
        finally:
            connection.close()
        if answer.status != 200:
            why = f"{answer.status} {body.decode('utf-8', 'replace').strip()[:200]}"
            raise LocalStackError("unhealthy", f"{address}{path}", why, "Look at its log: mandate logs")

    return probe
