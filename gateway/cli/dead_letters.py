"""The commands `dead-letters list|show|redrive` and `dropped list`: what left the map, with its reason, and the way
back for what was dead because of something since corrected."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import click
import psycopg

from gateway.cli.client import Json
from gateway.cli.output import EXIT_TEXT, fail, json_option, show, table
from gateway.local.connections import connections
from gateway.releasing import WRITER, Released, Releases, check, coordinate
from processors.host.places import Place
from schemas import ids
from schemas.codec import Words
from schemas.envelope import rfc3339
from schemas.errors import MandateError
from schemas.messages.actions import DROPPED, ActionDropped
from schemas.messages.kernel import DEAD_LETTERS, DeadLetter
from schemas.record import Record

# Bytes of an original shown in a listing; the whole is on the topic.
SHOWN_BYTES = 48
TOPIC = "dead.letters"

kafka_option = click.option(
    "--kafka", "bootstrap", help="The broker, host:port. Else MANDATE_KAFKA, else the local stack's."
)
limit_option = click.option(
    "--limit", type=click.IntRange(1, 10_000), default=20, show_default=True, help="The newest so many."
)
tenant_option = click.option("--tenant", help="Only this tenant's.")


@click.group("dead-letters", epilog=EXIT_TEXT)
def dead_letters() -> None:
    """What could not be decoded or decided, with its coordinates and reason."""


@dead_letters.command("list", epilog=EXIT_TEXT)
@limit_option
@tenant_option
@kafka_option
@json_option
def list_dead_letters(limit: int, tenant: str | None, bootstrap: str | None, as_json: bool) -> int:
    """List the newest dead letters, oldest first. `at` is where the record lay; its original bytes are
    kept."""
    columns = {"when": "appended_at", "at": "at", "code": "code", "detail": "detail", "bytes": "original_length"}
    return _list(TOPIC, limit, tenant, bootstrap, as_json, _dead_letter, columns, "No dead letters.")


@dead_letters.command("show", epilog=EXIT_TEXT)
@click.argument("at", metavar="AT")
@kafka_option
@json_option
def show_dead_letter(at: str, bootstrap: str | None, as_json: bool) -> int:
    """Show the dead letters of AT (topic-partition@offset, as `list` names it), with the whole original."""
    try:
        found = _of(at, bootstrap)
    except MandateError as error:
        return fail(error, as_json)
    items = [_dead_letter(record) | _whole(letter) for record, letter in found]
    if as_json:
        show({"items": items})
        return 0
    for item in items:
        for name, value in item.items():
            if name != "original_start" and value is not None:
                click.echo(f"{name + ':':<18}{value}")
    return 0


@dead_letters.command("redrive", epilog=EXIT_TEXT)
@click.argument("at", metavar="AT...", nargs=-1, required=True)
@click.option("--why", default="redriven by a person", help="What was corrected; kept beside the release.")
@kafka_option
@json_option
def redrive(at: tuple[str, ...], why: str, bootstrap: str | None, as_json: bool) -> int:
    """Send the originals of AT (topic-partition@offset, as `list` names it) to the same input once more.

    The same bytes, key and partition, with the header released_from. Do it when what they died of is corrected. Each
    coordinate is admitted once: a second redrive is refused (`already_released`); if it died again it has a new
    coordinate. Killed in between, give the command again: it looks for the record before it writes one.
    """
    done: list[Json] = []
    try:
        for each, released in _redriven(at, why, bootstrap):
            place = f"{released.place.topic}-{released.place.partition}@{released.offset}"
            done.append({"at": each, "released_at": place, "by_an_earlier_one": released.by_an_earlier_one})
            if not as_json:
                said = " (an earlier command had written it)" if released.by_an_earlier_one else ""
                click.echo(f"{each} is decided again as {place}{said}")
    except MandateError as error:
        if as_json:
            show({"items": done})
        return fail(error, as_json)
    except psycopg.Error as error:
        remedy = "Nothing more was sent. See whether Postgres runs: mandate status."
        return fail(MandateError("postgres", "the list of releases", f"{error}".strip(), remedy), as_json)
    if as_json:
        show({"items": done})
    return 0


@click.group(epilog=EXIT_TEXT)
def dropped() -> None:
    """What deduplication dropped, with its reason and the first sighting."""


@dropped.command("list", epilog=EXIT_TEXT)
@limit_option
@tenant_option
@kafka_option
@json_option
def list_dropped(limit: int, tenant: str | None, bootstrap: str | None, as_json: bool) -> int:
    """List the newest dropped actions, oldest first. `rule` says what told them: the event id or the
    sequence."""
    columns = {
        "when": "appended_at",
        "at": "at",
        "reason": "reason",
        "rule": "rule",
        "actor": "actor",
        "id": "event_id",
    }
    return _list("actions.dropped", limit, tenant, bootstrap, as_json, _dropped, columns, "Nothing was dropped.")


def _list(
    topic: str,
    limit: int,
    tenant: str | None,
    bootstrap: str | None,
    as_json: bool,
    plain: Callable[[Record], Json],
    columns: dict[str, str],
    empty: str,
) -> int:
    from gateway.cli import topics

    try:
        rows = [plain(record) for record in topics.newest(topic, limit, bootstrap)]
    except MandateError as error:
        return fail(error, as_json)
    rows = [row for row in rows if tenant is None or row["tenant"] == tenant]
    if as_json:
        show({"items": rows})
    else:
        table(rows, columns, empty)
    return 0


def _of(at: str, bootstrap: str | None) -> list[tuple[Record, DeadLetter]]:
    """The dead letters of a coordinate, oldest first. Raises MandateError `no_dead_letter`."""
    from gateway.cli.history import every, history

    found = []
    with history(bootstrap, passes=every) as recorded:
        for number in range(recorded.partitions(TOPIC)):
            place = Place(TOPIC, number)
            for record in recorded.read(place, *recorded.bounds(place)):
                letter: DeadLetter = _DEAD.decode(record.value)
                if coordinate(letter) == at:
                    found.append((record, letter))
    if not found:
        raise MandateError(
            "no_dead_letter", at, "there is no dead letter of that coordinate", "See: mandate dead-letters list"
        )
    return sorted(found, key=lambda each: each[0].append_time)


def _redriven(at: Sequence[str], why: str, bootstrap: str | None) -> Iterator[tuple[str, Released]]:
    """Each coordinate's original, released. The newest letter of a coordinate is taken: all have the same original."""
    from gateway.cli.history import every, history
    from gateway.http.run import MIGRATIONS
    from processors.host.once import OnceWriter
    from projections import migrate

    letters = [(each, _of(each, bootstrap)[-1][1]) for each in dict.fromkeys(at)]
    for _, letter in letters:
        check(letter)
    where = connections()
    migrate.apply(where.postgres, MIGRATIONS, "gateway")
    with (
        psycopg.connect(where.postgres, autocommit=True, connect_timeout=5) as connection,
        history(bootstrap, passes=every) as log,
    ):
        writer = OnceWriter(bootstrap or where.kafka, WRITER)
        try:
            releases = Releases(connection, log, writer)
            for each, letter in letters:
                yield each, releases.release(letter, why)
        finally:
            writer.close()


