"""`python -m schemas`: write missing schema files and ids for every message and part (a developer's tool)."""

from __future__ import annotations

import importlib

from schemas import registry
from schemas.messages.tables import STREAMS

# Parts of state are private to a processor, so their classes are named here by module and imported only by this tool.
PARTS = ("dedup", "ordering", "signals", "incidents", "notifications")


def main() -> None:
    """Write what is missing and print it."""
    classes = list(dict.fromkeys(c for stream in STREAMS.values() for c in stream))
    for room in PARTS:
        try:
            classes += importlib.import_module(f"processors.{room}.state").PARTS
        except ModuleNotFoundError:
            continue
    for line in registry.write(classes):
        print(line)


if __name__ == "__main__":
    main()
