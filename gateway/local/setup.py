"""Getting the local stack ready to start: fetch what is missing, make the JVM's class archive. Quick when done.

`python -m gateway.local.setup` is a step of `make setup`; `mandate up` calls the same.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable

from gateway.local.errors import LocalStackError
from gateway.local.fetch import fetch_all
from gateway.local.kafka import ensure_class_archive
from gateway.local.paths import Home, find_home

EXTERNAL = ("MANDATE_KAFKA", "MANDATE_POSTGRES", "MANDATE_REDIS")


def prepare(home: Home, say: Callable[[str], None]) -> None:
    """Fetch and prepare what servers of our own need; nothing when all three are given. Raises LocalStackError."""
    if all(os.environ.get(name) for name in EXTERNAL):
        return
    if not (home.cache / "postgres" / ".stamp").exists():
        say("fetching Kafka and Postgres (about 45 MB, once) …")
    fetch_all(home)
    if not os.environ.get("MANDATE_KAFKA"):
        ensure_class_archive(home, say)


def main() -> int:
    """Entry point for make: errors are text, not tracebacks."""
    try:
        prepare(find_home(), lambda text: print(text, file=sys.stderr, flush=True))
    except LocalStackError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
