"""Which exit code says what is wrong with what was recorded.

Called by the commands that read a history. It imports nothing of a broker, so that `whatif` can use it.
"""

from __future__ import annotations

from collections.abc import Mapping

from gateway.cli.output import EXIT_FAILED, fail
from schemas.errors import MandateError

EXIT_HISTORY = 5
# By the error's code; 10, 12 and 13 mean the same in `mandate archive verify`.
EXIT_CODES: Mapping[str, int] = {
    "archive_file_missing": 10,
    "archive_file_corrupt": 12,
    "history_hole": 13,
    "history_lost": 13,
    "history_begins_later": 15,
    "history_ends_earlier": 15,
    "history_removed": 15,
    "rebuild_from_archive": 15,
    "receipts_older_than_log": 15,
    "unknown_schema": 16,
    "undecodable": 16,
    "not_framed": 16,
    "changelog_incomplete": 17,
}
HISTORY_TEXT = (
    "And of what was recorded: 10 a file of the archive is missing, 12 one cannot be read, 13 records are missing, "
    "15 what is asked for lies below or above what is kept, 16 a record's schema is unknown, 17 the state at that time "
    "is not kept whole, 5 it cannot be read otherwise."
)


def failed(error: MandateError, as_json: bool, otherwise: int = EXIT_FAILED) -> int:
    """Say an error on stderr; gives the exit code of what is wrong with the history, else `otherwise`."""
    code = fail(error, as_json)
    return EXIT_CODES.get(error.code, otherwise) if code == EXIT_FAILED else code
