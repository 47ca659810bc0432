"""The commands `ack` and `resolve`: a person takes an incident, a person ends it. Refusals say why."""

from __future__ import annotations

import asyncio
import time
import uuid
from collections.abc import Mapping
from pathlib import Path
from typing import Literal
from urllib.parse import quote

import click

from gateway.cli.access import access, access_options
from gateway.cli.client import QUICK_DEADLINE_S, Client, ClientError, Json
from gateway.cli.output import EXIT_TEXT, json_option, run, show

# The processor answers in under a second; a restore after a crash takes up to 2.5 s, a killed broker up to 14
# s.
ANSWER_SECONDS = 30.0
ASK_EVERY_S = 0.2


@click.command(epilog=EXIT_TEXT)
@click.argument("incident")
@click.option("--note", help="What to say with it.")
@click.option("--channel", help="Where you said so (slack, phone, …).")
@click.option("--reference", help="The message's own id there.")
@access_options
@json_option
def ack(
    incident: str,
    note: str | None,
    channel: str | None,
    reference: str | None,
    url: str | None,
    token_file: Path | None,
    as_json: bool,
) -> int:
    """Acknowledge INCIDENT (INC-1 or its id): you are on it, and escalation stops."""
    more = {"channel": channel, "reference": reference}
    return _command("acknowledge", incident, note, url, token_file, as_json, more)


@click.command(epilog=EXIT_TEXT)
@click.argument("incident")
@click.option("--note", help="What was done.")
@access_options
@json_option
def resolve(incident: str, note: str | None, url: str | None, token_file: Path | None, as_json: bool) -> int:
    """Resolve INCIDENT (INC-1 or its id): it is over."""
    return _command("resolve", incident, note, url, token_file, as_json)


async def decide(
    client: Client, what: Literal["acknowledge", "contain", "resolve"], incident: str, note: str | None, key: str
) -> Json:
    """Give a command under an idempotency key and wait for its answer. Raises Refused, Unreachable,
    ClientError."""
    body = {} if note is None else {"note": note}
    return await give(client, f"/v1/incidents/{quote(incident, safe='')}/{what}", body, key, what, incident)


async def give(client: Client, path: str, body: Json, key: str, what: str, about: str) -> Json:
    """Send a command and wait for its answer. Raises Refused, Unreachable, ClientError."""
    status, answer = await client.request("POST", path, body=body, key=key)
    end = time.monotonic() + ANSWER_SECONDS
    while status == 202 or answer.get("state") == "pending":
        if time.monotonic() > end:
            raise ClientError(
                "command_unanswered",
                f"{what} {about}",
                f"no answer within {ANSWER_SECONDS:.0f} s; it is on the log and will be decided",
                "Look again: mandate incidents list",
            )
        address = str(answer.get("command") or path)
        await asyncio.sleep(ASK_EVERY_S)
        status, found = await client.request("GET", address)
        answer = {**found, "command": address}
    if answer.get("code") != "accepted":
        raise ClientError(
            str(answer.get("code")),
            f"{what} {about}",
            str(answer.get("why") or "; ".join(answer.get("reasons") or []) or "it was refused"),
            str(answer.get("remedy") or "Look at its state: mandate incidents list"),
        )
    return answer


def _command(
    what: Literal["acknowledge", "resolve"],
    incident: str,
    note: str | None,
    url: str | None,
    token_file: Path | None,
    as_json: bool,
    more: Mapping[str, str | None] | None = None,
) -> int:
    body = {key: value for key, value in {"note": note, **(more or {})}.items() if value is not None}

    async def work() -> None:
        who = access(url, token_file, "person")
        async with Client(who.url, who.token, deadline_s=QUICK_DEADLINE_S) as client:
            path = f"/v1/incidents/{quote(incident, safe='')}/{what}"
            answer = await give(client, path, body, str(uuid.uuid4()), what, incident)
        if as_json:
            show(answer)
        else:
            click.echo(f"{incident} {what}d", err=True)

    return run(work(), as_json)
