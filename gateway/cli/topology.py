"""The commands `topology plan|apply|show`: topology.yaml against a broker."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import click

from gateway.cli import topology_plan
from gateway.cli.access import write_secret
from gateway.cli.output import EXIT_TEXT, fail, json_option, show
from gateway.cli.topology_plan import Plan
from gateway.local.connections import connections
from gateway.local.paths import find_home
from processors.host.admin import Admin
from schemas import topology as map_
from schemas.errors import MandateError, TopologyError

kafka_option = click.option(
    "--kafka", "bootstrap", help="The broker, host:port. Else MANDATE_KAFKA, else the local stack's."
)
replication_option = click.option(
    "--replication",
    type=click.IntRange(1, 16),
    default=None,
    help="Replicas of topics to be created. Else the broker's default.replication.factor.",
)
file_option = click.option(
    "--file",
    type=click.Path(path_type=Path, dir_okay=False),
    help="The map. Else MANDATE_TOPOLOGY, else topology.yaml.",
)


@click.group(epilog=EXIT_TEXT)
def topology() -> None:
    """The map of topics and processors: compare it with a broker, apply it, draw it."""


@topology.command(epilog=EXIT_TEXT)
@file_option
@kafka_option
@replication_option
@json_option
def plan(file: Path | None, bootstrap: str | None, replication: int | None, as_json: bool) -> int:
    """Show what `apply` would do; changes nothing. Exit code 1 when something would be refused."""
    try:
        difference = _compare(file, bootstrap or connections().kafka, replication)
    except MandateError as error:
        return fail(error, as_json)
    _say(difference, as_json)
    return 1 if difference.refused else 0


@topology.command(epilog=EXIT_TEXT)
@file_option
@kafka_option
@replication_option
@click.option("--yes", is_flag=True, help="Do not ask.")
@json_option
def apply(file: Path | None, bootstrap: str | None, replication: int | None, yes: bool, as_json: bool) -> int:
    """Create missing topics and set differing settings. Harmless when repeated.

    Refused, with nothing changed: another number of partitions (topology_partitions_fixed) or another key
    (topology_key_fixed) of a topic that exists, since records of one key would part. The keys that were
    applied are remembered in .mandate/topology.applied.json.
    """
    broker = bootstrap or connections().kafka
    try:
        difference = _compare(file, broker, replication)
        _say(difference, as_json)
        if difference.refused:
            first = difference.refused[0]
            raise TopologyError(first.code, f"topic {first.topic}", first.why, first.remedy)
        if not difference.empty and not yes:
            _confirm()
        _carry_out(difference, broker)
    except MandateError as error:
        return fail(error, as_json)
    click.echo(f"{len(difference.create)} topics created, {len(difference.alter)} changed on {broker}", err=True)
    return 0


@topology.command("show", epilog=EXIT_TEXT)
@file_option
@json_option
def show_command(file: Path | None, as_json: bool) -> int:
    """Print the map as a Mermaid drawing (with --json: topics, processors and read models as data)."""
    try:
        declared = map_.load(file)
    except MandateError as error:
        return fail(error, as_json)
    if not as_json:
        click.echo(map_.drawing(declared), nl=False)
        return 0
    show(
        {
            "topics": [
                {
                    "name": t.name,
                    "stream": t.stream,
                    "key": t.key,
                    "partitions": t.partitions,
                    "config": t.config,
                    "why": t.why,
                }
                for t in declared.topics.values()
            ],
            "processors": [
                {"name": r.name, "reads": r.input, "writes": dict(r.writes), "changelog": r.changelog}
                for r in declared.rooms.values()
            ],
            "projections": [
                {"name": p.name, "reads": list(p.reads), "store": p.store} for p in declared.projections.values()
            ],
        }
    )
    return 0


def _compare(file: Path | None, broker: str, replication: int | None) -> Plan:
    declared = map_.load(file)
    admin = Admin(broker)
    try:
        found, names = admin.describe(tuple(declared.topics)), admin.names()
    finally:
        admin.close()
    return topology_plan.plan(declared, found, names, _applied_keys(), replication or topology_plan.BROKER_DEFAULT)


def _carry_out(difference: Plan, broker: str) -> None:
    admin = Admin(broker)
    try:
        admin.create(difference.create)
        for change in difference.alter:
            admin.alter(change.topic, {name: value for name, _, value in change.settings})
    finally:
        admin.close()
    write_secret(_applied_file(), json.dumps({"keys": dict(difference.keys)}, indent=1) + "\n")


def _applied_file() -> Path:
    return find_home().directory / "topology.applied.json"


def _applied_keys() -> dict[str, str]:
    try:
        plain = json.loads(_applied_file().read_text())["keys"]
    except (OSError, ValueError, KeyError):
        return {}
    return {str(topic): str(key) for topic, key in plain.items()}


def _say(difference: Plan, as_json: bool) -> None:
    if as_json:
        show(topology_plan.as_json(difference))
        return
    for line in topology_plan.describe(difference):
        click.echo(line)
    if difference.strangers:
        click.echo(f"not ours, left alone: {', '.join(difference.strangers)}", err=True)
    if difference.empty:
        click.echo("the broker has what topology.yaml says", err=True)


def _confirm() -> None:
    if not sys.stdin.isatty():
        raise TopologyError(
            "confirmation_needed",
            "topology apply",
            "nobody is there to be asked",
            "Give --yes, or look first: mandate topology plan.",
        )
    click.confirm("Apply this?", abort=True, err=True)
