"""The commands of people who work together: `incident false-alarm|postmortem|escalate|mute|join|leave|handoff|rollback|
communicate|commander|approve|decline`. Refusals say why, and what is allowed.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import quote

import click

from gateway.cli.access import access, access_options
from gateway.cli.client import QUICK_DEADLINE_S, Client, Json
from gateway.cli.commands import give
from gateway.cli.output import EXIT_TEXT, json_option, run, show

note_option = click.option("--note", help="What to say with it.")
name_argument = click.argument("name", metavar="INCIDENT")
WAITS = "approval_requested"


def add(group: click.Group) -> None:
    """Put these commands into `mandate incident`."""
    for verb, about in _PLAIN.items():
        group.add_command(_plain(verb, about))
    for command in (postmortem, mute, handoff, rollback, communicate, commander, approve, decline):
        group.add_command(command)


_PLAIN = {
    "false-alarm": "Say that nothing is wrong with INCIDENT: paging stops.",
    "escalate": "Ask for others on INCIDENT: the next ones of the policy are paged now.",
    "join": "Help with INCIDENT; ask its primary before you act.",
    "leave": "Help with INCIDENT no more.",
}


def _plain(verb: str, about: str) -> click.Command:
    def command(name: str, note: str | None, url: str | None, token_file: Path | None, as_json: bool) -> int:
        return _say(verb, name, {"note": note}, url, token_file, as_json)

    decorated: Callable[..., int] = command
    for option in (json_option, access_options, note_option, name_argument):
        decorated = option(decorated)
    return click.command(verb, help=about, epilog=EXIT_TEXT)(decorated)


@click.command(epilog=EXIT_TEXT)
@name_argument
@click.option("--link", help="Where its document is (http or https).")
@note_option
@access_options
@json_option
def postmortem(
    name: str, link: str | None, note: str | None, url: str | None, token_file: Path | None, as_json: bool
) -> int:
    """Begin the postmortem of INCIDENT, or name its document."""
    return _say("postmortem", name, {"link": link, "note": note}, url, token_file, as_json)


@click.command(epilog=EXIT_TEXT)
@name_argument
@click.option("--minutes", type=click.IntRange(1, 1_440), default=10, show_default=True, help="For how long.")
@note_option
@access_options
@json_option
def mute(name: str, minutes: int, note: str | None, url: str | None, token_file: Path | None, as_json: bool) -> int:
    """Be told of no further errors of INCIDENT for a while. Pages are sent all the same."""
    return _say("mute", name, {"minutes": minutes, "note": note}, url, token_file, as_json)


@click.command(epilog=EXIT_TEXT)
@name_argument
@click.argument("person")
@note_option
@access_options
@json_option
def handoff(name: str, person: str, note: str | None, url: str | None, token_file: Path | None, as_json: bool) -> int:
    """Make PERSON the primary of INCIDENT. Only the primary may, or the incident commander."""
    return _say("handoff", name, {"to": person, "note": note}, url, token_file, as_json)


@click.command(epilog=EXIT_TEXT)
@name_argument
@click.option("--change", "change_id", help="The change's id; the likely cause without it.")
@note_option
@access_options
@json_option
def rollback(
    name: str, change_id: str | None, note: str | None, url: str | None, token_file: Path | None, as_json: bool
) -> int:
    """Ask that a change be undone for INCIDENT; nothing is undone by this. Only the primary may, or the commander."""
    return _say("rollback", name, {"change_id": change_id, "note": note}, url, token_file, as_json)


@click.command(epilog=EXIT_TEXT)
@name_argument
@click.argument("text")
@note_option
@access_options
@json_option
def communicate(name: str, text: str, note: str | None, url: str | None, token_file: Path | None, as_json: bool) -> int:
    """Say what stakeholders are to be told of INCIDENT: TEXT. Nothing is sent by this."""
    return _say("communicate", name, {"text": text, "note": note}, url, token_file, as_json)


@click.command(epilog=EXIT_TEXT)
@name_argument
@click.argument("person", required=False)
@click.option("--release", is_flag=True, help="Nobody is incident commander any more.")
@note_option
@access_options
@json_option
def commander(
    name: str,
    person: str | None,
    release: bool,
    note: str | None,
    url: str | None,
    token_file: Path | None,
    as_json: bool,
) -> int:
    """Make PERSON incident commander of INCIDENT: rollback, communication and severity need that word then."""
    if release == (person is not None):
        raise click.UsageError("Name a PERSON, or --release.")
    if release:
        return _say("release-commander", name, {"note": note}, url, token_file, as_json)
    return _say("commander", name, {"commander": person, "note": note}, url, token_file, as_json)


@click.command(epilog=EXIT_TEXT)
@name_argument
@click.argument("number", type=click.IntRange(1))
@click.option("--role", help="The role that you sign in, where you have several.")
@note_option
@access_options
@json_option
def approve(
    name: str,
    number: int,
    role: str | None,
    note: str | None,
    url: str | None,
    token_file: Path | None,
    as_json: bool,
) -> int:
    """Agree to approval NUMBER of INCIDENT (see `mandate incidents show`)."""
    return _say("approve", name, {"approval": number, "role": role, "note": note}, url, token_file, as_json)


@click.command(epilog=EXIT_TEXT)
@name_argument
@click.argument("number", type=click.IntRange(1))
@click.option("--role", help="The role that you answer in, where you have several.")
@note_option
@access_options
@json_option
def decline(
    name: str,
    number: int,
    role: str | None,
    note: str | None,
    url: str | None,
    token_file: Path | None,
    as_json: bool,
) -> int:
    """Do not agree to approval NUMBER of INCIDENT; who asked may take it back."""
    return _say("decline", name, {"approval": number, "role": role, "note": note}, url, token_file, as_json)


def together(incident: Mapping[str, Any]) -> dict[str, str]:
    """Who works on an incident, and what waits, as lines of its summary; empty where nobody does."""
    out = {}
    joined = ", ".join(str(one["person"]) for one in incident.get("participants") or ())
    if joined:
        out["joined"] = f"{joined} (ask {incident.get('primary') or 'nobody: there is no primary'} before acting)"
    if incident.get("commander"):
        out["commander"] = str(incident["commander"])
    for one in incident.get("approvals") or ():
        if one["state"] == "pending":
            what = one["what"] or one["text"] or one["severity"]
            who = " and ".join(one["missing"] or one["signers"])
            out[f"waits {one['approval']}"] = f"{one['action']} ({what}), asked by {one['asked_by']}, for {who}"
    if incident.get("postmortem_due_at"):
        out["postmortem"] = f"begins by itself at {incident['postmortem_due_at']}"
    elif incident.get("postmortem_link"):
        out["postmortem"] = str(incident["postmortem_link"])
    return out


def _say(verb: str, name: str, body: Json, url: str | None, token_file: Path | None, as_json: bool) -> int:
    given = {key: value for key, value in body.items() if value is not None}

    async def work() -> None:
        who = access(url, token_file, "person")
        async with Client(who.url, who.token, deadline_s=QUICK_DEADLINE_S) as client:
            path = f"/v1/incidents/{quote(name, safe='')}/{verb}"
            answer = await give(client, path, given, str(uuid.uuid4()), verb, name)
        if as_json:
            show(answer)
        elif WAITS in answer["reasons"]:
            click.echo(f"{verb} {name}: it waits for those who must agree (mandate incidents show {name})", err=True)
        else:
            click.echo(f"{verb} {name}: accepted", err=True)

    return run(work(), as_json)
