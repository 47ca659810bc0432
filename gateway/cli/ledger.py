"""The commands `case list|show` and `ledger verify`: what has become history, and whether its record is whole."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import quote

import click

from gateway.cli.access import access, access_options
from gateway.cli.client import QUICK_DEADLINE_S, Client, Json
from gateway.cli.output import EXIT_FAILED, EXIT_TEXT, as_of, json_option, run, show, table
from gateway.cli.reading import cursor_option, limit_option, shown_world
from schemas.ledger import GENESIS, entry_hash

PAGE = 1_000
_ENTRIES = {
    "entry": "number",
    "when": "event_time",
    "actor": "actor",
    "what": "kind",
    "amount": "amount",
    "currency": "currency",
    "with": "counterparty",
    "reference": "external_reference",
    "told": "observations",
    "hash": "short",
}


@click.group(epilog=EXIT_TEXT)
def case() -> None:
    """List and show RML cases: suspected second charges, and what its own label calls history."""


@case.command("list", epilog=EXIT_TEXT)
@click.option("--state", type=click.Choice(["open"]), help="Only cases in this state.")
@limit_option
@cursor_option
@access_options
@json_option
def list_cases(
    state: str | None, limit: int, cursor: str | None, url: str | None, token_file: Path | None, as_json: bool
) -> int:
    """List cases, newest first."""

    async def work() -> None:
        who = access(url, token_file, "person")
        async with Client(who.url, who.token, deadline_s=QUICK_DEADLINE_S) as client:
            answer = await client.get("/v1/cases", state=state, limit=limit, cursor=cursor)
        if as_json:
            show(answer)
            return
        items = answer.get("items") or []
        rows = [dict(x) | {"about": ",".join(_places(x)) or None, "shown_world": shown_world(x)} for x in items]
        columns = {"case": "name", "world": "shown_world", "size": "size", "state": "state", "opened": "opened_at"}
        columns |= {"entries": "about", "incident": "incident"}
        table(rows, columns | {"why": "why"}, "No cases.")
        as_of(answer)

    return run(work(), as_json)


@case.command("show", epilog=EXIT_TEXT)
@click.argument("case")
@access_options
@json_option
def show_case(case: str, url: str | None, token_file: Path | None, as_json: bool) -> int:
    """Show CASE (CASE-1 or its id) and the entries of the ledger that it names."""

    async def work() -> None:
        who = access(url, token_file, "person")
        async with Client(who.url, who.token, deadline_s=QUICK_DEADLINE_S) as client:
            found = await client.get(f"/v1/cases/{quote(case, safe='')}")
        if as_json:
            show(found)
            return
        for line in describe(found):
            click.echo(line)
        click.echo()
        rows = [dict(e) | {"short": str(e.get("hash"))[:12]} for e in found.get("entries") or []]
        table(rows, _ENTRIES, "It names no entry of the ledger: the action had no effect.")
        as_of(found)

    return run(work(), as_json)


def describe(found: Mapping[str, Any]) -> list[str]:
    """A case as lines of text."""
    facts = {
        "why": found.get("why"),
        "world": shown_world(found),
        "size": f"{found.get('size') or 'not known'} ({found.get('size_why')})",
        "state": found.get("state"),
        "opened": found.get("opened_at"),
        "on": found.get("resource"),
        "in": found.get("incident") or "no incident",
        "by": found.get("actor"),
    }
    return [str(found.get("name")), *(f"  {name:<7} {value}" for name, value in facts.items())]


def _places(item: Json) -> list[str]:
    return [str(entry.get("number")) for entry in item.get("entries") or []]


# --- the ledger -------------------------------------------------------------------------------------------------------


@click.group(epilog=EXIT_TEXT)
def ledger() -> None:
    """The tenant's ledger of effects."""


@ledger.command("verify", epilog=EXIT_TEXT)
@click.option("--expect-entry", type=click.IntRange(1), help="An entry whose hash you kept elsewhere …")
@click.option("--expect-hash", help="… and that hash (64 hexadecimal digits): a ledger written anew has another one.")
@access_options
@json_option
def verify_ledger(
    expect_entry: int | None, expect_hash: str | None, url: str | None, token_file: Path | None, as_json: bool
) -> int:
    """Read the whole ledger and recompute every hash; exit 1 at the first break.

    Hashes alone do not show a tail that was cut off, nor a ledger that was written anew from its beginning: keep the
    last number and hash somewhere else, and give them the next time.
    """
    if (expect_entry is None) != (expect_hash is None):
        raise click.UsageError("--expect-entry and --expect-hash belong together")

    async def work() -> int:
        who = access(url, token_file, "person")
        check = Verification(expect_entry, (expect_hash or "").lower())
        async with Client(who.url, who.token, deadline_s=QUICK_DEADLINE_S) as client:
            cursor: str | None = None
            while not check.broken:
                answer = await client.get("/v1/ledger", limit=PAGE, cursor=cursor)
                check.page(answer)
                cursor = answer.get("next")
                if cursor is None or not answer.get("items"):
                    break
        found = check.result()
        if as_json:
            show(found)
        elif check.broken:
            click.echo(f"BROKEN at entry {found['broken_at']}: {found['why']}", err=True)
        else:
            click.echo(f"{found['entries']} entries verified; the last hash is {found['hash']}")
        return EXIT_FAILED if check.broken else 0

    return run(work(), as_json)


@dataclass
class Verification:
    """The running hash over the pages of `/v1/ledger`, without trust in what they say. Pure."""

    expect_entry: int | None = None
    expect_hash: str = ""
    entries: int = 0
    previous: bytes = field(default=GENESIS)
    head: Json | None = None
    broken: bool = False
    why: str | None = None

    def page(self, answer: Json) -> None:
        """Take the next page."""
        self.head = answer.get("head")
        for item in answer.get("items") or []:
            self._entry(str(answer.get("ledger")), item)
            if self.broken:
                return

    def _entry(self, name: str, item: Json) -> None:
        number = self.entries + 1
        if item.get("number") != number:
            self._break(f"entry {number} is missing: {item.get('number')} follows {self.entries}")
        elif item.get("previous_hash") != self.previous.hex():
            self._break("its previous hash is not that of the entry before it")
        else:
            try:
                computed = entry_hash(self.previous, name, item)
            except KeyError as error:
                self._break(f"it has no member {error}")
                return
            if item.get("hash") != computed.hex():
                self._break(f"its content gives {computed.hex()}, it says {item.get('hash')}")
            elif number == self.expect_entry and computed.hex() != self.expect_hash:
                self._break(f"its hash is {computed.hex()}, you kept {self.expect_hash}")
            else:
                self.entries, self.previous = number, computed

    def _break(self, why: str) -> None:
        self.broken, self.why = True, why

    def result(self) -> Json:
        """What was found: {ok, entries, hash, broken_at, why}. `hash` is that of the last entry that verified."""
        if not self.broken and self.expect_entry is not None and self.entries < self.expect_entry:
            self._break(f"the ledger ends at {self.entries}, you kept the hash of {self.expect_entry}")
        if not self.broken and (self.head or {"number": 0}).get("number") != self.entries:
            self._break(f"the ledger's head is {self.head}, and its entries end at {self.entries}")
        return {
            "ok": not self.broken,
            "entries": self.entries,
            "hash": self.previous.hex() if self.entries else None,
            "broken_at": self.entries + 1 if self.broken else None,
            "why": self.why,
        }
