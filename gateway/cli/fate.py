"""The command `fate`: what became of one action, in a sentence and its places."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import quote

import click

from gateway.cli.access import access, access_options
from gateway.cli.client import QUICK_DEADLINE_S, Client, Json
from gateway.cli.output import EXIT_TEXT, as_of, json_option, run, show, table


@click.command(epilog=EXIT_TEXT)
@click.argument("id_", metavar="ID")
@click.option("--actor", help="Who sent it: needed when ID is the sender's own and no UUID.")
@access_options
@json_option
def fate(id_: str, actor: str | None, url: str | None, token_file: Path | None, as_json: bool) -> int:
    """Say what became of an action: in the timeline, dropped (and where the first is), a dead letter, not known.

    ID is the event id of a receipt, the sender's own id (with --actor), or topic-partition@offset of a record without
    a readable id, as `mandate dead-letters list` shows it.

    \b
    Examples:
      mandate fate 9a3f6c1e-52d0-4d39-8a4e-0c6f5f9b7a11
      mandate fate charge-4711 --actor billing-agent
    """

    async def work() -> None:
        who = access(url, token_file, "person")
        async with Client(who.url, who.token, deadline_s=QUICK_DEADLINE_S) as client:
            found = await client.get(f"/v1/actions/{quote(id_, safe='')}/fate", actor=actor)
        if as_json:
            show(found)
            return
        click.echo(f"{found['fate']}: {found['text']}")
        if found.get("session"):
            click.echo(numbers(found["session"]))
        rows = places(found)
        if rows:
            click.echo()
            table(rows, {"what": "what", "when": "when", "at": "at", "why": "why", "first": "first"}, "")
        as_of(found)

    return run(work(), as_json)


def numbers(session: Json) -> str:
    """The session's mark in a line."""
    open_ = sum(last - first + 1 for first, last in session["open"])
    more = f", {open_} below it not seen" if open_ else ""
    floor = f"; below {session['floor']} nothing is known" if session["floor"] else ""
    return f"its number {session['sequence']}: {session['standing']}; highest passed {session['highest']}{more}{floor}"


def places(found: Json) -> list[Json]:
    """Every sighting of an answer as a row, in the order of its kinds."""
    rows = [_row("accepted", each, each["appended_at"], None) for each in found["accepted"]]
    rows += [_row("admitted", each, each["appended_at"], ",".join(each["flags"])) for each in found["admitted"]]
    for each in found["dropped"]:
        first = None if each["first"] is None else _at(each["first"])
        rows.append(
            _row("dropped", each, each["dropped_at"], f"{each['reason']}, by {each['rule']}") | {"first": first}
        )
    rows += [_row("dead letter", each, each["set_aside_at"], each["code"]) for each in found["dead_letters"]]
    if found["timeline"] is not None:
        rows.append(_row("timeline", found["timeline"], found["timeline"]["appended_at"], None))
    return rows


def _row(what: str, each: Json, when: str, why: str | None) -> Json:
    return {"what": what, "when": when, "at": _at(each), "why": why or None, "first": None}


def _at(each: Json) -> str:
    return f"{each['topic']}-{each['partition']}@{each['offset']}"
