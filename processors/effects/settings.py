"""What the effects service is told by its environment, read once and checked before anything is opened."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from processors.effects.addresses import Rules, rules_from
from processors.host.client import Security
from processors.host.settings import SECURITY
from schemas.errors import MandateError

LINK_BASE = "http://127.0.0.1:8080"


@dataclass(frozen=True, slots=True)
class Settings:
    """One slot's surroundings. `http` is (host, port) of /healthz and /metrics, or None for neither."""

    slot: int
    kafka: str
    postgres: str
    http: tuple[str, int] | None = None
    console: Path | None = None
    link_base: str = LINK_BASE
    rules: Rules = field(default_factory=Rules)
    security: Security = field(default_factory=dict)


def from_environment(slot: int, env: Mapping[str, str] | None = None) -> Settings:
    """Settings from MANDATE_KAFKA, MANDATE_POSTGRES (both needed), MANDATE_HTTP=host:port,
    MANDATE_EFFECTS_CONSOLE=path, MANDATE_LINK_BASE=url, MANDATE_ENVIRONMENT=development|production,
    MANDATE_WEBHOOK_NETWORKS=network,… (both: addresses.py), and MANDATE_KAFKA_PROTOCOL with its neighbours as every
    processor has them.
    """
    env = os.environ if env is None else env
    console = env.get("MANDATE_EFFECTS_CONSOLE")
    return Settings(
        slot=slot,
        kafka=_needed(env, "MANDATE_KAFKA", "host:port of a Kafka broker"),
        postgres=_needed(env, "MANDATE_POSTGRES", "a postgresql:// address"),
        http=_address(env.get("MANDATE_HTTP")),
        console=Path(console) if console else None,
        link_base=(env.get("MANDATE_LINK_BASE") or LINK_BASE).rstrip("/"),
        rules=rules_from(env),
        security={key: env[name] for key, name in SECURITY.items() if env.get(name)},
    )


def _needed(env: Mapping[str, str], name: str, form: str) -> str:
    value = env.get(name)
    if not value:
        raise MandateError("setting_missing", f"setting {name}", "it is not set", f"Set it to {form}.")
    return value


def _address(value: str | None) -> tuple[str, int] | None:
    if not value:
        return None
    host, _, port = value.rpartition(":")
    if not host or not port.isdigit() or int(port) > 65_535:
        raise MandateError(
            "setting_invalid", "setting MANDATE_HTTP", f"{value!r} is no address", "Set it to host:port."
        )
    return host, int(port)
