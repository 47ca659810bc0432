"""The command `import cloudtrail`: files to actions, in file order, with a report of what was left out and
why."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import click

from gateway.cli.access import access, access_options
from gateway.cli.client import BATCH_ACTIONS, Client, Json, Sent, batches
from gateway.cli.output import EXIT_TEXT, ReceiptFile, json_option, progress, receipts_option, run, show
from gateway.importing import cloudtrail as translation
from gateway.importing import files, live
from schemas.envelope import rfc3339
from schemas.errors import MandateError

# Examples kept per reason: enough to find the pattern, not a second copy of the file.
EXAMPLES = 3


@dataclass
class Report:
    """What became of an import. `left_out`: reason -> count and the first places."""

    files: int = 0
    records: int = 0
    accepted: int = 0
    nested: int = 0
    errors: int = 0
    left_out: dict[str, tuple[int, list[str]]] = field(default_factory=dict)

    def leave_out(self, reason: str, place: str) -> None:
        """Count a record that became no accepted action."""
        count, examples = self.left_out.get(reason, (0, []))
        self.left_out[reason] = (count + 1, [*examples, place] if len(examples) < EXAMPLES else examples)

    def plain(self, seconds: float) -> Json:
        """The report as data."""
        return {
            "files": self.files,
            "records": self.records,
            "accepted": self.accepted,
            "nested": self.nested,
            "errors": self.errors,
            "skipped": {r: {"count": n, "examples": e} for r, (n, e) in sorted(self.left_out.items())},
            "seconds": round(seconds, 3),
        }


@click.group("import", epilog=EXIT_TEXT)
def import_() -> None:
    """Import other systems' histories as actions."""


@import_.command(epilog=EXIT_TEXT)
@click.argument("paths", nargs=-1, required=True, type=click.Path(path_type=Path, exists=True))
@click.option(
    "--live", "as_live", is_flag=True, help="Tell it as if it happened now: opens incidents and pages people."
)
@click.option(
    "--speed",
    type=click.IntRange(1, 100_000),
    default=60,
    show_default=True,
    help="With --live: so many times as fast.",
)
@click.option("--limit", type=click.IntRange(1), help="Only the first so many records of each file.")
@receipts_option
@access_options
@json_option
def cloudtrail(
    paths: tuple[Path, ...],
    as_live: bool,
    speed: int,
    limit: int | None,
    receipts: Path | None,
    url: str | None,
    token_file: Path | None,
    as_json: bool,
) -> int:
    """Import AWS CloudTrail: JSON, JSON lines, either gzipped, or folders of them.

    Ids come from eventID, the session from the file's content, the sequence from a record's place: the same
    files again, also later, add nothing. Imported history opens incidents marked historical and pages nobody,
    unless --live tells it anew, under new ids, with the original gaps divided by --speed.

    \b
    Examples:
      mandate import cloudtrail AWSLogs/ --receipts receipts.jsonl
      mandate import cloudtrail trail.json.gz --live --speed 600

    Records that are left out are counted by reason with examples; that is exit code 0 unless nothing was
    accepted.
    """

    async def work() -> int:
        who = access(url, token_file, "agent")
        begun = time.monotonic()
        out = ReceiptFile(receipts)
        try:
            async with Client(who.url, who.token) as client:
                await client.knock()
                found = files.find(paths)
                told = _live(client, found, speed, limit, out) if as_live else _past(client, found, limit, out)
                report = await told
        finally:
            out.close()
        seconds = time.monotonic() - begun
        if as_json:
            show(report.plain(seconds))
        else:
            _say(report, seconds)
        return 0 if report.accepted else 1

    return run(work(), as_json)


async def _past(client: Client, found: Sequence[Path], limit: int | None, out: ReceiptFile) -> Report:
    """File by file: one file is in memory at a time, and its batches go one after the other, in its order."""
    report = Report()
    with progress(sum(path.stat().st_size for path in found), "importing") as advance:
        for path in found:
            actions, size = await asyncio.to_thread(_read, path, limit, report)
            for batch in batches(actions):
                _take(report, await client.send(batch), batch, out)
                advance(size * len(batch) // max(1, len(actions)))
            advance(0 if actions else size)
    return report


async def _live(client: Client, found: Sequence[Path], speed: int, limit: int | None, out: ReceiptFile) -> Report:
    """All files together in the order of event time, each action when it is due."""
    report = Report()
    actions: list[Json] = []
    for path in found:
        actions += (await asyncio.to_thread(_read, path, limit, report))[0]
        if len(actions) > live.RECORDS_MAX:
            raise MandateError(
                "import_too_large", "--live", f"more than {live.RECORDS_MAX} records", "Name fewer files, or --limit."
            )
    start = time.time_ns() // 1_000_000
    told = live.retell(actions, rfc3339(start), start, speed)
    begun, at = time.monotonic(), 0
    with progress(len(told), "telling") as advance:
        while at < len(told):
            await asyncio.sleep(max(0.0, told[at][0] / 1_000 - (time.monotonic() - begun)))
            now_ms = (time.monotonic() - begun) * 1_000
            due = at + 1
            while due < len(told) and told[due][0] <= now_ms and due - at < BATCH_ACTIONS:
                due += 1
            for batch in batches([action for _, action in told[at:due]]):
                _take(report, await client.send(batch), batch, out)
            advance(due - at)
            at = due
    return report


def _read(path: Path, limit: int | None, report: Report) -> tuple[list[Json], int]:
    history = files.read(path)
    taken = history.entries if limit is None else history.entries[:limit]
    translated = translation.translate(taken, history.digest)
    report.files += 1
    report.records += len(taken)
    for skipped in translated.skipped:
        report.leave_out(skipped.reason, skipped.place)
    return list(translated.actions), history.size


def _take(report: Report, sent: Sent, batch: Sequence[Json], out: ReceiptFile) -> None:
    out.write([sent.receipts[i] for i in sorted(sent.receipts)])
    report.accepted += len(sent.receipts)
    for index in sent.receipts:
        report.nested += "parent_id" in batch[index]
        report.errors += "error" in batch[index]
    for index, problem in sent.problems.items():
        report.leave_out(f"refused:{problem.get('code')}", f"{batch[index]['id']}: {problem.get('detail')}")


def _say(report: Report, seconds: float) -> None:
    plain: dict[str, Any] = report.plain(seconds)
    click.echo(
        f"{report.accepted} of {report.records} records accepted from {report.files} files in {seconds:.1f} s "
        f"({report.errors} failures, {report.nested} nested)"
    )
    for reason, entry in plain["skipped"].items():
        click.echo(f"left out, {reason}: {entry['count']}, for instance {'; '.join(entry['examples'])}", err=True)
    if report.accepted:
        click.echo("Next: mandate timeline  |  mandate incidents list", err=True)