def _whole(letter: DeadLetter) -> Json:
    return {
        "key": None if letter.key is None else letter.key.decode("utf-8", "replace"),
        "headers": {name: value.decode("utf-8", "replace") for name, value in letter.headers.items()},
        "timer": letter.timer,
        "original": None if letter.original is None else letter.original.hex(),
    }


_DEAD = Words(DEAD_LETTERS)
_DROPPED = Words(DROPPED)


def _dead_letter(record: Record) -> Json:
    letter: DeadLetter = _DEAD.decode(record.value)
    return {
        "appended_at": rfc3339(record.append_time),
        "at": f"{letter.topic}-{letter.partition}@{letter.offset}",
        "processor": letter.room,
        "code": letter.code,
        "detail": letter.detail,
        "tenant": letter.tenant,
        "topic": letter.topic,
        "partition": letter.partition,
        "offset": letter.offset,
        "original_length": letter.original_length,
        "original_hash": letter.original_hash,
        "original_start": (letter.original or b"")[:SHOWN_BYTES].hex(),
    }


def _dropped(record: Record) -> Json:
    drop: ActionDropped = _DROPPED.decode(record.value)
    return {
        "appended_at": rfc3339(record.append_time),
        "at": f"{drop.topic}-{drop.partition}@{drop.offset}",
        "tenant": drop.tenant,
        "actor": drop.actor,
        "event_id": ids.text(drop.event_id),
        "reason": drop.reason,
        "rule": drop.rule,
        "topic": drop.topic,
        "partition": drop.partition,
        "offset": drop.offset,
        "first_offset": drop.first_offset,
    }
