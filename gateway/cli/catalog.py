"""The commands `catalog import|show|export` and `incident blast`."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import click
import yaml

from gateway.catalog.importing import Given, Options, import_files
from gateway.cli.access import access, access_options
from gateway.cli.client import QUICK_DEADLINE_S, Client, Json
from gateway.cli.config import configuration_path, confirm, in_force, show_difference
from gateway.cli.output import EXIT_TEXT, json_option, run, show, table

# A large catalog is checked, compared and written: some seconds of a busy machine.
IMPORT_DEADLINE_S = 60.0
ODD_LINES = 20


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


@catalog.command("export", epilog=EXIT_TEXT)
@click.option("--tenant", required=True, help="Whose catalog.")
@access_options
@json_option
def export_catalog(tenant: str, url: str | None, token_file: Path | None, as_json: bool) -> int:
    """Print the catalog as YAML that `catalog import` reads (with --json as JSON)."""

    async def work() -> None:
        who = access(url, token_file, "operator")
        async with Client(who.url, who.token, deadline_s=QUICK_DEADLINE_S) as client:
            found = await in_force(client, tenant)
        document = (found.get("documents") or {}).get("catalog") or {}
        if as_json:
            show(document)
        else:
            click.echo(yaml.safe_dump(document, sort_keys=False, allow_unicode=True), nl=False)

    return run(work(), as_json)


@catalog.command("import", epilog=EXIT_TEXT)
@click.argument("files", nargs=-1, required=True, type=click.Path(path_type=Path, dir_okay=False, exists=True))
@click.option("--tenant", required=True, help="Whose catalog.")
@click.option("--repo", default="", metavar="ORG/NAME", help="The repository of a CODEOWNERS file.")
@click.option(
    "--repo-service",
    "folders",
    multiple=True,
    metavar="FOLDER=SERVICE",
    help="A folder of the repository is this service. Any number of times.",
)
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.option("-n", "--dry-run", is_flag=True, help="Check and show the difference, change nothing.")
@access_options
@json_option
def import_catalog(
    files: tuple[Path, ...],
    tenant: str,
    repo: str,
    folders: tuple[str, ...],
    yes: bool,
    dry_run: bool,
    url: str | None,
    token_file: Path | None,
    as_json: bool,
) -> int:
    """Make FILES the catalog: services, owners, dependencies. It replaces the one in force.

    Read are Backstage's catalog-info.yaml, manifests of Kubernetes or what `kubectl get -o json` writes, CODEOWNERS of
    GitHub, and our own YAML. Where they disagree our own is kept, then Backstage, GitHub, Kubernetes, and each
    disagreement is listed. A file that cannot be read refuses all of them; the catalog in force stays.

    \b
    Example:
      kubectl get deploy,sts,svc -A -o json > cluster.json
      mandate catalog import --tenant shop services.yaml catalog-info.yaml cluster.json
    """
    given = [Given(str(file), file.read_bytes()) for file in files]

    async def work() -> int:
        found = import_files(given, Options(repo, _folders(folders)))
        report = found.report()
        who = access(url, token_file, "operator")
        async with Client(who.url, who.token, deadline_s=IMPORT_DEADLINE_S) as client:
            before = await in_force(client, tenant)
            body: Json = {
                "documents": {"catalog": found.document},
                "expected": {"catalog": (before.get("versions") or {}).get("catalog", 0)},
            }
            _, checked = await client.request("PUT", configuration_path(tenant), body=body | {"dry_run": True})
            changed = checked.get("changed") or []
            if not as_json:
                _report(report)
                show_difference(changed, 0)
            if not dry_run and changed and not yes:
                confirm(tenant)
            answer = checked
            if not dry_run and changed:
                _, answer = await client.request("PUT", configuration_path(tenant), body=body)
        version = (answer.get("versions") or {}).get("catalog")
        if as_json:
            show(report | {"changed": answer.get("changed"), "version": version, "dry_run": dry_run})
        elif not dry_run:
            done = f"version {version} of the catalog is accepted" if changed else "the catalog is as it was"
            click.echo(f"{done} ({tenant})", err=True)
        return 0

    return run(work(), as_json)


def _folders(given: tuple[str, ...]) -> dict[str, str]:
    out = {}
    for each in given:
        folder, equals, service = each.partition("=")
        if not equals or not service:
            raise click.BadParameter(f"{each!r} is not FOLDER=SERVICE", param_hint="--repo-service")
        out[folder] = service
    return out


def _report(report: Json) -> None:
    """What an import found, for people: the odd things one a line, at most ODD_LINES of each kind."""
    counts: Json = report["counts"]
    click.echo(
        ", ".join(f"{counts[name]} {name}" for name in ("services", "dependencies", "teams", "people")), err=True
    )
    lines: dict[str, list[str]] = {
        "conflicts": [
            f"{c['about']}: {c['field']} is {c['kept']} ({c['kept_from']}), not {c['other']} ({c['other_from']})"
            for c in report["conflicts"]
        ],
        "unknown_dependencies": [
            f"{u['service']} depends on {u['depends_on']}, which nobody declared"
            for u in report["unknown_dependencies"]
        ],
        "unknown_owners": [
            f"{u['service']} is owned by {u['owner']}, neither a team nor a person" for u in report["unknown_owners"]
        ],
        "unowned": [f"{name} is owned by nobody" for name in report["unowned"]],
        "cycles": [f"a circle: {', '.join(circle)}" for circle in report["cycles"]],
    }
    for name, said in lines.items():
        for line in said[:ODD_LINES]:
            click.echo(line, err=True)
        if counts[name] > ODD_LINES:
            click.echo(f"… {counts[name] - ODD_LINES} more {name.replace('_', ' ')} (--json)", err=True)
    if report["skipped"]:
        said_of = ", ".join(f"{number} {kind}" for kind, number in sorted(report["skipped"].items()))
        click.echo(f"passed by, since they tell of no service: {said_of}", err=True)


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
