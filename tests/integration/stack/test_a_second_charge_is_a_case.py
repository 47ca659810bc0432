"""Effects in at the door; an RML case and a ledger that verifies out. A refund told twice is no case."""

from __future__ import annotations

import asyncio
import json
import re
from pathlib import Path
from typing import Any

from gateway.demo.pager import Pager
from gateway.local.paths import CHECKOUT
from tests.support.fix_whole import Whole
from tests.support.tenants import work
from tests.support.waiting import auntil

SEEN_S = 60.0


def moved(kind: str, reference: str | None, actor: str) -> dict[str, Any]:
    """An action that moves 49.00 EUR."""
    effect = {
        "kind": kind,
        "amount": "4900",
        "currency": "EUR",
        "counterparty": "customer-17",
        "reversibility": "compensable",
    }
    if reference is not None:
        effect["external_reference"] = reference
    return work("orders/8812", actor=actor, effect=effect)


async def test_two_charges_are_one_case_and_a_refund_told_twice_is_none(
    stack: Whole, pager: Pager, tmp_path: Path
) -> None:
    tenant = await stack.tenant("charges", pager)
    async with tenant.client() as agent, tenant.client("alice") as alice:
        first = moved("charge", "ch_1", "checkout-helper-1")
        refund = moved("refund", "re_77", "refund-bot")
        # One after the other: the ledger is in the order of the log, and this test reads it in its own.
        for action in (first, refund, moved("refund", "re_77", "provider-webhook")):
            await agent.send([action])
        await agent.send([moved("charge", "ch_2", "checkout-helper-2")])

        async def opened() -> list[Any]:
            found: list[Any] = (await alice.get("/v1/cases", state="open"))["items"]
            return found

        cases = await auntil(opened, SEEN_S, "the case of the second charge")

        async def entered() -> list[Any]:
            items: list[Any] = (await alice.get("/v1/ledger"))["items"]
            told = sum(entry["observations"] for entry in items)
            return items if told == 4 else []

        entries = await auntil(entered, SEEN_S, "four tellings in the ledger")
        one = await alice.get("/v1/cases/CASE-1")
    assert [(c["name"], c["world"], c["reason"]) for c in cases] == [("CASE-1", "RML3", "second_charge")]
    charges = [e for e in entries if e["kind"] == "charge"]
    (refunded,) = [e for e in entries if e["kind"] == "refund"]
    assert refunded["observations"] == 2
    assert sorted(e["external_reference"] for e in charges) == ["ch_1", "ch_2"]
    assert one["entries"] == charges
    assert (one["counterparty"], one["amount"], one["currency"]) == ("customer-17", "4900", "EUR")
    await told_by_commands(stack, tmp_path, tenant.tokens["alice"])


def verified_by_hand(url: str, token: str) -> tuple[int, str]:
    """What an auditor gets who runs the program of docs/ledger.md."""
    (program,) = re.findall(r"```python\n(.*?)```", (CHECKOUT / "docs" / "ledger.md").read_text(), re.DOTALL)
    names: dict[str, Any] = {}
    exec(program, names)
    found: tuple[int, str] = names["verify"](url, token)
    return found


async def told_by_commands(stack: Whole, directory: Path, token: str) -> None:
    """The same through `mandate`."""
    secret = directory / "token"
    secret.write_text(token)
    with_token = ("--token-file", str(secret))
    verified = await stack.arun("ledger", "verify", "--json", *with_token)
    assert verified.code == 0, verified.err
    found = json.loads(verified.out)
    assert (found["ok"], found["entries"]) == (True, 3)
    assert await asyncio.to_thread(verified_by_hand, stack.url, token) == (3, found["hash"])
    wrong = await stack.arun("ledger", "verify", "--expect-entry", "3", "--expect-hash", "0" * 64, *with_token)
    assert wrong.code == 1
    assert "BROKEN at entry 3" in wrong.err
    listed = await stack.arun("case", "list", *with_token)
    assert "CASE-1" in listed.out
    shown = await stack.arun("case", "show", "CASE-1", *with_token)
    assert "came twice within 24 h" in shown.out
    assert "ch_2" in shown.out
