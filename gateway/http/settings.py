"""Settings of the gateway, from the environment only.

MANDATE_KAFKA                   host:port[,…] of the broker
MANDATE_POSTGRES                postgresql://… (owner of the gateway's tables, BYPASSRLS; may set role mandate_reader)
MANDATE_ARCHIVE                 directory or URL of the archive (the timeline's days older than 90; optional)
MANDATE_REDIS                   redis://… (read models that are in Redis; without it their doors answer 503)
MANDATE_HTTP                    host:port to listen on (default 127.0.0.1:8080)
MANDATE_OPERATOR_TOKEN_SHA256   SHA-256 (hexadecimal) of the operator's token; without it there is no first tenant
MANDATE_BEHIND_TLS              1 when a proxy in front speaks TLS: cookies then are Secure
MANDATE_ENVIRONMENT             development allows http webhooks (see processors/effects/addresses.py)
MANDATE_WEBHOOK_NETWORKS        networks that webhooks may reach although they are not public
MANDATE_PROCESSES               name=host:port,… of the other processes, whose /healthz the health of the pipeline asks
MANDATE_TOPOLOGY                path of topology.yaml (see schemas.topology)
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from gateway.http.processes import addresses
from processors.effects.addresses import Rules, rules_from
from schemas.errors import MandateError

_SHA256 = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True, slots=True)
class Settings:
    """`http` is (host, port); port 0 takes a free one."""

    kafka: str
    postgres: str
    http: tuple[str, int]
    operator_sha256: str | None = None
    behind_tls: bool = False
    redis: str | None = None
    archive: str | None = None
    webhooks: Rules = field(default_factory=Rules)
    processes: Mapping[str, str] = field(default_factory=dict)


def required(env: Mapping[str, str], name: str) -> str:
    """A setting that must be there. Raises MandateError `setting_missing`."""
    value = env.get(name)
    if not value:
        raise MandateError(
            "setting_missing", name, "it is not set", "Set it in the environment; see gateway/http/settings.py."
        )
    return value


def read(env: Mapping[str, str]) -> Settings:
    """All settings. Raises MandateError `setting_missing`, `setting_malformed`."""
    address = env.get("MANDATE_HTTP") or "127.0.0.1:8080"
    host, _, port = address.rpartition(":")
    if not host or not port.isdecimal() or int(port) > 65_535:
        raise _malformed("MANDATE_HTTP", "it is not host:port", "Write it like 127.0.0.1:8080.")
    operator = (env.get("MANDATE_OPERATOR_TOKEN_SHA256") or "").lower() or None
    if operator is not None and _SHA256.fullmatch(operator) is None:
        raise _malformed("MANDATE_OPERATOR_TOKEN_SHA256", "it is no SHA-256", "Give 64 hexadecimal digits.")
    return Settings(
        required(env, "MANDATE_KAFKA"),
        required(env, "MANDATE_POSTGRES"),
        (host.strip("[]"), int(port)),
        operator,
        env.get("MANDATE_BEHIND_TLS") == "1",
        env.get("MANDATE_REDIS") or None,
        env.get("MANDATE_ARCHIVE") or None,
        rules_from(env),
        addresses(env.get("MANDATE_PROCESSES")),
    )


def _malformed(name: str, why: str, remedy: str) -> MandateError:
    return MandateError("setting_malformed", name, why, remedy)
