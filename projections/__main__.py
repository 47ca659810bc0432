"""`python -m projections …`: loads what command.py needs, and runs it."""

from __future__ import annotations

import os
import sys

from processors.host.loading import loading

if __name__ == "__main__":
    with loading():
        from projections import command

    sys.exit(command.entry(sys.argv[1:], dict(os.environ)))
