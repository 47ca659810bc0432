"""The commands `observe` and `suggestions list|accept|dismiss`: what may open an incident."""

from __future__ import annotations

import uuid
from pathlib import Path
from urllib.parse import quote

import click

from gateway.cli.access import access, access_options
from gateway.cli.client import QUICK_DEADLINE_S, Client, Json
from gateway.cli.commands import give
from gateway.cli.output import EXIT_TEXT, as_of, json_option, run, show, table
from gateway.cli.reading import cursor_option, limit_option

STATES = ("open", "accepted", "dismissed", "expired", "all")
_COLUMNS = {
    "name": "name",
    "state": "state",
    "confidence": "confidence",
    "resource": "resource",
    "title": "title",
    "why": "why",
    "until": "expires_at",
}


@click.command(epilog=EXIT_TEXT, context_settings={"ignore_unknown_options": True})
@click.argument("name")
@click.argument("value")
@click.option("--resource", required=True, help="What it is measured on.")
@click.option("--actor", help="Who caused it, where that is known.")
@click.option("--unit", help="EUR, rows, …")
@click.option("--time", "at", help="When (RFC 3339); now without it.")
@click.option("--id", "own", help="Your own id: told twice, it is one observation.")
@access_options
@json_option
def observe(
    name: str,
    value: str,
    resource: str,
    actor: str | None,
    unit: str | None,
    at: str | None,
    own: str | None,
    url: str | None,
    token_file: Path | None,
    as_json: bool,
) -> int:
    """Tell that NAME is VALUE (a decimal). A configured threshold decides whether that opens an incident.

    \b
    Example:
      mandate observe spend_eur 812.50 --resource warehouse --actor importer-1 --unit EUR
    """
    body = {"name": name, "value": value, "resource": resource, "actor": actor, "unit": unit, "time": at, "id": own}

    async def work() -> None:
        who = access(url, token_file, "person")
        async with Client(who.url, who.token, deadline_s=QUICK_DEADLINE_S) as client:
            given = {key: each for key, each in body.items() if each is not None}
            _, answer = await client.request("POST", "/v1/observations", body=given)
        if as_json:
            show(answer)
        else:
            click.echo(f"{name} of {resource}: {answer['results'][0]['value']}", err=True)

    return run(work(), as_json)


@click.group(epilog=EXIT_TEXT)
def suggestions() -> None:
    """What may be an incident: list it, and say whether it is one."""


@suggestions.command("list", epilog=EXIT_TEXT)
@click.option("--state", type=click.Choice(STATES), default="open", show_default=True, help="Only these.")
@limit_option
@cursor_option
@access_options
@json_option
def list_suggestions(
    state: str, limit: int, cursor: str | None, url: str | None, token_file: Path | None, as_json: bool
) -> int:
    """List suggestions, the newest first."""

    async def work() -> None:
        who = access(url, token_file, "person")
        async with Client(who.url, who.token, deadline_s=QUICK_DEADLINE_S) as client:
            found = await client.get("/v1/suggestions", state=state, limit=limit, cursor=cursor)
        if as_json:
            show(found)
            return
        rows = [{**item, "why": "; ".join(item["reasons"])} for item in found.get("items") or []]
        table(rows, _COLUMNS, "No suggestions.")
        as_of(found)

    return run(work(), as_json)


@suggestions.command(epilog=EXIT_TEXT)
@click.argument("name", metavar="SUGGESTION")
@click.option("--note", help="What to say with it.")
@access_options
@json_option
def accept(name: str, note: str | None, url: str | None, token_file: Path | None, as_json: bool) -> int:
    """Say that SUGGESTION (SUG-1 or its id) is an incident: it opens one, or joins the one that is open there."""
    return _decide("accept", name, {} if note is None else {"note": note}, url, token_file, as_json)


@suggestions.command(epilog=EXIT_TEXT)
@click.argument("name", metavar="SUGGESTION")
@click.argument("reason")
@access_options
@json_option
def dismiss(name: str, reason: str, url: str | None, token_file: Path | None, as_json: bool) -> int:
    """Say that SUGGESTION (SUG-1 or its id) is no incident, and why (REASON)."""
    return _decide("dismiss", name, {"reason": reason}, url, token_file, as_json)


def _decide(verb: str, name: str, body: Json, url: str | None, token_file: Path | None, as_json: bool) -> int:
    async def work() -> None:
        who = access(url, token_file, "person")
        async with Client(who.url, who.token, deadline_s=QUICK_DEADLINE_S) as client:
            path = f"/v1/suggestions/{quote(name, safe='')}/{verb}"
            answer = await give(client, path, body, str(uuid.uuid4()), verb, name)
        if as_json:
            show(answer)
        else:
            click.echo(f"{verb} {name}: accepted", err=True)

    return run(work(), as_json)
