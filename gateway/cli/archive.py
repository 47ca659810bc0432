"""The command `archive`: what is kept for ever, whether it is whole, and merging small files."""

from __future__ import annotations

import time
from contextlib import closing
from dataclasses import asdict
from datetime import date, datetime
from typing import TYPE_CHECKING

import click
import psycopg

from gateway.cli.client import Json
from gateway.cli.dead_letters import kafka_option
from gateway.cli.output import fail, json_option, show, table
from gateway.local.connections import connections
from processors.host.history import LogHistory
from processors.host.places import Place
from projections.errors import NotReady
from schemas import topology
from schemas.envelope import rfc3339
from schemas.errors import MandateError

if TYPE_CHECKING:
    # Their modules bring pyarrow, which not every command needs.
    from projections.archive.manifest import Entry
    from projections.archive.removal import Removed

EXIT_MISSING, EXIT_DIFFERENT, EXIT_CORRUPT, EXIT_HOLE, EXIT_MIRROR, EXIT_LEFT = 10, 11, 12, 13, 14, 18
VERIFY_CODES = {
    "archive_file_missing": EXIT_MISSING,
    "archive_file_different": EXIT_DIFFERENT,
    "archive_file_corrupt": EXIT_CORRUPT,
    "archive_hole": EXIT_HOLE,
    "archive_mirror_different": EXIT_MIRROR,
    "archive_tenant_left": EXIT_LEFT,
}
VERIFY_TEXT = (
    "Exit codes: 0 whole, 1 failed (no archive, Postgres or files do not answer), 2 wrong usage, 10 a file is missing, "
    "11 a file is not the one that was written, 12 a file cannot be read, 13 ranges do not touch, 14 a copy of the "
    "manifest differs, 18 records are there that the manifest says were removed. Of several kinds the first of these."
)
EXIT_TEXT = "Exit codes: 0 done, 1 failed (no archive, Postgres or files do not answer), 2 wrong usage."

# All days that there can be.
ALL_DAYS = 2**31 - 1

postgres_option = click.option(
    "--postgres", help="The DSN of the manifest. Else MANDATE_POSTGRES, else the local stack's."
)
where_option = click.option(
    "--archive", "where", help="Directory or URL. Else MANDATE_ARCHIVE, else below the local stack's data."
)


@click.group(epilog=EXIT_TEXT)
def archive() -> None:
    """Every record of every topic, in Parquet files that DuckDB, Spark or pandas read as they are."""


@archive.command(epilog=EXIT_TEXT)
@postgres_option
@where_option
@json_option
def status(postgres: str | None, where: str | None, as_json: bool) -> int:
    """Show what is archived: per topic the files, records, bytes, and the newest record."""
    from projections.archive import ledger
    from projections.archive.verify import no_archive, summary

    try:
        manifest = ledger.load(postgres or connections().postgres)
        if manifest is None:
            raise no_archive()
        topics = [_shown(row) for row in summary(manifest)]
    except MandateError as error:
        return fail(error, as_json)
    total = {key: sum(row[key] for row in topics) for key in ("records", "files", "bytes", "removed")}
    if as_json:
        show({"archive": where or connections().archive, "total": total, "topics": topics})
        return 0
    columns = {"topic": "topic", "partitions": "partitions", "records": "records", "files": "files", "bytes": "bytes"}
    table(topics, columns | {"removed": "removed", "newest": "newest"}, "Nothing is archived yet.")
    click.echo(
        f"{total['records']} records in {total['files']} files, {total['bytes'] / 1e6:.1f} MB, "
        f"in {where or connections().archive}",
        err=True,
    )
    return 0


@archive.command(epilog=VERIFY_TEXT)
@postgres_option
@where_option
@json_option
def verify(postgres: str | None, where: str | None, as_json: bool) -> int:
    """Check that ranges touch, and that every file is there, is the one that was written, and holds what it should.

    What was removed on purpose, or accepted as lost, is told apart: it is no fault.
    """
    from projections.archive import ledger
    from projections.archive.files import Files
    from projections.archive.verify import no_archive
    from projections.archive.verify import verify as check

    try:
        manifest = ledger.load(postgres or connections().postgres)
        if manifest is None:
            raise no_archive()
        report = check(manifest, Files(where or connections().archive))
    except MandateError as error:
        return fail(error, as_json)
    faults = [{"code": f.code, "file": f.file, "at": f.at, "why": f.why} for f in report.faults]
    gone = [_gone(entry) for entry in report.gone]
    if as_json:
        show({"whole": not faults, "files": report.files, "records": report.records, "faults": faults, "gone": gone})
    else:
        if gone:
            columns = {"what": "kind", "range": "range", "tenant": "tenant", "records": "records", "reason": "reason"}
            table(gone, columns, "")
        table(faults, {"code": "code", "file": "file", "at": "at", "why": "why"}, "No fault.")
        click.echo(f"{report.files} files with {report.records} records were read", err=True)
    return min((VERIFY_CODES[fault.code] for fault in report.faults), default=0)


