"""Health by a real round trip: an open port says nothing about a server that hangs."""

from __future__ import annotations

import http.client
import socket
from collections.abc import Callable
from functools import cache
from typing import TYPE_CHECKING

from gateway.local.errors import LocalStackError

if TYPE_CHECKING:
    from confluent_kafka.admin import AdminClient

# Loopback answers in milliseconds; a machine that swaps or starts six processes at once gets seconds.
PROBE_DEADLINE_S = 2.0

Probe = Callable[[], None]


def kafka_answers(address: str) -> Probe:
    """An admin metadata call that must name a living broker."""

    def probe() -> None:
        # A closed port is told from a slow broker without making a client, whose threads would log the
        # refusals.
        _connect(address)
        if not _admin(address).list_topics(timeout=PROBE_DEADLINE_S).brokers:
            raise LocalStackError("kafka_empty", address, "its metadata names no broker yet", "Wait a second")

    return probe


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


def _connect(address: str) -> None:
    host, _, port = address.rpartition(":")
    with socket.create_connection((host.strip("[]"), int(port)), timeout=PROBE_DEADLINE_S):
        return


@cache
def _admin(address: str) -> AdminClient:
    # One client per address and process: each has threads and connections of its own.
    from confluent_kafka.admin import AdminClient

    return AdminClient(
        {
            "bootstrap.servers": address,
            "log_level": 0,
            "reconnect.backoff.ms": 50,
            "reconnect.backoff.max.ms": 500,
            "socket.timeout.ms": int(PROBE_DEADLINE_S * 1000),
        }
    )
