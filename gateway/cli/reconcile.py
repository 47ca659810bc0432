"""`mandate reconcile`: the balance of a window, by sets of ids; what is missing is named and the exit code is 1."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from itertools import chain
from pathlib import Path

import click
import psycopg

from gateway.cli.client import Json
from gateway.cli.history import every, history, tell_removed
from gateway.cli.history_errors import HISTORY_TEXT, failed
from gateway.cli.output import EXIT_FAILED, EXIT_TEXT, fail, json_option, show
from gateway.cli.times import TIME
from gateway.local.connections import connections
from gateway.reconciling import actions, pages, progress
from gateway.reconciling.window import Stage, places, settled
from processors.host.group_positions import GroupPositions
from processors.host.history import History
from processors.host.places import Place
from processors.host.transport import group_of
from projections import positions
from projections.timeline.partitions import WARM_DAYS
from projections.timeline.project import DAY_MS
from schemas import topology
from schemas.errors import MandateError
from schemas.topology import RoomSpec, Topology

# The processors between what was accepted and its row, in this order.
WAY = ("dedup", "ordering")
READ_MODEL = "timeline"
INPUT = "actions.raw"
CONNECT_SECONDS = 5
SHOWN_MAX = 20
PAGES = {
    "outcomes": "have an outcome",
    "exhausted": "of escalations that were exhausted",
    "stopped": "called off before an outcome",
    "on_the_way": "on their way, asked for in the last minute",
}

WRONG = {
    "count": "{records:,} records, {said:,} decided",
    "gap": "{records:,} records lie between it and {after}, and nobody says what was decided of them",
    "overlap": "it begins before {after} ends: something was decided twice",
}


@click.command(epilog=f"{EXIT_TEXT} {HISTORY_TEXT}")
@click.option(
    "--receipts",
    type=click.Path(path_type=Path, dir_okay=False, exists=True),
    help="The caller's own file: one receipt a line, as `mandate send --receipts` writes it.",
)
@click.option("--from", "start", type=TIME, help="From this time of the log on (RFC 3339, now, -1h). Else all kept.")
@click.option("--to", "end", type=TIME, help="Up to this time of the log. Else now.")
@json_option
def reconcile(receipts: Path | None, start: int | None, end: int | None, as_json: bool) -> int:
    """Balance what was accepted against what became of it, by sets of ids and never by counts.

    Every receipt is in the log; every record of actions.raw is a row of the timeline, a drop with a reason, a held
    record or a dead letter; every page has an outcome or its escalation ended; what each processor says it decided is
    what its input holds. Without --receipts it begins with the records of actions.raw, so it cannot know of an action
    that was accepted and never written.

    Exit code 1 when anything is missing; the ids are named (with --json: `missing` and `unbalanced` of their stream).
    """
    if start is not None and end is not None and start > end:
        raise click.UsageError("--from is later than --to.")
    try:
        found = _reconcile(receipts, start, end)
    except MandateError as error:
        return failed(error, as_json)
    except psycopg.Error as error:
        why = str(error).strip() or type(error).__name__
        remedy = "See whether Postgres runs: mandate status."
        return fail(MandateError("postgres", "the timeline", why, remedy), as_json)
    if as_json:
        show(found)
    else:
        _say(found, receipts)
    return EXIT_FAILED if found["unaccounted"] else 0


def _reconcile(receipts: Path | None, start: int | None, end: int | None) -> Json:
    declared = topology.load()
    dsn = connections().postgres
    with history(passes=every) as recorded, psycopg.connect(dsn, connect_timeout=CONNECT_SECONDS) as database:
        tell_removed(recorded)

        def rows(first: int) -> Iterator[bytes]:
            # The archive answers for the days that Postgres has let go.
            oldest = time.time_ns() // 1_000_000 - WARM_DAYS * DAY_MS
            cold = actions.cold_ids(recorded, first, oldest) if first < oldest else iter(())
            return chain(actions.timeline_ids(database, first), cold)

        made = actions.Actions(recorded, declared, rows)
        # The window ends where the input ended before anybody is waited for: what comes later is not asked about.
        window = made.window(start, end)
        at_rest = _settle(recorded, declared, database, window)
        account = made.account(window, receipts)
        now = time.time_ns() // 1_000_000
        paged = pages.account(recorded, start, end, now)
        decided = progress.account(recorded, declared, start, end)
    streams: Json = {
        INPUT: {
            "records": account.records,
            "timeline": account.rows,
            "dropped": account.dropped,
            "held": account.held,
            "dead_letters": account.dead_letters,
            "reasons": dict(sorted(account.reasons.items())),
            "unaccounted": account.unaccounted,
            "missing": account.missing,
            "from_receipts": receipts is not None,
            "settled": at_rest,
        },
        pages.TOPIC: {
            "pages": paged.expected,
            "outcomes": paged.outcomes,
            "exhausted": paged.exhausted,
            "stopped": paged.stopped,
            "on_the_way": paged.on_the_way,
            "unaccounted": len(paged.missing),
            "missing": paged.missing,
        },
    }
    for name, stream in decided.items():
        streams.setdefault(name, {}).update(
            progress={
                "records": stream.records,
                "decided": stream.decided,
                "transactions": stream.checked,
                "compacted": stream.compacted,
                "unbalanced": stream.unbalanced,
            }
        )
    unbalanced = sum(len(stream.unbalanced) for stream in decided.values())
    return {
        "accepted": account.accepted,
        "unaccounted": account.unaccounted + len(paged.missing) + unbalanced,
        "streams": streams,
    }


def _settle(
    recorded: History, declared: Topology, database: psycopg.Connection, window: Mapping[Place, tuple[int, int]]
) -> bool:
    """Wait for the processors and the timeline to pass what was in the window; False: they did not within 30 s."""
    rooms = [declared.rooms[name] for name in WAY]
    reads = declared.projections[READ_MODEL].reads

    def ends(topic: str) -> dict[Place, int]:
        return {place: recorded.bounds(place)[1] for place in places(recorded, topic)}

    def stored() -> Mapping[Place, int | None]:
        with database.transaction():
            return positions.load(database, READ_MODEL)

    first = {place: last for place, (_, last) in window.items()}
    with _groups([group_of(room.name) for room in rooms]) as groups:

        def stage(room: RoomSpec) -> Stage:
            where = places(recorded, room.input)
            # What comes in while we wait is not asked about.
            goal = (lambda: first) if room.input == rooms[0].input else (lambda: ends(room.input))
            return goal, lambda: groups.of(group_of(room.name), where)

        last: Stage = (lambda: {p: at for topic in reads for p, at in ends(topic).items()}, stored)
        return settled(recorded, [*map(stage, rooms), last])


@contextmanager
def _groups(names: list[str]) -> Iterator[GroupPositions]:
    opened = GroupPositions(connections().kafka, names)
    try:
        yield opened
    finally:
        opened.close()


def _say(found: Json, receipts: Path | None) -> None:
    streams = found["streams"]
    acted, paged = streams[INPUT], streams[pages.TOPIC]
    begins = f"the receipts in {receipts}" if receipts else f"the records of {INPUT}: without --receipts"
    _line("accepted", found["accepted"], f"ids, by {begins}")
    if not receipts:
        click.echo(f"{'':<26}  an action that was accepted and never written is not seen")
    _line("timeline", acted["timeline"], "have a row")
    for title, key, text in (("dropped", "dropped", "were dropped"), ("held", "held", "are held")):
        _line(title, acted[key], text)
    _line("dead letters", acted["dead_letters"], "were set aside")
    for reason, number in acted["reasons"].items():
        _line("", number, f"times {reason}")
    _line("unaccounted", acted["unaccounted"], "")
    _line("pages", paged["pages"], "were expected")
    for key, text in PAGES.items():
        _line("", paged[key], text)
    _line("unaccounted", paged["unaccounted"], "")
    for name, stream in streams.items():
        if "progress" in stream:
            _progress(name, stream["progress"])
    if not acted["settled"]:
        text = "The pipeline did not come to rest in 30 s: some of what is missing may be on its way (mandate status)."
        click.echo(text, err=True)
    missing = acted["missing"] + paged["missing"]
    for each in missing[:SHOWN_MAX]:
        click.echo(f"missing {each['id']}  {each['at']}  {each['why']}")
    if len(missing) > SHOWN_MAX:
        click.echo(f"and {len(missing) - SHOWN_MAX:,} more; see --json")


def _line(title: str, number: int, text: str) -> None:
    click.echo(f"{title:<14}{number:>12,}  {text}".rstrip())


def _progress(name: str, told: Json) -> None:
    same = "NOT BALANCED" if told["unbalanced"] else "balanced"
    click.echo(f"{name:<26}  {told['decided']:,} decided of {told['records']:,} records: {same}")
    if told["compacted"]:
        click.echo(f"{'':<26}  of {told['compacted']:,} more the changelog, compacted, speaks no longer")
    for each in told["unbalanced"][:SHOWN_MAX]:
        click.echo(f"  {each['at']}: {WRONG[each['why']].format(**each)}")
