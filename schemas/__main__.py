"""`python -m schemas`: write missing schema files and ids for every message and part (a developer's tool)."""

from __future__ import annotations

import importlib

from schemas import registry, topology
from schemas.messages.tables import STREAMS


def main() -> None:
    """Write what is missing and print it."""
    # First, because a processor that says a new word cannot be imported before the word has its id.
    written = registry.write(dict.fromkeys(c for stream in STREAMS.values() for c in stream))
    classes: list[type] = []
    # Parts of state are private to a processor: found through the map, imported by this tool only.
    for room in topology.load().rooms:
        try:
            classes += importlib.import_module(f"processors.{room}.state").PARTS
        except ModuleNotFoundError as error:
            # A processor without parts has no such module. Any other that is missing is a library that is not
            # installed: its classes would be passed over in silence.
            if error.name not in (f"processors.{room}", f"processors.{room}.state"):
                raise
    for line in (*written, *registry.write(classes)):
        print(line)


if __name__ == "__main__":
    main()
