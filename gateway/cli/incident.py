"""The commands `incident assign|contain|reopen|close|severity`, `report` and `change`. Refusals say why."""

from __future__ import annotations

import uuid
from pathlib import Path
from urllib.parse import quote

import click

from gateway.cli import correcting, responding
from gateway.cli.access import access, access_options
from gateway.cli.attribution import causes
from gateway.cli.catalog import blast
from gateway.cli.client import QUICK_DEADLINE_S, Client, Json
from gateway.cli.commands import give
from gateway.cli.output import EXIT_TEXT, json_option, run, show

SEVERITIES = ("SEV1", "SEV2", "SEV3", "SEV4")
note_option = click.option("--note", help="What to say with it.")


@click.group(epilog=EXIT_TEXT)
def incident() -> None:
    """Move an incident, and work on it together. (`ack` and `resolve` are commands of their own.)"""


responding.add(incident)
correcting.add(incident)


@incident.command(epilog=EXIT_TEXT)
@click.argument("name", metavar="INCIDENT")
@click.argument("person")
@note_option
@access_options
@json_option
def assign(name: str, person: str, note: str | None, url: str | None, token_file: Path | None, as_json: bool) -> int:
    """Give INCIDENT to PERSON; to yourself it is an acknowledgement."""
    return _move("assign", name, {"assignee": person, "note": note}, url, token_file, as_json)


@incident.command(epilog=EXIT_TEXT)
@click.argument("name", metavar="INCIDENT")
@note_option
@access_options
@json_option
def contain(name: str, note: str | None, url: str | None, token_file: Path | None, as_json: bool) -> int:
    """Say that INCIDENT does no more harm; its cause may still be there."""
    return _move("contain", name, {"note": note}, url, token_file, as_json)


@incident.command(epilog=EXIT_TEXT)
@click.argument("name", metavar="INCIDENT")
@note_option
@access_options
@json_option
def reopen(name: str, note: str | None, url: str | None, token_file: Path | None, as_json: bool) -> int:
    """Say that INCIDENT is not over: people are paged again."""
    return _move("reopen", name, {"note": note}, url, token_file, as_json)


@incident.command(epilog=EXIT_TEXT)
@click.argument("name", metavar="INCIDENT")
@note_option
@access_options
@json_option
def close(name: str, note: str | None, url: str | None, token_file: Path | None, as_json: bool) -> int:
    """Say that nothing is left to do about INCIDENT."""
    return _move("close", name, {"note": note}, url, token_file, as_json)


@incident.command(epilog=EXIT_TEXT)
@click.argument("name", metavar="INCIDENT")
@click.argument("level", metavar="SEVERITY", type=click.Choice(SEVERITIES, case_sensitive=False))
@note_option
@access_options
@json_option
def severity(name: str, level: str, note: str | None, url: str | None, token_file: Path | None, as_json: bool) -> int:
    """Set the SEVERITY of INCIDENT, up or down."""
    return _move("severity", name, {"severity": level.upper(), "note": note}, url, token_file, as_json)


incident.add_command(blast)
incident.add_command(causes)


@click.command(epilog=EXIT_TEXT)
@click.argument("resource")
@click.argument("what")
@click.option("--severity", "level", type=click.Choice(SEVERITIES), help="How bad it is.")
@click.option("--since", help="When it began (RFC 3339).")
@access_options
@json_option
def report(
    resource: str,
    what: str,
    level: str | None,
    since: str | None,
    url: str | None,
    token_file: Path | None,
    as_json: bool,
) -> int:
    """Report that something is wrong with RESOURCE: WHAT, in your words. It pages people."""
    body = {"resource": resource, "what": what, "severity": level, "since": since}
    return _tell("/v1/reports", body, "report", resource, url, token_file, as_json)


@click.command(epilog=EXIT_TEXT)
@click.argument("kind", type=click.Choice(("deploy", "config", "flag", "migration", "permission")))
@click.argument("resource")
@click.option("--before", help="What it was; @FILE takes a file's text.")
@click.option("--after", help="What it is; @FILE takes a file's text.")
@click.option("--summary", help="What changed, in a line.")
@click.option("--at", help="When (RFC 3339); now without it.")
@click.option("--by", help="Who changed it; you without it.")
@click.option("--id", "own", help="Your own id: told twice, it is one change.")
@access_options
@json_option
def change(
    kind: str,
    resource: str,
    before: str | None,
    after: str | None,
    summary: str | None,
    at: str | None,
    by: str | None,
    own: str | None,
    url: str | None,
    token_file: Path | None,
    as_json: bool,
) -> int:
    """Tell of a change of RESOURCE, which may be the cause of what fails after it."""
    body = {"kind": kind, "resource": resource, "before": _text(before), "after": _text(after), "summary": summary}
    body |= {"at": at, "by": by, "id": own}
    return _tell("/v1/changes", body, "change", resource, url, token_file, as_json)


def _text(given: str | None) -> str | None:
    """A text, or of `@FILE` the file's."""
    if given is None or not given.startswith("@"):
        return given
    try:
        return Path(given[1:]).read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise click.BadParameter(f"{given[1:]} cannot be read as text: {error}") from error


def _move(verb: str, name: str, body: Json, url: str | None, token_file: Path | None, as_json: bool) -> int:
    return _tell(f"/v1/incidents/{quote(name, safe='')}/{verb}", body, verb, name, url, token_file, as_json)


def _tell(path: str, body: Json, what: str, about: str, url: str | None, token_file: Path | None, as_json: bool) -> int:
    given = {key: value for key, value in body.items() if value is not None}
    # An id of the sender's is the identity; a key of the request would hide it.
    key = f"change {given['id']}" if "id" in given else str(uuid.uuid4())

    async def work() -> None:
        who = access(url, token_file, "person")
        async with Client(who.url, who.token, deadline_s=QUICK_DEADLINE_S) as client:
            answer = await give(client, path, given, key, what, about)
        if as_json:
            show(answer)
        elif responding.WAITS in answer.get("reasons", ()):
            click.echo(f"{what} {about}: it waits for those who must agree", err=True)
        else:
            click.echo(f"{what} {about}: accepted", err=True)

    return run(work(), as_json)