@archive.command(epilog=EXIT_TEXT)
@postgres_option
@where_option
@json_option
def compact(postgres: str | None, where: str | None, as_json: bool) -> int:
    """Merge small files, write the layout by tenant and date for old days, delete what was merged an hour ago.

    Removals that were begun, or that a tenant's settings ask for (the document `retention`), come first.

    The running archive does the same by itself when little comes.
    """
    from projections.archive import upkeep
    from projections.archive.files import Files

    try:
        files = Files(where or connections().archive)
        merged, cold = upkeep.compact(postgres or connections().postgres, files, time.time(), topology.load())
    except MandateError as error:
        return fail(error, as_json)
    except psycopg.Error as error:
        return fail(_silent(error), as_json)
    if as_json:
        show({"merged": asdict(merged), "cold": asdict(cold)})
        return 0
    click.echo(
        f"{merged.files_before} files became {merged.files_after}, "
        f"{merged.bytes_before / 1e6:.1f} MB became {merged.bytes_after / 1e6:.1f} MB; "
        f"{merged.deleted} old ones deleted; {cold.days} days by tenant and date ({cold.records} records)"
    )
    return 0


@archive.command(epilog=EXIT_TEXT)
@click.argument("topic", required=False)
@click.option("--tenant", help="Only this tenant's records, of every topic, and of the layout by tenant and date.")
@click.option("--before", type=click.DateTime(["%Y-%m-%d"]), help="Days of append (UTC) before this one.")
@click.option("--reason", required=True, help="Kept in the manifest, and said to whoever asks for these records.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@postgres_option
@where_option
@json_option
def remove(
    topic: str | None,
    tenant: str | None,
    before: datetime | None,
    reason: str,
    yes: bool,
    postgres: str | None,
    where: str | None,
    as_json: bool,
) -> int:
    """Take a topic's old days out of the archive for good, or a tenant's records.

    \b
    Examples:
      mandate archive remove actions.raw --before 2026-01-01 --reason "kept for a year"
      mandate archive remove --tenant acme --reason "contract ended, request 4711"

    Of a topic's days the layout by tenant and date stays. A tenant's records go from both, up to now; those that are
    archived later are kept again, so stop the tenant first. Rows of read models go with their next rebuild.
    """
    if (topic is None) == (tenant is None):
        raise click.UsageError("Give a topic, or --tenant.")
    if topic is not None and before is None:
        raise click.UsageError("Give --before: which days of the topic?")
    day = ALL_DAYS if before is None else (before.date() - date(1970, 1, 1)).days
    if not yes:
        until = "" if before is None else f" before {before:%Y-%m-%d}"
        what = f"what {topic} held" if tenant is None else f"the records of tenant {tenant}"
        click.confirm(f"Remove {what}{until} for ever?", abort=True, err=True)
    try:
        done = _remove(topic, tenant, day, reason, postgres or connections().postgres, where or connections().archive)
    except MandateError as error:
        return fail(error, as_json)
    except psycopg.Error as error:
        return fail(_silent(error), as_json)
    if as_json:
        show({"removed": [_gone(entry) for entry in done.entries], "cold_files": done.cold_files})
    else:
        records = sum(entry.records for entry in done.entries)
        told = "" if tenant is None else f" with {records} records, and {done.cold_files} files by tenant and date"
        click.echo(f"{len(done.entries)} ranges removed{told}; their files are deleted in an hour")
    return 0


def _remove(topic: str | None, tenant: str | None, day: int, reason: str, dsn: str, where: str) -> Removed:
    from projections.archive import upkeep
    from projections.archive.files import Files

    with upkeep.Upkeep(dsn) as opened:
        if tenant is not None:
            return upkeep.remove_tenant(opened, Files(where), topology.load(), tenant, day, reason)
        assert topic is not None  # one of the two, or it is wrong usage
        return upkeep.remove(opened, Files(where), topic, day, reason)


@archive.command("accept-loss", epilog=EXIT_TEXT)
@click.argument("topic")
@click.argument("partition", type=click.IntRange(0))
@click.option("--to", type=click.IntRange(1), required=True, help="Where the archive goes on: at most the log's start.")
@click.option("--reason", required=True, help="Kept in the manifest, and said to whoever asks for these records.")
@kafka_option
@postgres_option
@where_option
@json_option
def accept_loss(
    topic: str,
    partition: int,
    to: int,
    reason: str,
    bootstrap: str | None,
    postgres: str | None,
    where: str | None,
    as_json: bool,
) -> int:
    """Let the archive go on where the log had dropped records before they were archived.

    The range is `lost` in the manifest, with the reason; whoever reads over it is told so. Nothing is given up that
    the log still keeps.

    \b
    Example:
      mandate archive accept-loss actions.raw 2 --to 123456 --reason "disk full over Easter"
    """
    from projections.archive import upkeep
    from projections.archive.files import Files

    try:
        with closing(LogHistory(bootstrap or connections().kafka)) as log:
            low = log.bounds(Place(topic, partition))[0]
        with upkeep.Upkeep(postgres or connections().postgres) as opened:
            files = Files(where or connections().archive)
            entry = upkeep.accept_loss(opened, files, Place(topic, partition), to, low, reason, time.time())
    except MandateError as error:
        return fail(error, as_json)
    except psycopg.Error as error:
        return fail(_silent(error), as_json)
    if as_json:
        show({"lost": _gone(entry)})
    else:
        click.echo(f"{entry.range} is lost; the archive goes on at {entry.end}")
    return 0


def _silent(error: psycopg.Error) -> NotReady:
    why = str(error).strip()
    return NotReady("postgres_silent", "the archive's manifest", why, "Check MANDATE_POSTGRES; mandate status.")


def _gone(entry: Entry) -> Json:
    return {"kind": entry.kind, "range": entry.range, "tenant": entry.tenant, "records": entry.records} | {
        "reason": entry.reason
    }


def _shown(row: Json) -> Json:
    newest = row["newest"]
    return row | {"newest": None if newest is None else rfc3339(newest)}
