"""The command `send`: actions from options, a file or stdin, through POST /v1/actions."""

from __future__ import annotations

import json
import re
import time
from pathlib import Path
from typing import Any

import click

from gateway.cli.access import access, access_options
from gateway.cli.client import Client, ClientError, Json, batches
from gateway.cli.output import EXIT_TEXT, ReceiptFile, json_option, progress, receipts_option, run, show
from gateway.client import Receipt
from schemas.errors import MandateError

# Refused items, and warnings, shown in full; the count is always whole.
SHOWN_REFUSALS = 10
_PLACE = re.compile(r"\Aactions\[\d+\]\.")


@click.command(epilog=EXIT_TEXT)
@click.argument("file", required=False, type=click.Path(path_type=Path, dir_okay=False, allow_dash=True))
@click.option("--actor", help="Who acted.")
@click.option("--type", "kind", help="What was done, e.g. payments.charge.")
@click.option("--resource", help="On what, e.g. payments-service.")
@click.option("--error", help='It failed: "Type: message".')
@click.option("--idempotency-key", help="Ids are derived from it: sending the same again adds nothing.")
@receipts_option
@access_options
@json_option
def send(
    file: Path | None,
    actor: str | None,
    kind: str | None,
    resource: str | None,
    error: str | None,
    idempotency_key: str | None,
    receipts: Path | None,
    url: str | None,
    token_file: Path | None,
    as_json: bool,
) -> int:
    """Send actions: one from options, or many from FILE (a JSON object, a list, or JSON lines; - is stdin).

    An action without a time gets the time of sending. Prints one receipt a line: event id, topic, partition,
    offset; warnings of receipts (a field that nobody knows) go to stderr.

    \b
    Examples:
      mandate send --actor deployer --type deploy --resource payments-service
      mandate send --actor bot --type charge --resource payments --error "PaymentError: no answer"
      mandate send actions.jsonl --receipts receipts.jsonl
    """

    async def work() -> int:
        actions = _actions(file, actor, kind, resource, error)
        if idempotency_key is not None and len(actions) > len(batches(actions)[0]):
            raise MandateError(
                "too_many_for_one_key",
                "--idempotency-key",
                "the actions do not fit into one request",
                "Give each action an id of its own instead.",
            )
        who = access(url, token_file, "agent")
        async with Client(who.url, who.token) as client:
            await client.knock()
            return await _send(client, actions, idempotency_key, ReceiptFile(receipts), as_json)

    return run(work(), as_json)


async def _send(client: Client, actions: list[Json], key: str | None, out: ReceiptFile, as_json: bool) -> int:
    accepted: list[Receipt] = []
    refused: list[Json] = []
    warned: list[Json] = []
    first = 0
    try:
        with progress(len(actions), "sending") as advance:
            for batch in batches(actions):
                sent = await client.send(batch, key=key)
                got = [sent.receipts[i] for i in sorted(sent.receipts)]
                out.write(got)
                accepted += got
                refused += [{"index": first + i, **sent.problems[i]} for i in sorted(sent.problems)]
                warned += [{"index": first + i, **_own(w)} for i in sorted(sent.warnings) for w in sent.warnings[i]]
                first += len(batch)
                advance(len(batch))
    finally:
        out.close()
    if as_json:
        receipts = [r._asdict() for r in accepted]
        show({"accepted": len(accepted), "refused": refused, "warnings": warned, "receipts": receipts})
    else:
        for receipt in accepted:
            click.echo("\t".join(str(part) for part in receipt))
    _tell("warning", warned)
    _tell("error", refused)
    if refused:
        click.echo(f"{len(accepted)} accepted, {len(refused)} refused", err=True)
    return 1 if refused else 0


def _own(said: Json) -> Json:
    """With the field as the action has it: its place in a request says nothing to who sent a file of many."""
    return {**said, "field": _PLACE.sub("", said["field"])} if said.get("field") else said


def _tell(kind: str, said: list[Json]) -> None:
    """Warnings or refusals for people, each with its action and field."""
    for each in said[:SHOWN_REFUSALS]:
        field = f" ({_own(each)['field']})" if each.get("field") else ""
        click.echo(
            f"{kind}[{each.get('code')}]: action {each['index']}{field}: {each.get('detail')}\n"
            f"{each.get('remedy') or ''}".rstrip(),
            err=True,
        )
    if len(said) > SHOWN_REFUSALS:
        click.echo(f"{len(said) - SHOWN_REFUSALS} more {kind}s", err=True)


def _actions(
    file: Path | None, actor: str | None, kind: str | None, resource: str | None, error: str | None
) -> list[Json]:
    given = {"actor": actor, "type": kind, "resource": resource}
    if file is None:
        missing = [f"--{name}" for name, value in given.items() if value is None]
        if missing:
            raise click.UsageError(
                f"Give FILE, or an action by --actor, --type and --resource ({', '.join(missing)} missing)."
            )
        actions: list[Json] = [dict(given)]
    else:
        text = click.get_text_stream("stdin").read() if str(file) == "-" else _text(file)
        actions = parse_actions(text, str(file))
        for action in actions:
            action.update({name: value for name, value in given.items() if value is not None})
    if error is not None:
        name, _, message = error.partition(":")
        for action in actions:
            action["error"] = {"type": name.strip() or "Error", "message": message.strip()}
    stamp = _now()
    for action in actions:
        # Stamped here: a retry then carries the same time, and so the same derived id.
        action.setdefault("timestamp", stamp)
    return actions


def parse_actions(text: str, name: str) -> list[Json]:
    """Actions of a text: a JSON object, a list, {"actions": […]}, or JSON lines. Raises ClientError
    `not_actions`."""
    try:
        plain: Any = json.loads(text)
    except ValueError:
        plain = []
        for number, line in enumerate(text.splitlines(), 1):
            if line.strip():
                plain.append(_line(line, f"{name}:{number}"))
    if isinstance(plain, dict):
        plain = plain["actions"] if isinstance(plain.get("actions"), list) else [plain]
    if not isinstance(plain, list) or not plain or not all(isinstance(item, dict) for item in plain):
        raise ClientError(
            "not_actions", name, "it holds no JSON objects", 'The smallest is {"actor","type","resource"}.'
        )
    return plain


def _line(line: str, place: str) -> Any:
    try:
        return json.loads(line)
    except ValueError as error:
        raise ClientError("not_actions", place, f"not JSON: {error}", "Correct or remove the line.") from error


def _text(file: Path) -> str:
    try:
        return file.read_text()
    except OSError as error:
        raise ClientError("not_actions", str(file), str(error), "Name a readable file.") from error


def _now() -> int:
    return time.time_ns() // 1_000_000
