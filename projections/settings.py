"""Settings of a projection process, from the environment only.

MANDATE_KAFKA      host:port[,…] of the broker
MANDATE_POSTGRES   postgresql://… of a role with BYPASSRLS that owns the tables
MANDATE_REDIS      redis://… (only for the read models that are in Redis)
MANDATE_ARCHIVE    directory or URL (s3://bucket/path) of the archive (only for the archive)
MANDATE_HTTP       host:port of /healthz and /metrics (default: none)
MANDATE_TOPOLOGY   path of topology.yaml (see schemas.topology)
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from projections.errors import Refused


@dataclass(frozen=True, slots=True)
class Settings:
    """What a projection process is told. `http` None: no port is opened."""

    kafka: str
    postgres: str
    http: tuple[str, int] | None = None
    redis: str | None = None
    archive: str | None = None

    @property
    def redis_url(self) -> str:
        """Where Redis is. Raises Refused `setting_missing`."""
        return required({"MANDATE_REDIS": self.redis or ""}, "MANDATE_REDIS")

    @property
    def archive_place(self) -> str:
        """Where the archive is. Raises Refused `setting_missing`."""
        return required({"MANDATE_ARCHIVE": self.archive or ""}, "MANDATE_ARCHIVE")


def required(env: Mapping[str, str], name: str) -> str:
    """A variable that must be there. Raises Refused `setting_missing`."""
    value = env.get(name, "").strip()
    if not value:
        raise Refused("setting_missing", f"environment variable {name}", "it is not set", f"Set {name}.")
    return value


def read(env: Mapping[str, str]) -> Settings:
    """Settings from the environment. Raises Refused: setting_missing, setting_wrong."""
    return Settings(
        required(env, "MANDATE_KAFKA"),
        required(env, "MANDATE_POSTGRES"),
        _http(env),
        env.get("MANDATE_REDIS"),
        env.get("MANDATE_ARCHIVE"),
    )


def _http(env: Mapping[str, str]) -> tuple[str, int] | None:
    text = env.get("MANDATE_HTTP", "").strip()
    if not text:
        return None
    host, _, port = text.rpartition(":")
    if not port.isdecimal() or not 0 <= int(port) <= 65_535:
        raise Refused(
            "setting_wrong", "environment variable MANDATE_HTTP", f"{text!r} is not host:port", "Give host:port."
        )
    return host or "127.0.0.1", int(port)
