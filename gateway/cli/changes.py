"""The command `changes`: what was changed where by whom, and what exactly."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import quote

import click

from gateway.cli.access import access, access_options
from gateway.cli.client import QUICK_DEADLINE_S, Client
from gateway.cli.output import EXIT_TEXT, as_of, json_option, run, show, table
from gateway.cli.reading import cursor_option, limit_option

_COLUMNS = {"changed": "changed_at", "kind": "kind", "resource": "resource", "by": "actor", "what": "what", "id": "id"}
_SIGNS = {"same": " ", "changed": "~", "removed": "-", "added": "+"}


@click.group(epilog=EXIT_TEXT)
def changes() -> None:
    """List changes, and show what one changed. (`change` tells of one.)"""


@changes.command("list", epilog=EXIT_TEXT)
@click.option("--resource", help="Only those of this resource.")
@click.option("--kind", help="deploy, config, flag, migration or permission.")
@click.option("--actor", help="Only those that this one made.")
@click.option("--since", help="Only those made from this RFC 3339 time on.")
@click.option("--until", help="Only those made before this RFC 3339 time.")
@limit_option
@cursor_option
@access_options
@json_option
def list_changes(
    resource: str | None,
    kind: str | None,
    actor: str | None,
    since: str | None,
    until: str | None,
    limit: int,
    cursor: str | None,
    url: str | None,
    token_file: Path | None,
    as_json: bool,
) -> int:
    """List changes, the newest first."""
    query = {"resource": resource, "kind": kind, "actor": actor, "since": since, "until": until}

    async def work() -> None:
        who = access(url, token_file, "person")
        async with Client(who.url, who.token, deadline_s=QUICK_DEADLINE_S) as client:
            found = await client.get("/v1/changes", **query, limit=limit, cursor=cursor)
        if as_json:
            show(found)
            return
        table([{**item, "what": _what(item)} for item in found.get("items") or []], _COLUMNS, "No changes.")
        as_of(found)

    return run(work(), as_json)


@changes.command("show", epilog=EXIT_TEXT)
@click.argument("change")
@access_options
@json_option
def show_change(change: str, url: str | None, token_file: Path | None, as_json: bool) -> int:
    """Show CHANGE (its id) with its difference line by line: `~` changed, `-` removed, `+` added."""

    async def work() -> None:
        who = access(url, token_file, "person")
        async with Client(who.url, who.token, deadline_s=QUICK_DEADLINE_S) as client:
            found = await client.get(f"/v1/changes/{quote(change, safe='')}")
        if as_json:
            show(found)
            return
        for line in told(found):
            click.echo(line)
        as_of(found)

    return run(work(), as_json)


def told(change: Mapping[str, Any]) -> Iterator[str]:
    """A change as lines of text."""
    yield str(change["text"])
    yield f"  made    {change['changed_at']}"
    difference = change.get("difference")
    if difference is None:
        yield f"  before  {change['before'] or 'not told'}"
        yield f"  after   {change['after'] or 'not told'}"
        return
    for line in difference["lines"]:
        name = f"{line['key']}: " if line["key"] is not None else ""
        values = [v for v in (line["before"], line["after"]) if v is not None]
        value = values[0] if line["op"] == "same" and values else " → ".join(values)
        yield f"  {_SIGNS[line['op']]} {'  ' * line['depth']}{name}{value}".rstrip()
    if difference["cut"]:
        yield f"  and {difference['cut']} more lines"


def _what(item: Mapping[str, Any]) -> str:
    difference = item.get("difference")
    if difference and difference["format"] != "value":
        return f"{difference['changed']} changed, {difference['added']} added, {difference['removed']} removed"
    arrow = " → ".join(part for part in (item.get("before"), item.get("after")) if part)
    return arrow or str(item.get("summary") or "")
