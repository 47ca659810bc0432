"""The commands of the grouping: `incident split|merge|undo|related`. Refusals say why, and what to do."""

from __future__ import annotations

import asyncio
import time
import uuid
from pathlib import Path
from typing import Any
from urllib.parse import quote

import click

from gateway.cli.access import access, access_options
from gateway.cli.client import QUICK_DEADLINE_S, Client, Json, Refused
from gateway.cli.commands import ASK_EVERY_S, give
from gateway.cli.output import EXIT_TEXT, json_option, run, show

# A read model follows the log in well under a second; after that the id must do.
SEEN_S = 5.0
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
    """Make these failures of INCIDENT another one.

    EVENT is the id of a failure: `mandate incidents show INC-1 --events` lists them.
    """
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
            made = await _made(client, found.get("incident_id"))
        if as_json:
            show(found)
        else:
            click.echo(f"{verb} {name}: accepted{f', they are {made} now' if made else ''}", err=True)

    return run(work(), as_json)


async def _made(client: Client, incident_id: str | None) -> str | None:
    """The name of the incident that a split made, once the read model knows it; None without one."""
    end = time.monotonic() + SEEN_S
    while incident_id is not None and time.monotonic() < end:
        try:
            found = await client.get(f"/v1/incidents/{incident_id}")
        except Refused as error:
            if error.status != 404:
                raise
            await asyncio.sleep(ASK_EVERY_S)
        else:
            return str(found["name"])
    return incident_id
