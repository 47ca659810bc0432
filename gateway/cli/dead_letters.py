"""The commands `dead-letters list` and `dropped list`: what left the map, with its reason, read from its
topic."""

from __future__ import annotations

from collections.abc import Callable

import click

from gateway.cli.client import Json
from gateway.cli.output import EXIT_TEXT, fail, json_option, show, table
from schemas import ids
from schemas.codec import Words
from schemas.envelope import rfc3339
from schemas.errors import MandateError
from schemas.messages.actions import DROPPED, ActionDropped
from schemas.messages.kernel import DEAD_LETTERS, DeadLetter
from schemas.record import Record

# Bytes of an original shown in a listing; the whole is on the topic.
SHOWN_BYTES = 48

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
    return _list("dead.letters", limit, tenant, bootstrap, as_json, _dead_letter, columns, "No dead letters.")


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
