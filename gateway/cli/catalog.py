"""The commands `catalog show|export` and `incident blast`."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import click

from gateway.cli.access import access, access_options
from gateway.cli.client import QUICK_DEADLINE_S, Client, Json
from gateway.cli.output import EXIT_TEXT, json_option, run, show, table


@click.group(epilog=EXIT_TEXT)
def catalog() -> None:
    """The service catalog: what there is, who owns it, what depends on what."""


@catalog.command("show", epilog=EXIT_TEXT)
@click.argument("service", required=False)
@click.option("--owner", help="Only services of this team or person.")
@access_options
@json_option
def show_catalog(
    service: str | None, owner: str | None, url: str | None, token_file: Path | None, as_json: bool
) -> int:
    """Show SERVICE (its id, or a resource of it), or without one the whole catalog."""

    async def work() -> None:
        who = access(url, token_file, "person")
        async with Client(who.url, who.token, deadline_s=QUICK_DEADLINE_S) as client:
            if service is not None:
                found = await client.get(f"/v1/catalog/{quote(service, safe='')}")
            else:
                found = await client.get("/v1/catalog", owner=owner, limit=1_000)
        if as_json:
            show(found)
        elif service is not None:
            for line in _service(found):
                click.echo(line)
        else:
            _whole(found)

    return run(work(), as_json)


@click.command("blast", epilog=EXIT_TEXT)
@click.argument("incident")
@access_options
@json_option
def blast(incident: str, url: str | None, token_file: Path | None, as_json: bool) -> int:
    """Show what INCIDENT may have hit, whose it is, and who is called."""

    async def work() -> None:
        who = access(url, token_file, "person")
        async with Client(who.url, who.token, deadline_s=QUICK_DEADLINE_S) as client:
            found = await client.get(f"/v1/incidents/{quote(incident, safe='')}/blast-radius")
        if as_json:
            show(found)
            return
        for line in radius_lines(found):
            click.echo(line)

    return run(work(), as_json)


_WORDS = {"direct": "DIRECT", "downstream": "DOWNSTREAM", "possibly": "POSSIBLY AFFECTED"}


def radius_lines(found: Json) -> Iterator[str]:
    """A blast radius as a tree of lines."""
    yield f"{found.get('incident')} on {found.get('resource')}"
    numbers: Json = found.get("numbers") or {}
    words = ("failed_actions", "affected", "actors", "sessions", "effects")
    yield ", ".join(f"{numbers.get(name)} {name.replace('_', ' ')}" for name in words)
    nodes: list[Json] = found.get("nodes") or []
    if not nodes:
        reasons = found.get("reasons") or ["there is no catalog; see `mandate catalog import`"]
        yield f"What else it may have hit is not known: {'; '.join(reasons)}."
    for relation, word in _WORDS.items():
        for node in (n for n in nodes if n["relation"] == relation):
            how = "" if node["via"] is None else f"  {'calls' if node['calls'] else 'is called by'} {node['via']}"
            whose = f"  owner {node['owner']}" if node["owner"] else "  nobody owns it"
            odd = "" if node["declared"] else "  (not in the catalog)"
            yield f"  {word:<18}{'  ' * node['depth']}{node['service']}{how}{whose}{odd}"
    if found.get("cut"):
        yield f"  and {found['cut']} more"
    if found.get("circle"):
        yield f"  a circle: {', '.join(found['circle'])}"
    graph = found.get("owner_graph")
    if graph:
        yield from _owners(graph)


def _service(found: Json) -> Iterator[str]:
    yield f"{found['id']}  ({found['kind']})  {found['name']}"
    for name in ("owner", "tier", "system"):
        if found.get(name):
            yield f"  {name}: {found[name]}"
    for name in ("resources", "sources"):
        if found.get(name):
            yield f"  {name}: {', '.join(found[name])}"
    for name, word in (("calls", "calls"), ("called_by", "called by")):
        near = [f"{n['id']}{'' if n['declared'] else ' (not in the catalog)'}" for n in found.get(name) or []]
        yield f"  {word}: {', '.join(near) or 'nothing'}"
    if found.get("circle"):
        yield f"  a circle: {', '.join(found['circle'])}"
    yield from _owners(found["owners"])


def _owners(graph: dict[str, Any]) -> Iterator[str]:
    for box in graph["boxes"]:
        odd = "" if box["known"] else "  (unknown)"
        yield f"  {box['role']:<8}{box['name']}{odd}"
    path = " → ".join(graph["escalation_path"]) or "nobody"
    yield f"  escalation path: {path}  (from {graph['path_from']})"


def _whole(found: Json) -> None:
    counts: Json = found["counts"]
    said = ", ".join(f"{number} {name.replace('_', ' ')}" for name, number in counts.items())
    click.echo(f"version {found['version']}: {said}", err=True)
    columns = {"service": "id", "kind": "kind", "owner": "owner", "tier": "tier", "depends on": "needs"}
    rows = [{**s, "needs": ", ".join(s["depends_on"])} for s in found["items"]]
    table(rows, columns, "No services: see `mandate catalog import`.")
    for odd in found["unknown_dependencies"]:
        click.echo(f"{odd['service']} depends on {odd['depends_on']}, which nobody declared", err=True)
    for circle in found["cycles"]:
        click.echo(f"a circle: {', '.join(circle)}", err=True)
    if found["next"]:
        click.echo("There are more; see --json and GET /v1/catalog?cursor=…", err=True)
