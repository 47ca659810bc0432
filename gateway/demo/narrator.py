"""Telling the story to a person: one calm line per thing that was seen. Says only what it is given.

Called by play.py with what was read back; `Silent` is for --json.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import click

from gateway.demo import outcome
from gateway.demo.outcome import Outcome

GREEN, RED, YELLOW, CALM = "green", "red", "yellow", None


class Narrator:
    """Lines on stdout. `clock` gives seconds since the start."""

    def __init__(self) -> None:
        self.clock: Callable[[], float] = lambda: 0.0

    def heading(self, tenant: str, seed: int, url: str, token: str) -> None:
        """Where to look, before anything happens."""
        click.echo()
        click.secho("  Watch it here: ", nl=False, bold=True)
        click.secho(f"{url}/incidents", fg="cyan", underline=True)
        click.echo(f"  Bob's token for the login page: {token}")
        click.secho(f"  Tenant {tenant}, seed {seed}; about 45 seconds.\n", dim=True)

    def say(self, icon: str, text: str, colour: str | None = CALM) -> None:
        """One line: the time since the start, an icon, a sentence."""
        click.secho(f"  {self.clock():5.1f} s  ", dim=True, nl=False)
        click.secho(f"{icon}  {text}", fg=colour)
        sys.stdout.flush()

    def ending(self, done: Outcome, url: str, sentences: Sequence[str]) -> None:
        """The last lines: five sentences, the measure, the address, the accounts, what to try."""
        incident: Mapping[str, Any] = done.incidents[0] if done.incidents else {}
        click.echo()
        for sentence in sentences:
            click.echo(f"  {sentence}")
        click.echo()
        if incident:
            click.secho(f"  {outcome.in_control(incident)}", bold=True)
            click.echo("  It is all there: ", nl=False)
            click.secho(f"{url}/incidents/{incident.get('name')}", fg="cyan", underline=True)
        for case in done.cases:
            click.echo(f"  {case['name']} too: ", nl=False)
            click.secho(f"{url}/cases/{case['name']}", fg="cyan", underline=True)
        accounts = done.accounts
        dropped = ", ".join(f"{count} {reason}" for reason, count in accounts.dropped.items())
        click.echo(
            f"\n  Accounts: {accounts.accepted} accepted = {accounts.timeline_rows} in the timeline + dropped "
            f"({dropped}) + {accounts.dead_letters} dead letter; unaccounted {len(accounts.unaccounted)}"
        )
        click.echo("\n  Try:")
        for command, what in (
            ("mandate incidents show INC-1", "what happened, when, and who was paged"),
            ("mandate case show CASE-1", "who was charged twice, and by which entries of the ledger"),
            ("mandate dead-letters list", "what could not be read, and why"),
        ):
            click.echo("    ", nl=False)
            click.secho(f"{command:<48}", fg="cyan", nl=False)
            click.secho(what, dim=True)
        for sentence in done.missing():
            click.secho(f"  not as written: {sentence}", fg=RED, err=True)


class Silent(Narrator):
    """Says nothing: stdout belongs to the JSON."""

    def heading(self, tenant: str, seed: int, url: str, token: str) -> None:
        """Nothing."""

    def say(self, icon: str, text: str, colour: str | None = CALM) -> None:
        """Nothing."""

    def ending(self, done: Outcome, url: str, sentences: Sequence[str]) -> None:
        """Nothing but what went wrong, on stderr."""
        for sentence in done.missing():
            click.echo(f"not as written: {sentence}", err=True)
