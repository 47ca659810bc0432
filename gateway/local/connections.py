"""The addresses of the local stack, for its supervisor and for every command that talks to it."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass

from gateway.local import postgres, redis
from gateway.local.paths import Home, find_home
from gateway.local.ports import HOST, PREFERRED, Ports
from gateway.local.secret import secret_in

DATABASE = "mandate"


@dataclass(frozen=True)
class Connections:
    """`kafka` is host:port[,…], `postgres` a DSN (with password), `redis` a URL, `gateway` host:port,
    `archive` a directory or URL."""

    kafka: str
    postgres: str
    redis: str
    gateway: str
    archive: str

    @property
    def environment(self) -> dict[str, str]:
        """The same as MANDATE_* variables, for child processes and for people's shells."""
        return {
            "MANDATE_KAFKA": self.kafka,
            "MANDATE_POSTGRES": self.postgres,
            "MANDATE_REDIS": self.redis,
            "MANDATE_ARCHIVE": self.archive,
        }

    @property
    def url(self) -> str:
        """Where the gateway's API and pages are."""
        return f"http://{self.gateway}"


def connections(home: Home | None = None, env: Mapping[str, str] | None = None) -> Connections:
    """Where things are: the MANDATE_* variables where set, else this stack's remembered ports."""
    home = home or find_home()
    env = os.environ if env is None else env
    ports = Ports(home.ports_file)

    def port(name: str) -> int:
        return ports.remembered(name) or PREFERRED[name]

    def local_dsn() -> str:
        return postgres.dsn(port("postgres"), secret_in(home.password_file), DATABASE)

    return Connections(
        kafka=env.get("MANDATE_KAFKA") or f"{HOST}:{port('kafka')}",
        postgres=env.get("MANDATE_POSTGRES") or local_dsn(),
        redis=env.get("MANDATE_REDIS") or redis.url(port("redis")),
        gateway=env.get("MANDATE_GATEWAY") or f"{HOST}:{port('gateway')}",
        archive=env.get("MANDATE_ARCHIVE") or str(home.archive),
    )
