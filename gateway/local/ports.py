"""Ports of the local stack: the usual one if it is free, else another, remembered for the next start."""

from __future__ import annotations

import json
import socket
from pathlib import Path

HOST = "127.0.0.1"
# What people expect to find; every other process takes any free port.
PREFERRED = {"gateway": 8080, "kafka": 9092, "postgres": 5432, "redis": 6379}


def is_free(port: int) -> bool:
    """True when a server could listen on the port now."""
    with socket.socket() as probe:
        # As servers do: a port in TIME_WAIT counts as free.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError:
            return False
    return True


def free_port() -> int:
    """A port that is free now; somebody may take it before us, then the start fails and is tried again."""
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        port = probe.getsockname()[1]
    assert isinstance(port, int)
    return port


class Ports:
    """Ports by process name, kept in a JSON file."""

    def __init__(self, file: Path) -> None:
        self._file = file
        try:
            self._known: dict[str, int] = json.loads(file.read_text())
        except (OSError, ValueError):
            self._known = {}

    def of(self, name: str) -> int:
        """The port of a process: the remembered, the usual, or any one, whichever is free first."""
        for candidate in (self._known.get(name), PREFERRED.get(name)):
            if candidate is not None and candidate not in self._others(name) and is_free(candidate):
                return self._remember(name, candidate)
        port = free_port()
        while port in self._known.values():
            port = free_port()
        return self._remember(name, port)

    def remembered(self, name: str) -> int | None:
        """The port that the process last had, whether or not it is free now."""
        return self._known.get(name)

    def _others(self, name: str) -> set[int]:
        return {port for other, port in self._known.items() if other != name}

    def _remember(self, name: str, port: int) -> int:
        if self._known.get(name) != port:
            self._known[name] = port
            self._file.parent.mkdir(parents=True, exist_ok=True)
            self._file.write_text(json.dumps(self._known, indent=1, sort_keys=True) + "\n")
        return port
