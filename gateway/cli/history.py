"""Which history a command reads: archive and log where there is an archive, else the log; the one place that chooses.

Called by `replay`, `whatif`, `rebuild` and `reconcile`. It reads only.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from gateway.local.connections import connections
from processors.host.history import History, LogHistory

if TYPE_CHECKING:
    # Its module brings pyarrow, which a command without an archive does not need.
    from projections.archive.manifest import Entry


@contextmanager
def history(bootstrap: str | None = None, different: list[Entry] | None = None) -> Iterator[History]:
    """What was recorded, closed at the end. `bootstrap` None: MANDATE_KAFKA or the local stack's.

    The archive is the one of MANDATE_ARCHIVE and MANDATE_POSTGRES, or the local stack's; it belongs to their broker, so
    another `bootstrap` is read alone. With a list `different` every file's hash is looked at, and those that are not
    what was written are added to it. Raises NotReady when the manifest's database does not answer.
    """
    opened = LogHistory(bootstrap or connections().kafka)
    try:
        yield opened if bootstrap not in (None, connections().kafka) else _joined(opened, different)
    finally:
        opened.close()


def _joined(live: LogHistory, different: list[Entry] | None) -> History:
    from projections.archive import ledger

    where = connections()
    manifest = ledger.load(where.postgres)
    if manifest is None:
        return live
    from projections.archive.history import ArchiveHistory, JoinedHistory

    return JoinedHistory(ArchiveHistory(where.archive, manifest, different), live)
