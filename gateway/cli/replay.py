"""The command `replay`: today's code over the recorded input, compared with the recorded output byte for byte.

It reads history and writes nothing: no producer, no read model, no topic.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

import click

from gateway.cli.dead_letters import kafka_option
from gateway.cli.history import history
from gateway.cli.history_errors import EXIT_HISTORY, HISTORY_TEXT, failed
from gateway.cli.output import json_option, progress, show, table
from gateway.cli.replay_words import first_difference
from gateway.cli.times import FORMS, TIME
from processors.host.history import History
from processors.host.places import Place
from processors.host.replay import verify
from processors.host.replay_feed import Window
from processors.host.replay_match import Totals
from processors.kernel.room import Room
from processors.kernel.runnable import runnables
from processors.rooms import DECIDERS
from schemas import topology
from schemas.errors import MandateError
from schemas.record import Record

if TYPE_CHECKING:
    from projections.archive.manifest import Entry

EXIT_DIFFERENT = 1
EXIT_NOTHING = 2
EXIT_TEXT = (
    "Exit codes: 0 all equal, 1 something differs (or more than --allow-declared differences are declared), 2 nothing "
    "was compared or wrong usage, 3 the broker did not answer, 130 interrupted. " + HISTORY_TEXT
)


@click.command(epilog=EXIT_TEXT)
@click.option("--verify", "verifies", is_flag=True, help="Compare with what was recorded (there is no other way yet).")
@click.option(
    "--processor", "names", multiple=True, type=click.Choice(list(DECIDERS)), help="Only this one; repeatable."
)
@click.option("--from", "since", type=TIME, help=f"Begin at the last recorded state up to this time: {FORMS}.")
@click.option("--to", "until", type=TIME, help="End at the last recorded state up to this time.")
@click.option(
    "--allow-declared", type=click.IntRange(0), default=0, metavar="N",
    help="So many differences may be declared by a raised decision version.",
)  # fmt: skip
@kafka_option
@json_option
def replay(
    verifies: bool,
    names: tuple[str, ...],
    since: int | None,
    until: int | None,
    allow_declared: int,
    bootstrap: str | None,
    as_json: bool,
) -> int:
    """Decide the recorded input again with this version's code, and compare every output byte for byte.

    Each processor is replayed over its own input, partition by partition. A missing or an extra output is a difference;
    the state is compared at every recorded transaction. Nothing is written and nobody is paged.

    \b
    Examples:
      mandate replay --verify
      mandate replay --verify --processor incidents --from -7d --json
    """
    if not verifies:
        raise click.UsageError("Say --verify: what was recorded is replayed and compared.")
    if since is not None and until is not None and since >= until:
        raise click.UsageError("--from must be before --to.")
    started = time.monotonic()
    window = Window(since, until)
    declared = topology.load()
    wired = {name: r.room for name, r in runnables(declared, DECIDERS).items() if not names or name in names}
    # A state without a removed tenant's parts is that of all others; an input or output without its records is refused.
    passes = {t.name for t in declared.topics.values() if t.stream in ("changelog", "dead.letters")}.__contains__
    different: list[Entry] = []
    try:
        with history(bootstrap, different, passes) as opened:
            found = verified(wired, opened, window)
            report = Report(found, time.monotonic() - started)
            if as_json:
                show(report.plain())
            else:
                report.tell()
            for name, totals in found.items():
                if totals.first is not None:
                    lines = first_difference(wired[name], opened, window, totals.first)
                    lines += [f"  file      {entry.file}" for entry in holding(different, totals.first.recorded)]
                    click.echo("\n".join(lines), err=as_json)
                    break
    except MandateError as error:
        return failed(error, as_json, EXIT_HISTORY)
    finally:
        for entry in different:
            click.echo(
                f"warning[archive_file_different]: the archive's file {entry.file} ({entry.range}) is not the one that "
                "was written; see mandate archive verify",
                err=True,
            )
    return report.exit_code(allow_declared)


def verified(rooms: Mapping[str, Room], opened: History, window: Window) -> dict[str, Totals]:
    """Every processor replayed, one after the other. Raises MandateError."""
    found = {}
    for name, room in rooms.items():
        places = [Place(room.input, p) for p in range(opened.partitions(room.input))]
        total = sum(end - low for low, end in map(opened.bounds, places))
        with progress(total, f"replaying {name}") as tell:
            found[name] = verify(room, opened, window, tell)
    return found


def holding(entries: Sequence[Entry], record: Record | None) -> list[Entry]:
    """Those entries of the archive that hold a record."""
    if record is None:
        return []
    return [e for e in entries if e.place == Place(*record[:2]) and e.start <= record.offset < e.end]


class Report:
    """What a replay found."""

    def __init__(self, rooms: Mapping[str, Totals], seconds: float) -> None:
        self.rooms = rooms
        self.seconds = seconds

    def sum(self, of: Callable[[Totals], int]) -> int:
        """One count over all processors."""
        return sum(of(totals) for totals in self.rooms.values())

    def plain(self) -> dict[str, object]:
        """The JSON of the issue, with the counts of each processor under `rooms`."""
        return {
            "records": self.sum(lambda t: t.records),
            "events": self.sum(lambda t: t.events),
            "equal": self.sum(lambda t: t.equal),
            "different": self.sum(lambda t: t.different),
            "declared": self.sum(lambda t: t.declared),
            "rooms": {name: _counts(totals) for name, totals in self.rooms.items()},
            "seconds": round(self.seconds, 3),
        }

    def tell(self) -> None:
        """The same for people, on stdout."""
        rows = [{"processor": name} | _counts(totals) for name, totals in self.rooms.items()]
        table(rows, {key.replace("_", " "): key for key in rows[0]}, "")
        events, equal = self.sum(lambda t: t.events), self.sum(lambda t: t.equal)
        records, states = self.sum(lambda t: t.records), self.sum(lambda t: t.states)
        lost = self.sum(lambda t: t.boundaries_lost)
        click.echo()
        if not events:
            click.echo(f"Nothing was compared: {records} records led to no output in this window.")
            return
        # Rounded down, so that 100 % means all.
        share = equal * 1_000 // events / 10 if equal < events else 100
        click.echo(
            f"{records} records replayed in {self.seconds:.1f} s: {equal} of {events} outputs are the same bytes "
            f"({share:g} %), state compared at {states} transactions."
        )
        if lost:
            click.echo(f"{lost} stretches of the changelog were compacted: states in them were not compared.")

    def exit_code(self, allow_declared: int) -> int:
        """What the command ends with."""
        if self.sum(lambda t: t.different) or self.sum(lambda t: t.declared) > allow_declared:
            return EXIT_DIFFERENT
        return 0 if self.sum(lambda t: t.events) else EXIT_NOTHING


def _counts(totals: Totals) -> dict[str, int]:
    return {
        "records": totals.records,
        "events": totals.events,
        "equal": totals.equal,
        "different": totals.different,
        "declared": totals.declared,
        "states": totals.states,
        "states_different": totals.states_different,
    }
