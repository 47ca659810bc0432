"""The commands `review list|release|confirm` and `dependency list|status`."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import quote

import click

from gateway.cli.access import access, access_options
from gateway.cli.client import QUICK_DEADLINE_S, Client, Json
from gateway.cli.commands import give
from gateway.cli.output import EXIT_TEXT, as_of, json_option, run, show, table
from gateway.cli.reading import cursor_option, limit_option

VERDICTS = ("open", "released", "confirmed")
KINDS = ("suspicious_volume", "possible_attack", "possible_credential_stuffing", "unusual_behaviour")


@click.group(epilog=EXIT_TEXT)
def review() -> None:
    """What was flagged: floods, possible attacks, unusual actors. Flagged is not dropped: every action is kept."""


@review.command("list", epilog=EXIT_TEXT)
@click.option("--verdict", type=click.Choice(VERDICTS), help="Only these; open: nobody has looked yet.")
@click.option("--kind", type=click.Choice(KINDS), help="Only these.")
@limit_option
@cursor_option
@access_options
@json_option
def list_reviews(
    verdict: str | None,
    kind: str | None,
    limit: int,
    cursor: str | None,
    url: str | None,
    token_file: Path | None,
    as_json: bool,
) -> int:
    """List what was flagged, newest first."""

    async def work() -> None:
        who = access(url, token_file, "person")
        async with Client(who.url, who.token, deadline_s=QUICK_DEADLINE_S) as client:
            found = await client.get("/v1/review", verdict=verdict, kind=kind, limit=limit, cursor=cursor)
        if as_json:
            show(found)
            return
        columns = {"id": "id", "kind": "kind", "actor": "actor", "state": "state", "verdict": "verdict"}
        columns |= {"began": "started_at", "limited until": "limited_until", "evidence": "evidence"}
        table(found.get("items") or [], columns, "Nothing was flagged.")
        as_of(found)

    return run(work(), as_json)


@review.command("release", epilog=EXIT_TEXT)
@click.argument("name", metavar="ID")
@click.option("--note", help="Why.")
@access_options
@json_option
def release(name: str, note: str | None, url: str | None, token_file: Path | None, as_json: bool) -> int:
    """Say that ID is harmless: the gateway limits nothing for it any more."""
    return _tell(
        f"/v1/review/{quote(name, safe='')}/release", {"note": note}, "release", name, url, token_file, as_json
    )


@review.command("confirm", epilog=EXIT_TEXT)
@click.argument("name", metavar="ID")
@click.option("--note", help="Why.")
@access_options
@json_option
def confirm(name: str, note: str | None, url: str | None, token_file: Path | None, as_json: bool) -> int:
    """Say that ID is what it seems: for a time nothing of it passes the gateway."""
    return _tell(
        f"/v1/review/{quote(name, safe='')}/confirm", {"note": note}, "confirm", name, url, token_file, as_json
    )


@click.group(epilog=EXIT_TEXT)
def dependency() -> None:
    """External dependencies: how often they fail, and whether somebody said that they are degraded."""


@dependency.command("list", epilog=EXIT_TEXT)
@access_options
@json_option
def list_dependencies(url: str | None, token_file: Path | None, as_json: bool) -> int:
    """List dependencies, with their rates in words."""

    async def work() -> None:
        who = access(url, token_file, "person")
        async with Client(who.url, who.token, deadline_s=QUICK_DEADLINE_S) as client:
            found = await client.get("/v1/dependencies")
        if as_json:
            show(found)
            return
        rows = [line for item in found.get("items") or [] for line in _lines(item)]
        columns = {"dependency": "name", "region": "region", "state": "state", "since": "since", "what": "words"}
        table(rows, columns, "No dependency has failed, and none was said to be degraded.")
        as_of(found)

    return run(work(), as_json)


def _lines(item: Mapping[str, Any]) -> list[dict[str, Any]]:
    rates = [
        {
            "name": item["name"],
            "state": "elevated" if rate["elevated"] else "normal",
            "since": rate["at"],
            "words": rate["words"],
        }
        for rate in item.get("rates") or []
    ]
    states = [
        {
            "name": item["name"],
            "region": state["region"] or None,
            "state": state["state"],
            "since": state["since"],
            "words": f"told by {state['source']}",
        }
        for state in item.get("states") or []
    ]
    return rates + states


@dependency.command("status", epilog=EXIT_TEXT)
@click.argument("name")
@click.argument("status", type=click.Choice(("degraded", "recovered")))
@click.option("--region", help="Where, for example us-east-1.")
@click.option("--since", help="Since when (RFC 3339); now without it.")
@click.option("--until", help="Until when, if that is known (RFC 3339).")
@click.option("--source", help="Where you know it from, for example its status page.")
@click.option("--note", help="What to say with it.")
@access_options
@json_option
def status_of(
    name: str,
    status: str,
    region: str | None,
    since: str | None,
    until: str | None,
    source: str | None,
    note: str | None,
    url: str | None,
    token_file: Path | None,
    as_json: bool,
) -> int:
    """Say that the dependency NAME is degraded, or has recovered."""
    body = {"status": status, "region": region, "since": since, "until": until, "source": source, "note": note}
    path = f"/v1/dependencies/{quote(name, safe='')}/status"
    return _tell(path, body, f"{status}", name, url, token_file, as_json)


def _tell(
    path: str, given: Mapping[str, Any], what: str, about: str, url: str | None, token_file: Path | None, as_json: bool
) -> int:
    body: Json = {name: value for name, value in given.items() if value is not None}

    async def work() -> None:
        who = access(url, token_file, "person")
        async with Client(who.url, who.token, deadline_s=QUICK_DEADLINE_S) as client:
            answer = await give(client, path, body, str(uuid.uuid4()), what, about)
        if as_json:
            show(answer)
        else:
            click.echo(f"{about}: {what}", err=True)

    return run(work(), as_json)
