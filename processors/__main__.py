"""`python -m processors NAME[,NAME…] --slot N`: the door of containers and of the local stack.

Names are those of topology.yaml's processors; `effects` is a name too and has a process of its own. The
environment says the rest (processors/host/settings.py, processors/effects/settings.py). Exit codes: 0 asked
to stop, 2 wrong usage, 70 a bug, 75 fatal (the supervisor starts it again), 78 refused: state and log
contradict each other, a person is needed.
"""

from __future__ import annotations

import argparse
import logging
import sys
from collections.abc import Sequence

from processors.host.loading import loading

with loading():
    from processors.host import settings
    from processors.host.errors import EXIT_USAGE, HostError, exit_code
    from schemas import topology
    from schemas.errors import MandateError

EFFECTS = "effects"


def main(arguments: Sequence[str] | None = None) -> int:
    """Run and give the exit code."""
    given = _parse(arguments)
    logging.basicConfig(
        level=logging.INFO, format="%(asctime)s %(levelname)s %(threadName)s %(name)s %(message)s", stream=sys.stderr
    )
    names = [name for name in given.names.split(",") if name]
    if EFFECTS in names:
        if names != [EFFECTS]:
            print("error[usage]: effects needs a process of its own: start it by itself.", file=sys.stderr)
            return EXIT_USAGE
        from processors import effects

        try:
            effects.run(given.slot)
        except MandateError as error:
            print(error, file=sys.stderr)
            return EXIT_USAGE
        return 0
    try:
        found = settings.from_env(from_progress=given.from_progress, accept_clock=given.accept_clock)
        # Imported here: wrong usage is answered without loading a room.
        with loading():
            from processors import wiring

        return wiring.run(topology.load(given.topology), names, given.slot, found)
    except HostError as error:
        print(error, file=sys.stderr)
        return EXIT_USAGE if error.code.startswith("setting_") else exit_code(error)
    except MandateError as error:
        print(error, file=sys.stderr)
        return EXIT_USAGE


def _parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m processors", description="Run processors on one slot.")
    parser.add_argument("names", help="processors of topology.yaml, by comma; or: effects")
    parser.add_argument(
        "--slot",
        type=int,
        default=settings.slot_of(),
        help="ordinal of this process among its like (default: POD_NAME's, or 0)",
    )
    parser.add_argument("--topology", help="path of topology.yaml (default: $MANDATE_TOPOLOGY, then ./topology.yaml)")
    parser.add_argument(
        "--from-progress",
        action="store_true",
        help="take positions from the changelog where the group's have expired (empty for 7 days)",
    )
    parser.add_argument(
        "--accept-clock", action="store_true", help="decide records whose append times are ahead of this clock"
    )
    return parser.parse_args(arguments)


if __name__ == "__main__":
    sys.exit(main())
