"""The same three servers as containers, where a Docker engine answers.

MANDATE_TEST_STACK=processes|containers decides instead when it is set.
"""

from __future__ import annotations

import http.client
import os
import socket
from collections.abc import Callable
from functools import cache
from typing import Any

from gateway.local import postgres as local_postgres
from gateway.local.kafka import SETTINGS
from gateway.local.ports import HOST, free_port
from gateway.local.probes import Probe, kafka_answers, postgres_answers, redis_answers
from tests.support.waiting import until

SOCKET = "/var/run/docker.sock"
# Pulling three images on a slow line is not a test's time: this is for the start of a server.
START_DEADLINE_S = 120.0


@cache
def wanted() -> bool:
    """True when the servers should be containers: asked for, or an engine answers GET /_ping."""
    asked = os.environ.get("MANDATE_TEST_STACK")
    return asked == "containers" if asked else _engine_answers()


def _engine_answers() -> bool:
    # testcontainers' constructor raises and leaks a socket without an engine, so the engine is asked first.
    connection = http.client.HTTPConnection("localhost", timeout=2)
    connection.sock = socket.socket(socket.AF_UNIX)
    connection.sock.settimeout(2)
    try:
        connection.sock.connect(SOCKET)
        connection.request("GET", "/_ping")
        return connection.getresponse().status == 200
    except OSError:
        return False
    finally:
        connection.close()


class Container:
    """A container with the interface of `gateway.local.children.Running`."""

    def __init__(self, container: Any, address: str, probe: Probe) -> None:
        self.address = address
        self._container = container.start()
        self._probe = probe
        self._wait()

    @property
    def pid(self) -> int:
        """Pid of the container's first process, as this machine sees it."""
        inner = self._container.get_wrapped_container()
        inner.reload()
        return int(inner.attrs["State"]["Pid"])

    def kill(self) -> None:
        """SIGKILL."""
        self._container.get_wrapped_container().kill()

    def signal(self, number: int) -> None:
        """A signal to the first process."""
        self._container.get_wrapped_container().kill(signal=number)

    def stop(self) -> None:
        """An orderly stop."""
        self._container.get_wrapped_container().stop(timeout=10)

    def remove(self) -> None:
        """End and delete the container."""
        self._container.stop()

    def restart(self) -> None:
        """Start again with the same files and port."""
        self._container.get_wrapped_container().restart(timeout=10)
        self._wait()

    def _wait(self) -> None:
        def serves() -> bool:
            try:
                self._probe()
            except Exception:  # whatever a client library raises, it does not serve yet
                return False
            return True

        until(serves, START_DEADLINE_S, f"the container at {self.address}")


def _container(image: str, inner_port: int, port: int, setup: Callable[[Any], None]) -> Any:
    # testcontainers' reaper needs one more image; the fixtures end their containers themselves.
    os.environ.setdefault("TESTCONTAINERS_RYUK_DISABLED", "true")
    from testcontainers.core.container import DockerContainer

    container = DockerContainer(image).with_bind_ports(inner_port, port)
    setup(container)
    return container


def kafka() -> Container:
    """Apache's own image with the broker settings of the local stack."""
    port = free_port()

    def setup(container: Any) -> None:
        settings = SETTINGS | {
            "listeners": f"PLAINTEXT://0.0.0.0:{port},CONTROLLER://127.0.0.1:29093",
            "advertised.listeners": f"PLAINTEXT://{HOST}:{port}",
            "controller.quorum.voters": "1@127.0.0.1:29093",
        }
        for key, value in settings.items():
            container.with_env("KAFKA_" + key.upper().replace(".", "_"), value)

    return Container(
        _container("apache/kafka:4.3.1", port, port, setup), f"{HOST}:{port}", kafka_answers(f"{HOST}:{port}")
    )


def postgres(password: str) -> Container:
    """The official image, with the owner's name of the local stack."""
    port = free_port()

    def setup(container: Any) -> None:
        container.with_env("POSTGRES_USER", local_postgres.OWNER).with_env("POSTGRES_PASSWORD", password)
        container.with_env("POSTGRES_DB", "postgres")

    probe = postgres_answers(local_postgres.dsn(port, password))
    return Container(_container("postgres:18", 5432, port, setup), f"{HOST}:{port}", probe)


def redis() -> Container:
    """The official image."""
    port = free_port()
    return Container(
        _container("redis:7", 6379, port, lambda _: None),
        f"{HOST}:{port}",
        redis_answers(f"redis://{HOST}:{port}"),
    )
