"""Health by a real round trip: an open port says nothing about a server that hangs."""

from __future__ import annotations

import http.client
import os
import socket
from collections.abc import Callable
from functools import cache
from typing import TYPE_CHECKING

from gateway.local.errors import LocalStackError

if TYPE_CHECKING:
    from processors.host.admin import Admin

# Loopback answers in milliseconds; a machine that swaps or starts six processes at once gets seconds.
PROBE_DEADLINE_S = 2.0

Probe = Callable[[], None]


def kafka_answers(addresses: str) -> Probe:
    """An admin metadata call, answered by one of `addresses` (host:port[,host:port…])."""

    def probe() -> None:
        try:
            # A closed port is told without making a client.
            _connect(addresses)
            _admin(addresses).names()
        except Exception:
            forget_brokers()
            raise

    return probe


def forget_brokers() -> None:
    """Let go of the Kafka clients: one whose broker is gone logs every refused connection until it is dropped."""
    _admin.cache_clear()


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


def _connect(addresses: str) -> None:
    refused: OSError | None = None
    for address in addresses.split(","):
        host, _, port = address.strip().rpartition(":")
        try:
            with socket.create_connection((host.strip("[]"), int(port)), timeout=PROBE_DEADLINE_S):
                return
        except OSError as error:
            refused = error
    raise refused or OSError(f"no address in {addresses!r}")


@cache
def _admin(addresses: str) -> Admin:
    # One client per broker and process: each has threads and connections of its own. Imported here because a
    # command that looks at Postgres alone should not load the Kafka client.
    from processors.host.admin import Admin
    from processors.host.settings import from_env

    return Admin(addresses, security=from_env({**os.environ, "MANDATE_KAFKA": addresses}).security)
