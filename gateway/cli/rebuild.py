"""`mandate rebuild`: builds read models anew from history beside those that serve, compares the two, and swaps."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager

import click

from gateway.cli.client import Json
from gateway.cli.history import every, history, tell_removed
from gateway.cli.history_errors import HISTORY_TEXT, failed
from gateway.cli.output import EXIT_FAILED, EXIT_TEXT, json_option, show
from gateway.local.connections import connections
from processors.host.history import History
from processors.host.places import Place
from projections.catalog import PROJECTIONS, REDIS
from projections.filling import HANDS, Moment, Said
from projections.rebuild import Outcome, Rebuild
from projections.rebuild_redis import RedisRebuild
from schemas import topology
from schemas.errors import MandateError
from schemas.topology import Topology

# The archive is none of them: it is what they are rebuilt from.
NAMES = (*PROJECTIONS, *REDIS)
# Tenants named in a text; all of them are in --json.
SHOWN_MAX = 10


@click.command(epilog=f"{EXIT_TEXT} {HISTORY_TEXT}")
@click.argument("projection", nargs=-1)
@click.option("--all", "everything", is_flag=True, help="Every read model, one after the other.")
@click.option("--verify-only", is_flag=True, help="Build and compare, then throw the new one away.")
@click.option("--rollback", is_flag=True, help="Let what served before the last swap serve again.")
@click.option("--accept-difference", is_flag=True, help="Swap although the two differ (a corrected or damaged one).")
@json_option
def rebuild(
    projection: tuple[str, ...],
    everything: bool,
    verify_only: bool,
    rollback: bool,
    accept_difference: bool,
    as_json: bool,
) -> int:
    """Build read models anew from history, beside those that serve, and swap when the two are equal.

    PROJECTION is one or more of: timeline, incidents, pages, cases, dedup, overview. What serves goes on serving and
    following; nobody sees a state between. Killed at any point, the next run goes on or begins anew.

    Exit code 1 also when the two differ: then nothing was swapped, and the new one stays beside for
    --accept-difference.
    """
    names = _names(projection, everything)
    if rollback and (verify_only or accept_difference):
        raise click.UsageError("--rollback goes with neither --verify-only nor --accept-difference.")
    done: list[Outcome] = []
    try:
        with ExitStack() as stack:
            recorded = [stack.enter_context(history(passes=every)) for _ in range(HANDS)]
            tell_removed(recorded[0])
            declared = topology.load()
            for name in names:
                with _shown(as_json) as said:
                    run = _made(name, declared, recorded, said)
                    done.append(run.rollback() if rollback else run.run(swap=not verify_only, accept=accept_difference))
                if not as_json:
                    _say(done[-1], verify_only, rollback)
    except MandateError as error:
        if as_json and done:
            show([_plain(outcome) for outcome in done])
        return failed(error, as_json)
    if as_json:
        show([_plain(outcome) for outcome in done])
    fine = rollback or accept_difference or all(outcome.equal for outcome in done)
    return 0 if fine else EXIT_FAILED


def _names(given: Sequence[str], everything: bool) -> list[str]:
    unknown = [name for name in given if name not in NAMES]
    if unknown:
        raise click.UsageError(f"There is no read model {unknown[0]!r}. They are: {', '.join(NAMES)}")
    if bool(given) == everything:
        raise click.UsageError(f"Name read models ({', '.join(NAMES)}), or give --all.")
    return list(NAMES) if everything else list(dict.fromkeys(given))


def _made(name: str, declared: Topology, recorded: Sequence[History], said: Said) -> Rebuild | RedisRebuild:
    reads = declared.projections[name].reads
    places = [Place(topic, number) for topic in reads for number in range(declared.partitions(topic))]
    where = connections()
    if name in REDIS:
        return RedisRebuild(where.redis, name, places, recorded[0], said)
    streams = {topic: declared.topics[topic].stream for topic in reads}
    return Rebuild(where.postgres, name, places, streams, recorded[0], said, recorded[1:])


def _plain(outcome: Outcome) -> Json:
    return {
        "projection": outcome.projection,
        "rows": outcome.rows,
        "equal": outcome.equal,
        "seconds": round(outcome.seconds, 3),
        "swapped": outcome.swapped,
        "version": outcome.version,
        "differences": [
            {"table": d.table, "tenant": d.tenant, "serving": d.serving, "rebuilt": d.rebuilt}
            for d in outcome.differences
        ],
        "removed": [
            {"table": d.table, "tenant": d.tenant, "serving": d.serving, "rebuilt": d.rebuilt} for d in outcome.removed
        ],
    }


def _say(outcome: Outcome, verify_only: bool, rollback: bool) -> None:
    speed = f"{outcome.rows:,} records in {outcome.seconds:.1f} s"
    same = "equal" if outcome.equal else "DIFFERENT"
    what = f"version {outcome.version} serves"
    if rollback:
        what += " again"
    elif not outcome.swapped:
        what += " as before" + ("" if verify_only else ": nothing was swapped")
    click.echo(f"{outcome.projection:<10} {speed}, {same}, {what}")
    for each in outcome.differences[:SHOWN_MAX]:
        click.echo(f"  {each.table} of {each.tenant}: {each.serving:,} serving, {each.rebuilt:,} rebuilt")
    if len(outcome.differences) > SHOWN_MAX:
        click.echo(f"  and {len(outcome.differences) - SHOWN_MAX} more; see --json")
    for each in outcome.removed[:SHOWN_MAX]:
        click.echo(f"  {each.table} of {each.tenant}: {each.serving:,} → {each.rebuilt:,}, removed from the archive")
    if outcome.differences and not outcome.swapped and not verify_only:
        click.echo(f"  If the new one is right: mandate rebuild {outcome.projection} --accept-difference", err=True)


@contextmanager
def _shown(as_json: bool) -> Iterator[Said]:
    """A bar with rows/s and what is left, where a person looks."""
    if as_json or not sys.stderr.isatty():
        yield lambda _: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.percentage:>3.0f}%  {task.fields[speed]:>9,.0f} rows/s"),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("", total=None, speed=0.0)

        def said(moment: Moment) -> None:
            speed = moment.rows / moment.seconds if moment.seconds else 0.0
            label = f"{moment.projection} {moment.step}"
            if moment.total:
                bar.update(task, description=label, completed=moment.done, total=moment.total, speed=speed)
            else:
                bar.update(task, description=label, speed=speed)

        yield said
