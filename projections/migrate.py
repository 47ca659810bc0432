"""Tables by numbered SQL files, forward only, under an advisory lock. `python -m projections migrate`.

A component (`projections`; the gateway keeps its own folder and may call `apply` for it) has files `NNNN_what.sql`.
Each runs once, in its own transaction, and is remembered with its hash: a file that was applied must not change.

A file whose first line is `-- rebuild: NAME[, NAME…]` declares a new shape of these read models. Where they hold rows
already it is remembered but not run: the tables that serve stay as they are, their writers wait (`rebuild_needed`), and
`mandate rebuild NAME` makes tables of the new shape beside them by running every file, fills them and swaps.
"""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

import psycopg

from projections.errors import NotReady, Refused

FOLDER = Path(__file__).parent / "migrations"
COMPONENT = "projections"
# One lock for all components: roles and functions are shared. The number is arbitrary and must never change.
LOCK = 7_221_340_153
CONNECT_SECONDS = 5
# Waiting for another migrating process: it has as long as an index over a day's partition may take.
LOCK_TIMEOUT_MS = 120_000

_LEDGER = """
create table if not exists schema_migrations (
  component text not null, version int not null, name text not null, hash text not null,
  applied_at timestamptz not null default now(), primary key (component, version))
"""


@dataclass(frozen=True, slots=True)
class Step:
    """One migration file."""

    version: int
    name: str
    hash: str
    text: str

    @property
    def rebuilds(self) -> tuple[str, ...]:
        """The read models that this file gives a new shape."""
        first, _, names = self.text.partition("\n")[0].partition(":")
        return tuple(n.strip() for n in names.split(",")) if first == "-- rebuild" else ()


def steps(folder: Path = FOLDER) -> tuple[Step, ...]:
    """The files of a folder, in order. Raises Refused `migration_gap` when a number is missing or doubled."""
    found = []
    for path in sorted(folder.glob("*.sql")):
        text = path.read_text()
        number, _, name = path.stem.partition("_")
        found.append(Step(int(number), name, sha256(text.encode()).hexdigest(), text))
    if [step.version for step in found] != list(range(1, len(found) + 1)):
        raise Refused(
            "migration_gap", f"migrations in {folder.name}", "numbers do not run 1, 2, 3, …", "Renumber the new file."
        )
    return tuple(found)


def apply(dsn: str, folder: Path = FOLDER, component: str = COMPONENT) -> list[str]:
    """Run what has not run yet; returns the names of what ran. Raises Refused, psycopg.Error."""
    wanted = steps(folder)
    done: list[str] = []
    with psycopg.connect(
        dsn, autocommit=True, connect_timeout=CONNECT_SECONDS, application_name="mandate-migrate"
    ) as connection:
        connection.execute(f"set client_min_messages = warning; set lock_timeout = {LOCK_TIMEOUT_MS}")
        connection.execute("select pg_advisory_lock(%s)", (LOCK,))
        try:
            connection.execute(_LEDGER)
            present = _check(connection, wanted, component)
            for step in wanted[present:]:
                with connection.transaction():
                    if not _set_aside(connection, step):
                        connection.execute(step.text)
                    connection.execute(
                        "insert into schema_migrations (component, version, name, hash) values (%s, %s, %s, %s)",
                        (component, step.version, step.name, step.hash),
                    )
                done.append(f"{step.version:04d}_{step.name}")
        finally:
            if not connection.closed:
                connection.execute("select pg_advisory_unlock(%s)", (LOCK,))
    return done


def _set_aside(connection: psycopg.Connection[Any], step: Step) -> bool:
    """Whether a new shape must wait for a rebuild; then what serves is remembered with the shape that it has."""
    if not step.rebuilds:
        return False
    held = connection.execute(
        "select projection, max(version) from projection_offsets where projection = any(%s) group by projection",
        (list(step.rebuilds),),
    ).fetchall()
    for projection, version in held:
        connection.execute(
            "insert into projection_versions (projection, version, state, shape) values (%s, %s, 'live', %s)"
            " on conflict do nothing",
            (projection, version, step.version - 1),
        )
    return bool(held)


def require_shape(connection: psycopg.Connection[Any], projection: str, folder: Path = FOLDER) -> None:
    """Refuse to write tables of an older shape than this program's. Raises NotReady `rebuild_needed`."""
    newest = max((step.version for step in steps(folder) if projection in step.rebuilds), default=0)
    found = connection.execute(
        "select shape from projection_versions where projection = %s and state = 'live'", (projection,)
    ).fetchone()
    if found is not None and found[0] < newest:
        raise NotReady(
            "rebuild_needed",
            f"read model {projection}",
            f"its tables have shape {found[0]}, this program writes shape {newest}",
            f"Run `mandate rebuild {projection}`: what serves stays until the new one is whole.",
        )


def _check(connection: psycopg.Connection[Any], wanted: tuple[Step, ...], component: str) -> int:
    """How many of `wanted` are applied. Raises Refused: migration_changed, database_newer."""
    applied = connection.execute(
        "select version, hash from schema_migrations where component = %s order by version", (component,)
    ).fetchall()
    if len(applied) > len(wanted):
        raise Refused(
            "database_newer",
            f"the tables of {component}",
            f"they are at version {len(applied)}, this program knows {len(wanted)}",
            "Run the newer program; migrations go forward only.",
        )
    for step, (_, digest) in zip(wanted, applied, strict=False):
        if step.hash != digest:
            raise Refused(
                "migration_changed",
                f"migration {step.version:04d}_{step.name} of {component}",
                "the file is not the one that was applied",
                "Restore the file and put the change into a new one.",
            )
    return len(applied)


def require(connection: psycopg.Connection[Any], folder: Path = FOLDER, component: str = COMPONENT) -> None:
    """Refuse to work on tables that are not this program's. Raises NotReady `not_migrated`, Refused."""
    wanted = steps(folder)
    exists = connection.execute("select to_regclass('schema_migrations')").fetchone()
    present = 0 if exists is None or exists[0] is None else _check(connection, wanted, component)
    if present < len(wanted):
        raise NotReady(
            "not_migrated",
            f"the tables of {component}",
            f"{len(wanted) - present} migrations have not run",
            "Run `python -m projections migrate`.",
        )
