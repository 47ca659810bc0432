"""The command `token`: print a token that the local stack keeps, to use with curl or to sign in."""

from __future__ import annotations

from typing import cast

import click

from gateway.cli.access import Kind, access
from gateway.cli.output import EXIT_TEXT, run


@click.command(epilog=EXIT_TEXT)
@click.argument("kind", type=click.Choice(["agent", "person", "operator"]), default="person")
def token(kind: str) -> int:
    """Print the token of an agent, a person (the default) or the operator, as the last demo or `config apply
    --use` left it."""

    async def work() -> None:
        click.echo(access(None, None, cast(Kind, kind)).token)

    return run(work())
