"""The command `archive`: what is kept for ever, whether it is whole, and merging small files."""

from __future__ import annotations

import time
from dataclasses import asdict
from datetime import date, datetime

import click
import psycopg

from gateway.cli.client import Json
from gateway.cli.output import fail, json_option, show, table
from gateway.local.connections import connections
from projections.errors import NotReady
from schemas.envelope import rfc3339
from schemas.errors import MandateError

EXIT_MISSING, EXIT_DIFFERENT, EXIT_CORRUPT, EXIT_HOLE, EXIT_MIRROR = 10, 11, 12, 13, 14
VERIFY_CODES = {
    "archive_file_missing": EXIT_MISSING,
    "archive_file_different": EXIT_DIFFERENT,
    "archive_file_corrupt": EXIT_CORRUPT,
    "archive_hole": EXIT_HOLE,
    "archive_mirror_different": EXIT_MIRROR,
}
VERIFY_TEXT = (
    "Exit codes: 0 whole, 1 failed (no archive, Postgres or files do not answer), 2 wrong usage, 10 a file is missing, "
    "11 a file is not the one that was written, 12 a file cannot be read, 13 ranges do not touch, 14 a copy of the "
    "manifest differs. Of several kinds the first in this order."
)
EXIT_TEXT = "Exit codes: 0 done, 1 failed (no archive, Postgres or files do not answer), 2 wrong usage."

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
    """Check that ranges touch, and that every file is there, is the one that was written, and holds what it should."""
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
    if as_json:
        show({"whole": not faults, "files": report.files, "records": report.records, "faults": faults})
    else:
        table(faults, {"code": "code", "file": "file", "at": "at", "why": "why"}, "No fault.")
        click.echo(f"{report.files} files with {report.records} records were read", err=True)
    return min((VERIFY_CODES[fault.code] for fault in report.faults), default=0)


@archive.command(epilog=EXIT_TEXT)
@postgres_option
@where_option
@json_option
def compact(postgres: str | None, where: str | None, as_json: bool) -> int:
    """Merge small files, write the layout by tenant and date for old days, delete what was merged an hour ago.

    The running archive does the same by itself when little comes.
    """
    from projections.archive import upkeep
    from projections.archive.files import Files

    try:
        files = Files(where or connections().archive)
        merged, cold = upkeep.compact(postgres or connections().postgres, files, time.time())
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
@click.argument("topic")
@click.option(
    "--before", type=click.DateTime(["%Y-%m-%d"]), required=True, help="Days of append (UTC) before this one."
)
@click.option("--reason", required=True, help="Kept in the manifest, and said to whoever asks for these records.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@postgres_option
@where_option
@json_option
def remove(
    topic: str, before: datetime, reason: str, yes: bool, postgres: str | None, where: str | None, as_json: bool
) -> int:
    """Take a topic's old days out of the archive for good (retention). The layout by tenant and date stays."""
    from projections.archive import upkeep
    from projections.archive.files import Files

    if not yes:
        click.confirm(f"Remove what {topic} held before {before:%Y-%m-%d} for ever?", abort=True, err=True)
    day = (before.date() - date(1970, 1, 1)).days
    try:
        with upkeep.Upkeep(postgres or connections().postgres) as opened:
            gone = upkeep.remove(opened, Files(where or connections().archive), topic, day, reason)
    except MandateError as error:
        return fail(error, as_json)
    except psycopg.Error as error:
        return fail(_silent(error), as_json)
    if as_json:
        show({"removed": [{"range": entry.range, "reason": entry.reason} for entry in gone]})
    else:
        click.echo(f"{len(gone)} ranges removed; their files are deleted in an hour")
    return 0


def _silent(error: psycopg.Error) -> NotReady:
    why = str(error).strip()
    return NotReady("postgres_silent", "the archive's manifest", why, "Check MANDATE_POSTGRES; mandate status.")


def _shown(row: Json) -> Json:
    newest = row["newest"]
    return row | {"newest": None if newest is None else rfc3339(newest)}
