"""The commands that read `/v1`: `incidents list|show`, `timeline`, `pages`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import groupby
from pathlib import Path
from typing import Any
from urllib.parse import quote

import click

from gateway.cli.access import access, access_options
from gateway.cli.client import QUICK_DEADLINE_S, Client, Json
from gateway.cli.output import EXIT_TEXT, as_of, json_option, run, show, table
from gateway.cli.responding import together
from projections.incidents.phrases import count

cursor_option = click.option("--cursor", help="Go on where the answer before ended.")
limit_option = click.option(
    "--limit", type=click.IntRange(1, 1_000), default=50, show_default=True, help="At most so many."
)


@click.group(epilog=EXIT_TEXT)
def incidents() -> None:
    """List and show incidents."""


@incidents.command("list", epilog=EXIT_TEXT)
@click.option("--state", help="open, resolved, or one state such as investigating.")
@click.option("--world", help="RML-1, RML-2 or RML-3.")
@click.option("--resource", help="Only those of this resource.")
@click.option("--service", help="Only those of this service of the catalog.")
@click.option("--owner", help="Only those whose service this team or person owns.")
@click.option("--actor", help="Only those that a failure of this actor opened.")
@click.option("--assignee", help="Only those that this person has.")
@click.option("--since", help="Only those opened from this RFC 3339 time on.")
@click.option("--until", help="Only those opened before this RFC 3339 time.")
@click.option("--text", "words", help="Words of the title, the error, the resource or people.")
@limit_option
@cursor_option
@access_options
@json_option
def list_incidents(
    state: str | None,
    world: str | None,
    resource: str | None,
    service: str | None,
    owner: str | None,
    actor: str | None,
    assignee: str | None,
    since: str | None,
    until: str | None,
    words: str | None,
    limit: int,
    cursor: str | None,
    url: str | None,
    token_file: Path | None,
    as_json: bool,
) -> int:
    """List incidents, newest first."""
    columns = {
        "incident": "name",
        "severity": "severity",
        "state": "state",
        "world": "shown_world",
        "resource": "resource",
        "opened": "opened_at",
        "failures": "failures",
        "affected": "affected_count",
        "who": "assignee",
        "what": "title",
    }
    asked = world and world.upper().replace("-", "")
    query = {"state": state, "world": asked, "limit": limit, "cursor": cursor, "resource": resource, "actor": actor}
    query |= {"service": service, "owner": owner, "assignee": assignee, "since": since, "until": until, "q": words}
    return _list("/v1/incidents", query, columns, "No incidents.", url, token_file, as_json)


@incidents.command("show", epilog=EXIT_TEXT)
@click.argument("incident")
@click.option("--events", is_flag=True, help="Every failure with its id, as `incident split` takes it; nothing else.")
@access_options
@json_option
def show_incident(incident: str, events: bool, url: str | None, token_file: Path | None, as_json: bool) -> int:
    """Show one incident (INC-1 or its id): summary, intervention times, what happened, and who was paged."""

    async def work() -> None:
        who = access(url, token_file, "person")
        async with Client(who.url, who.token, deadline_s=QUICK_DEADLINE_S) as client:
            found = await client.get(f"/v1/incidents/{quote(incident, safe='')}")
            story = await client.get(f"/v1/incidents/{quote(incident, safe='')}/timeline", limit=1_000)
            pages_ = await client.get("/v1/pages", incident=str(found.get("name") or incident), limit=1_000)
        if as_json:
            show({**found, "timeline": story.get("items"), "pages": pages_.get("items")})
            return
        if events:
            failed = [e for e in story.get("items") or [] if e.get("kind") in FAILURES and e.get("event_id")]
            table(failed, {"at": "at", "actor": "actor", "event": "event_id", "what failed": "text"}, "No failures.")
            return
        for line in describe(found):
            click.echo(line)
        click.echo()
        happened = condensed(story.get("items") or [])
        table(happened, {"at": "at", "what happened": "text"}, "Nothing is written about it yet.")
        click.echo()
        table([_row(page) for page in pages_.get("items") or []], _PAGES, "Nobody was paged.")
        as_of(found)

    return run(work(), as_json)


@click.command(epilog=EXIT_TEXT)
@click.option("--actor", help="Only this actor's actions.")
@click.option("--resource", help="Only actions on this resource.")
@click.option("--since", help="Only actions that arrived from this RFC 3339 time on.")
@click.option("--oldest", is_flag=True, help="Oldest first instead of newest first.")
@limit_option
@cursor_option
@access_options
@json_option
def timeline(
    actor: str | None,
    resource: str | None,
    since: str | None,
    oldest: bool,
    limit: int,
    cursor: str | None,
    url: str | None,
    token_file: Path | None,
    as_json: bool,
) -> int:
    """Show what agents did, newest first."""
    columns = {
        "time": "timestamp",
        "actor": "actor",
        "type": "type",
        "resource": "resource",
        "failed": "failed",
        "flags": "flags",
        "id": "event_id",
    }
    query = {
        "actor": actor,
        "resource": resource,
        "since": since,
        "order": "arrival" if oldest else "newest",
        "limit": limit,
        "cursor": cursor,
    }
    return _list("/v1/timeline", query, columns, "No actions.", url, token_file, as_json)


FAILURES = ("IncidentOpened", "SignalAttached")
_PAGES = {
    "requested": "requested_at",
    "incident": "incident",
    "to": "person",
    "channel": "via",
    "step": "place",
    "outcome": "outcome",
    "acknowledged": "acknowledged_at",
    "why": "why",
}


@click.command(epilog=EXIT_TEXT)
@click.option("--incident", help="Only pages of this incident (INC-1).")
@limit_option
@cursor_option
@access_options
@json_option
def pages(
    incident: str | None, limit: int, cursor: str | None, url: str | None, token_file: Path | None, as_json: bool
) -> int:
    """Show who was paged, on which channel, and what came of it."""
    query = {"incident": incident, "limit": limit, "cursor": cursor}
    return _list("/v1/pages", query, _PAGES, "Nobody was paged.", url, token_file, as_json)


def describe(incident: Mapping[str, Any]) -> list[str]:
    """The summary of an incident as lines of text."""
    times = (incident.get("intervention") or {}).get("seconds") or {}
    failed = count(int(incident.get("failures") or 0), "failure")
    facts = {
        "what": incident.get("title"),
        "on": incident.get("resource"),
        "state": incident.get("state"),
        "severity": f"{incident.get('severity')} ({incident.get('severity_reason') or 'by configuration'})",
        "since": incident.get("first_failure_at"),
        "impact": f"{failed}, {incident.get('affected_count')} affected",
        "on it": incident.get("assignee") or "nobody yet",
        "world": f"{shown_world(incident)}: {incident.get('world_why')}",
        "seconds": ", ".join(f"{name} {value}" for name, value in times.items() if value is not None) or "-",
    }
    facts |= together(incident)
    return [str(incident.get("name")), *(f"  {name:<9} {value}" for name, value in facts.items())]


def shown_world(item: Mapping[str, Any]) -> str:
    """`RML-3`, as people say it."""
    return str(item.get("world") or "-").replace("RML", "RML-")


def condensed(items: Sequence[Json]) -> list[Json]:
    """What happened with runs of failures alike as one line: the last of them, and how many they were."""
    out: list[Json] = []
    for kind, group in groupby(items, key=lambda item: item.get("kind")):
        run_ = list(group)
        if kind == "SignalAttached" and len(run_) > 1:
            run_ = [{**run_[-1], "text": f"{run_[-1].get('text')} ({len(run_)} alike)"}]
        out += run_
    return out


def _list(
    path: str,
    query: Mapping[str, str | int | None],
    columns: dict[str, str],
    empty: str,
    url: str | None,
    token_file: Path | None,
    as_json: bool,
) -> int:
    async def work() -> None:
        who = access(url, token_file, "person")
        async with Client(who.url, who.token, deadline_s=QUICK_DEADLINE_S) as client:
            answer = await client.get(path, **query)
        if as_json:
            show(answer)
            return
        table([_row(item) for item in answer.get("items") or []], columns, empty)
        as_of(answer)

    return run(work(), as_json)


def _row(item: Json) -> Json:
    """An item with the few texts that a table shows and the API does not have."""
    row = dict(item)
    row["shown_world"] = shown_world(item)
    if isinstance(item.get("error"), dict):
        row["failed"] = item["error"].get("type")
    if isinstance(item.get("channel"), dict):
        row["via"] = f"{item['channel'].get('kind')} {item['channel'].get('address') or ''}".strip()
        row["place"] = f"{item.get('step')}/{item.get('steps')} round {item.get('round')}/{item.get('rounds')}"
    return row
