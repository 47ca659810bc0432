"""The errors of the local stack: each names the thing, the cause and the next step."""

from __future__ import annotations

from pathlib import Path

from schemas.errors import MandateError

# Written at each start of a process, so that an error shows what the last run said and nothing older.
STARTED = "-- started "
# Lines of a log file shown with an error: a Python traceback of one of our processes fits, a JVM's is cut.
LOG_TAIL_LINES = 15


class LocalStackError(MandateError):
    """Something on this machine keeps the local stack from running."""


def last_run(path: Path) -> str:
    """The end of what the last run of a process wrote, for an error message."""
    lines = tail(path).splitlines()
    starts = [number for number, line in enumerate(lines) if line.startswith(STARTED)]
    return "\n".join(lines[starts[-1] + 1 :] if starts else lines)


def tail(path: Path, lines: int = LOG_TAIL_LINES) -> str:
    """The last lines of a log file, or an empty text where there is none. Reads at most 64 KiB."""
    try:
        with path.open("rb") as file:
            file.seek(0, 2)
            file.seek(max(0, file.tell() - 65_536))
            text = file.read().decode("utf-8", "replace")
    except OSError:
        return ""
    return "\n".join(text.splitlines()[-lines:])
