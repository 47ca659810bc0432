"""`python -m gateway`: the door of containers and of the local stack. Settings come from the environment.

Exit codes: 0 asked to stop, 2 wrong settings, 75 it could not start (the supervisor tries again).
"""

from __future__ import annotations

import logging
import os
import sys

from processors.host.loading import loading

with loading():
    import psycopg
    import uvloop

    from gateway.http import run, settings
    from schemas import topology
    from schemas.errors import MandateError

EXIT_USAGE = 2
EXIT_AGAIN = 75


def main() -> int:
    """Run and give the exit code."""
    # A line says none of these, and each request has a line (logging's own manual, "Optimization").
    logging.logThreads = logging.logProcesses = logging.logMultiprocessing = False
    logging._srcfile = None
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s %(message)s", stream=sys.stderr)
    try:
        found = settings.read(os.environ)
        uvloop.run(run.run(found, topology.load()))
    except MandateError as error:
        print(error, file=sys.stderr)
        return EXIT_USAGE if error.code.startswith(("setting_", "topology_")) else EXIT_AGAIN
    except (psycopg.Error, OSError, TimeoutError) as error:
        print(f"error[gateway_start]: {type(error).__name__}: {error}", file=sys.stderr)
        return EXIT_AGAIN
    return 0


if __name__ == "__main__":
    sys.exit(main())
