"""Which history a command reads: archive and log where there is an archive, else the log; the one place that chooses.

Called by `replay`, `whatif`, `rebuild` and `reconcile`. It reads only.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import click

from gateway.local.connections import connections
from processors.host.history import History, LogHistory

if TYPE_CHECKING:
    # Its module brings pyarrow, which a command without an archive does not need.
    from projections.archive.manifest import Entry

Passes = Callable[[str], bool]


def none(topic: str) -> bool:
    """A stretch from which a tenant's records were taken out is refused: `history_removed`."""
    return False


def every(topic: str) -> bool:
    """What is left of such a stretch is read, in every topic: for who looks at one tenant's records by themselves."""
    return True


@contextmanager
def history(
    bootstrap: str | None = None, different: list[Entry] | None = None, passes: Passes = none
) -> Iterator[History]:
    """What was recorded, closed at the end. `bootstrap` None: MANDATE_KAFKA or the local stack's.

    `passes`: in which topics a tenant's records may be missing that were removed from the archive.

    The archive is the one of MANDATE_ARCHIVE and MANDATE_POSTGRES, or the local stack's; it belongs to their broker, so
    another `bootstrap` is read alone. With a list `different` every file's hash is looked at, and those that are not
    what was written are added to it. Raises NotReady when the manifest's database does not answer.
    """
    opened = LogHistory(bootstrap or connections().kafka)
    try:
        yield opened if bootstrap not in (None, connections().kafka) else _joined(opened, different, passes)
    finally:
        opened.close()


def _joined(live: LogHistory, different: list[Entry] | None, passes: Passes) -> History:
    from projections.archive import ledger

    where = connections()
    manifest = ledger.load(where.postgres)
    if manifest is None:
        return live
    from projections.archive.history import ArchiveHistory, JoinedHistory

    return JoinedHistory(ArchiveHistory(where.archive, manifest, different, passes), live)


def tell_removed(opened: History) -> None:
    """Say on stderr whose records are not in what is read, and why; nothing where nothing was removed."""
    # Only a history that is joined with an archive has it.
    removals: Callable[[], list[tuple[str, int, str]]] = getattr(opened, "removals", list)
    for tenant, records, reason in removals():
        click.echo(
            f"note[history_removed]: {records} records of tenant {tenant} are not part of this: {reason}", err=True
        )
