"""The commands of the grouping: `incident split|merge|undo|related`. Refusals say why, and what to do."""

from __future__ import annotations

import uuid
from pathlib import Path
from typing import Any
from urllib.parse import quote

import click

from gateway.cli.access import access, access_options
from gateway.cli.client import QUICK_DEADLINE_S, Client, Json
from gateway.cli.commands import give
from gateway.cli.output import EXIT_TEXT, json_option, run, show

name_argument = click.argument("name", metavar="INCIDENT")
reason_option = click.option("--reason", required=True, help="Why; it is kept with the correction.")


def add(group: click.Group) -> None:
    """Put these commands into `mandate incident`."""
    for command in (split, merge, undo, related):
        group.add_command(command)


@click.command(epilog=EXIT_TEXT)
@name_argument
@click.argument("events", nargs=-1, required=True, metavar="EVENT...")
@reason_option
@access_options
@json_option
def split(
    name: str, events: tuple[str, ...], reason: str, url: str | None, token_file: Path | None, as_json: bool
) -> int:
    """Make these failures of INCIDENT another one. EVENT is an `event_id` of its timeline."""
    return _say("split", name, {"events": list(events), "reason": reason}, url, token_file, as_json)


@click.command(epilog=EXIT_TEXT)
@name_argument
@click.option("--into", required=True, help="The incident that keeps its name (INC-1 or its id).")
@reason_option
@access_options
@json_option
def merge(name: str, into: str, reason: str, url: str | None, token_file: Path | None, as_json: bool) -> int:
    """Say that INCIDENT is the same as another one: it becomes an alias of that."""
    return _say("merge", name, {"into": into, "reason": reason}, url, token_file, as_json)


@click.command(epilog=EXIT_TEXT)
@name_argument
@reason_option
@access_options
@json_option
def undo(name: str, reason: str, url: str | None, token_file: Path | None, as_json: bool) -> int:
    """Take back the last split or merge of INCIDENT; what came since is decided anew."""
    return _say("undo", name, {"reason": reason}, url, token_file, as_json)


@click.command(epilog=EXIT_TEXT)
@name_argument
@access_options
@json_option
def related(name: str, url: str | None, token_file: Path | None, as_json: bool) -> int:
    """List the incidents that may be related to INCIDENT, with why."""

    async def work() -> None:
        who = access(url, token_file, "person")
        async with Client(who.url, who.token, deadline_s=QUICK_DEADLINE_S) as client:
            _, found = await client.request("GET", f"{_path(name)}/related")
        if as_json:
            show(found)
        elif not found["items"]:
            click.echo(f"Nothing seems related to {found['incident']}.")
        for item in () if as_json else found["items"]:
            click.echo(f"{item['name']}  {item['score']:4}  {item['state']:13} {item['title']}")
            for reason in item["reasons"]:
                click.echo(f"{'':14}{reason}")

    return run(work(), as_json)


def _path(name: str) -> str:
    return f"/v1/incidents/{quote(name, safe='')}"


def _say(verb: str, name: str, body: dict[str, Any], url: str | None, token_file: Path | None, as_json: bool) -> int:
    async def work() -> None:
        who = access(url, token_file, "person")
        async with Client(who.url, who.token, deadline_s=QUICK_DEADLINE_S) as client:
            found: Json = await give(client, f"{_path(name)}/{verb}", body, str(uuid.uuid4()), verb, name)
        if as_json:
            show(found)
        else:
            click.echo(f"{verb} {name}: accepted", err=True)

    return run(work(), as_json)
