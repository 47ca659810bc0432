"""What a processor process is told by its environment, read once and checked before anything is opened."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field

from processors.host.client import Security
from processors.host.errors import Fatal
from processors.host.loop_settings import LoopSettings

# client setting <- variable; only what is set is passed on.
SECURITY = {
    "security.protocol": "MANDATE_KAFKA_PROTOCOL",
    "sasl.mechanism": "MANDATE_KAFKA_SASL_MECHANISM",
    "sasl.username": "MANDATE_KAFKA_SASL_USERNAME",
    "sasl.password": "MANDATE_KAFKA_SASL_PASSWORD",
    "ssl.ca.location": "MANDATE_KAFKA_CA_FILE",
}
TRUE = frozenset({"1", "true", "yes"})


@dataclass(frozen=True, slots=True)
class Settings:
    """One process. `http` is (host, port) of /healthz and /metrics, or None for neither."""

    kafka: str
    http: tuple[str, int] | None = None
    security: Security = field(default_factory=dict)
    loop: LoopSettings = field(default_factory=LoopSettings)


def from_env(
    env: Mapping[str, str] | None = None, *, from_progress: bool = False, accept_clock: bool = False
) -> Settings:
    """Settings from MANDATE_KAFKA (needed), MANDATE_HTTP=host:port, MANDATE_KAFKA_PROTOCOL and its
    neighbours.

    Raises Fatal `setting_missing`, `setting_invalid`.
    """
    env = os.environ if env is None else env
    kafka = env.get("MANDATE_KAFKA")
    if not kafka:
        raise Fatal("setting_missing", "MANDATE_KAFKA", "it is not set", "Set it to host:port of a Kafka broker.")
    return Settings(
        kafka=kafka,
        http=_address(env.get("MANDATE_HTTP")),
        security={key: env[name] for key, name in SECURITY.items() if env.get(name)},
        loop=LoopSettings(
            accept_clock=accept_clock or env.get("MANDATE_ACCEPT_CLOCK", "").lower() in TRUE,
            from_progress=from_progress,
        ),
    )


def slot_of(env: Mapping[str, str] | None = None) -> int:
    """The ordinal of this process: the last number of POD_NAME (a StatefulSet's pod), else 0."""
    name = (os.environ if env is None else env).get("POD_NAME", "")
    ordinal = name.rpartition("-")[2]
    return int(ordinal) if ordinal.isdecimal() else 0


def _address(value: str | None) -> tuple[str, int] | None:
    if not value:
        return None
    host, _, port = value.rpartition(":")
    if not host or not port.isdigit() or int(port) > 65_535:
        raise Fatal("setting_invalid", "MANDATE_HTTP", f"{value!r} is no address", "Set it to host:port.")
    return host, int(port)
