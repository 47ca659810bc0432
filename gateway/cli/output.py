"""How commands speak: data to stdout (text or JSON), messages to stderr, one exit code per outcome.

Called by every data command. It must never mix the two streams, and draws bars only where a person looks.
"""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Callable, Coroutine, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any, TypeVar

import click

from gateway.cli.client import Refused, Unreachable
from gateway.client import Receipt
from schemas.errors import MandateError

EXIT_FAILED = 1
EXIT_UNREACHABLE = 3
EXIT_NOT_ALLOWED = 4
EXIT_TEXT = (
    "Exit codes: 0 done, 1 refused or failed, 2 wrong usage, 3 the gateway (or the broker) did not answer, "
    "4 the token is missing or not allowed, 130 interrupted."
)
# Broker trouble as processors.host.errors names it: no answer, not a refusal.
_SILENT = frozenset({"broker_silent", "retriable", "outcome_unknown", "client_unclassified", "send_failed"})

T = TypeVar("T")
F = TypeVar("F", bound=Callable[..., Any])

json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON instead of text.")
receipts_option = click.option(
    "--receipts",
    type=click.Path(path_type=Path, dir_okay=False, writable=True),
    help="Write a receipt per accepted action to this file: JSON lines of event_id, topic, partition, offset.",
)


def run(work: Coroutine[Any, Any, int | None], as_json: bool = False) -> int:
    """Run a command's work; errors of ours become a message on stderr and an exit code."""
    try:
        return asyncio.run(work) or 0
    except MandateError as error:
        return fail(error, as_json)


def fail(error: MandateError, as_json: bool = False) -> int:
    """Say an error on stderr (as a problem document with --json); gives the exit code."""
    if as_json:
        problem = {"code": error.code, "title": error.what, "detail": error.why, "remedy": error.remedy}
        if error.field:
            problem["field"] = error.field
        click.echo(json.dumps(problem, ensure_ascii=False), err=True)
    else:
        click.echo(f"error[{error.code}]: {error.what}: {error.why}\n{error.remedy}", err=True)
    if isinstance(error, Unreachable) or error.code in _SILENT:
        return EXIT_UNREACHABLE
    if error.code == "token_missing" or (isinstance(error, Refused) and error.status in (401, 403)):
        return EXIT_NOT_ALLOWED
    return EXIT_FAILED


def show(plain: Any) -> None:
    """Data as JSON on stdout."""
    click.echo(json.dumps(plain, indent=1, ensure_ascii=False))


def table(rows: Sequence[Mapping[str, Any]], columns: Mapping[str, str], empty: str) -> None:
    """Rows as a plain table on stdout: title -> key. Without rows `empty` is said on stderr."""
    if not rows:
        click.echo(empty, err=True)
        return
    cells = [[str(title) for title in columns]]
    cells += [[_cell(row.get(key)) for key in columns.values()] for row in rows]
    widths = [max(len(line[i]) for line in cells) for i in range(len(columns))]
    for line in cells:
        click.echo("  ".join(c.ljust(w) for c, w in zip(line, widths, strict=True)).rstrip())


def as_of(answer: Mapping[str, Any]) -> None:
    """Say on stderr as of which position an answer is, and where the next page begins."""
    positions = answer.get("as_of") or []
    if positions and sys.stderr.isatty():
        newest = max((str(p.get("append_time") or "") for p in positions), default="")
        click.echo(f"as of {newest or 'the beginning of the log'}", err=True)
    if answer.get("next"):
        click.echo(f"more: --cursor {answer['next']}", err=True)


def _cell(value: Any) -> str:
    if value is None:
        return "-"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list):
        return ",".join(str(v) for v in value) or "-"
    return str(value)


class ReceiptFile:
    """JSON lines of receipts, written as they come, so that an interrupted run keeps what was accepted."""

    def __init__(self, path: Path | None) -> None:
        self._file: IO[str] | None = path.open("w") if path is not None else None

    def write(self, receipts: Sequence[Receipt]) -> None:
        """Append receipts and flush."""
        if self._file is None or not receipts:
            return
        self._file.writelines(json.dumps(receipt._asdict()) + "\n" for receipt in receipts)
        self._file.flush()

    def close(self) -> None:
        """Close the file."""
        if self._file is not None:
            self._file.close()


@contextmanager
def progress(total: int, what: str) -> Iterator[Callable[[int], None]]:
    """A bar on stderr while long work runs; nothing where no person looks. Call the value with how many are
    done."""
    if not sys.stderr.isatty():
        yield lambda _: None
        return
    from rich.console import Console
    from rich.progress import Progress

    with Progress(console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task(what, total=total)
        yield lambda count: bar.advance(task, count)
