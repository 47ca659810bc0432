"""`python -m tests.golden.record`: write the golden log of today's decision versions; an older one is never changed."""

from __future__ import annotations

import sys

from processors.rooms import DECIDERS
from tests.golden.recording import FOLDER, Recording, name_of, write
from tests.golden.story import told
from tests.support.histories import recorded


def main() -> int:
    """Play the story and keep its log; refuses to touch a file that is there."""
    versions = {name: decider.version for name, decider in DECIDERS.items()}
    path = FOLDER / name_of(versions)
    if path.exists():
        print(f"{path.name} is recorded already; raise a decision version, or take it out if nobody has it yet.")
        return 1
    world = told()
    history = recorded(world.log, {t.name: t.partitions for t in world.map.topics.values()})
    size = write(path, Recording(versions, history))
    print(f"{path.name}: {sum(map(len, history.records.values()))} records, {size} bytes")
    return 0


if __name__ == "__main__":
    sys.exit(main())
