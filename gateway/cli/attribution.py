"""The command `incident causes`: what may have caused it, why we think so, and what one could do."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import click

from gateway.cli.access import access, access_options
from gateway.cli.client import QUICK_DEADLINE_S, Client, Json
from gateway.cli.output import EXIT_TEXT, json_option, run, show

_INDENT = "    "


@click.command("causes", epilog=EXIT_TEXT)
@click.argument("incident")
@click.option("--all", "everything", is_flag=True, help="Also those below 50 %.")
@access_options
@json_option
def causes(incident: str, everything: bool, url: str | None, token_file: Path | None, as_json: bool) -> int:
    """Show what may have caused INCIDENT, the best first, why we think so, and what one could do."""

    async def work() -> None:
        who = access(url, token_file, "person")
        async with Client(who.url, who.token, deadline_s=QUICK_DEADLINE_S) as client:
            found = await client.get(f"/v1/incidents/{quote(incident, safe='')}/causes")
        if as_json:
            show(found)
            return
        for line in lines(found, everything=everything):
            click.echo(line)

    return run(work(), as_json)


def lines(found: Json, *, everything: bool) -> Iterator[str]:
    """The causes as lines of text."""
    yield f"{found['incident']}: {found['kind'].replace('_', ' ')}, {found['said'] or 'not weighed yet'}"
    for cause in found["ranked"]:
        if cause["collapsed"] and not everything:
            continue
        arrow = " → ".join(part for part in (cause["before"], cause["after"]) if part)
        what = " ".join(part for part in (cause["kind"], arrow) if part)
        yield f"  [{cause['badge'].upper()} {cause['percent']}%] {what} of {cause['resource']} by {cause['actor']}"
        for part in cause["parts"]:
            yield f"{_INDENT}{part['points']:+4d}  {part['why']}"
    folded = sum(bool(cause["collapsed"]) for cause in found["ranked"])
    if folded and not everything:
        yield f"  {folded} below 50 %; --all shows them"
    if not found["ranked"]:
        yield from (f"  {reason}" for reason in found["reasons"])
    if found["tied"]:
        yield f"  A tie: {found['tied']} more with about as many points."
    for write in found["writes"]:
        yield f"  {write['kind']} by {write['actor']} at {write['written_at']}: {write['why']}"
    if found["warning"]:
        yield f"  Warning: {found['warning']}."
    for advice in found["advice"]:
        given = ", ".join(f"{name} {value}" for name, value in advice["parameters"].items())
        yield f"  One could {advice['action'].replace('_', ' ')}{f' ({given})' if given else ''}: {advice['why']}."
