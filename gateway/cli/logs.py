"""The command logs: the end of the stack's log files, followed if asked."""

from __future__ import annotations

import time
from pathlib import Path
from typing import BinaryIO

import click

from gateway.local.errors import LocalStackError, tail
from gateway.local.paths import find_home

# A person reads; five looks a second feel like at once and cost nothing.
LOOK_EVERY_S = 0.2
# At most this much of one file is printed per look, so that one chatty process cannot starve the others.
READ_BYTES = 65_536


@click.command()
@click.argument("name", required=False)
@click.option("-f", "--follow", is_flag=True, help="Go on with what is written from now on, until Ctrl-C.")
@click.option("-n", "--lines", default=20, show_default=True, help="Lines of each file to begin with.")
def logs(name: str | None, follow: bool, lines: int) -> int:
    """Show the logs of the local stack: of every process, or of the one called NAME.

    \b
    Examples:
      mandate logs kafka
      mandate logs -f
      mandate logs supervisor      starts, deaths and restarts of all others

    Exit codes: 0 done (Ctrl-C too), 1 there is no such log.
    """
    home = find_home()
    files = sorted(home.logs.glob("*.log"))
    if name is not None:
        files = [file for file in files if file.stem == name]
    if not files:
        known = ", ".join(sorted(file.stem for file in home.logs.glob("*.log"))) or "none yet; start it: mandate up"
        raise LocalStackError("no_such_log", name or str(home.logs), "there is no log file", f"There are: {known}")
    prefix = len(files) > 1
    sizes = {file: file.stat().st_size for file in files}
    for file in files:
        for line in tail(file, lines).splitlines():
            click.echo(_line(file, line, prefix))
    if follow:
        _follow(sizes, prefix)
    return 0


def _follow(sizes: dict[Path, int], prefix: bool) -> None:
    opened: dict[Path, BinaryIO] = {}
    try:
        for file, size in sizes.items():
            opened[file] = file.open("rb")
            opened[file].seek(size)
        while True:
            for file, stream in opened.items():
                _print_new(file, stream, prefix)
            time.sleep(LOOK_EVERY_S)
    except KeyboardInterrupt:
        return
    finally:
        for stream in opened.values():
            stream.close()


def _print_new(file: Path, stream: BinaryIO, prefix: bool) -> None:
    if file.stat().st_size < stream.tell():
        stream.seek(0)  # the supervisor has cut the file
    start = stream.tell()
    read = stream.read(READ_BYTES)
    whole = read.rfind(b"\n") + 1
    if whole == 0 and len(read) == READ_BYTES:
        whole = READ_BYTES  # one line longer than a look: print it in pieces
    stream.seek(start + whole)
    for line in read[:whole].decode("utf-8", "replace").splitlines():
        click.echo(_line(file, line, prefix))


def _line(file: Path, line: str, prefix: bool) -> str:
    return f"{file.stem:<14} {line}" if prefix else line
