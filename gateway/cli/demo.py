"""The command `demo`: plays the story on the running stack and says what came of it."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from gateway.cli import access
from gateway.cli.output import EXIT_TEXT, ReceiptFile, json_option, receipts_option, run, show
from gateway.demo import outcome, shop
from gateway.demo.narrator import Narrator, Silent
from gateway.demo.play import Setting, play
from gateway.demo.setup import Tenant
from gateway.local.connections import connections

# Agents whose token the profile keeps, so that `mandate send` and `mandate import` work after the demo.
PROFILE_AGENT = "data-processor"


@click.command(epilog=EXIT_TEXT)
@click.option("--seed", type=click.IntRange(0), default=7, show_default=True, help="Another seed, another day.")
@click.option("--no-input", is_flag=True, help="Do not ask for Enter; Bob acknowledges.")
@click.option("--kafka", help="The broker, host:port. Else MANDATE_KAFKA, else the local stack's.")
@receipts_option
@access.access_options
@json_option
def demo(
    seed: int,
    no_input: bool,
    kafka: str | None,
    receipts: Path | None,
    url: str | None,
    token_file: Path | None,
    as_json: bool,
) -> int:
    """Watch a story on the running stack (about 45 s): a deploy breaks payments, two people are paged, one
    answers.

    Twelve agents work on a shop through POST /v1/actions. Each run is a tenant of its own (demo-1, demo-2,
    …), made with the operator's token. Everything that is printed was read back. Afterwards the other
    commands speak for this tenant (.mandate/profile.json), as Bob.

    Exit code 0 only if everything came out that must: 1 incident, contained and resolved, with the deploy as its
    likely cause and 1 alert; Alice and Bob paged, nobody else; 1 acknowledgement, 1 RML-3 case of 2 entries, 1
    movement told twice, 1 gap declared, 50 redelivered, 1 dead letter, 1 healed failure, 1 drift alert, 0 unaccounted.
    """
    reader = sys.stdin.isatty() and sys.stdout.isatty() and not (no_input or as_json)
    tell = Silent() if as_json else Narrator()

    async def work() -> int:
        who = access.access(url, token_file, "operator")
        before = access.read_profile()
        setting = Setting(
            who.url, kafka or connections().kafka, who.token, seed, before.tenant if before else None, reader
        )
        out = ReceiptFile(receipts)
        try:
            done = await play(setting, tell, out.write, _remember)
        finally:
            out.close()
        if as_json:
            show(done.document())
        tell.ending(done, who.url, outcome.sentences(done))
        return 1 if done.missing() else 0

    return run(work(), as_json)


def _remember(tenant: Tenant) -> None:
    """The commands that a person tries next speak for this tenant."""
    access.write_profile(
        access.Profile(tenant.name, shop.BOB, tenant.tokens[shop.BOB], PROFILE_AGENT, tenant.tokens[PROFILE_AGENT])
    )
