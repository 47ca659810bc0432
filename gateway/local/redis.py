"""A real Redis for one machine."""

from __future__ import annotations

from pathlib import Path

from gateway.local.children import Spec
from gateway.local.fetch import redis_server
from gateway.local.ports import HOST
from gateway.local.probes import redis_answers


def url(port: int) -> str:
    """The URL of a local Redis."""
    return f"redis://{HOST}:{port}"


def spec(data: Path, port: int) -> Spec:
    """Redis as a process of the stack; its append-only file is below `data`."""
    argv = (
        redis_server(),
        *("--port", str(port), "--bind", HOST, "--dir", str(data), "--daemonize", "no"),
        # Read models carry their position in the log, so at most the last second is read again after a crash.
        *("--appendonly", "yes", "--appendfsync", "everysec", "--save", ""),
    )
    return Spec(
        name="redis",
        argv=argv,
        address=f"{HOST}:{port}",
        probe=redis_answers(url(port)),
        prepare=lambda: data.mkdir(parents=True, exist_ok=True),
    )
