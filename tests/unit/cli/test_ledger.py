"""`mandate ledger verify` finds every break that hashes can show, and those that a kept hash can."""

from __future__ import annotations

from typing import Any

import pytest
from click.testing import CliRunner

from gateway.cli.ledger import Verification, describe, ledger
from processors.rml import DECIDER
from schemas.ledger import shown
from schemas.messages.rml import EffectEntered
from tests.support.desk import TENANT, Desk
from tests.support.rml_words import charge

Item = dict[str, Any]


@pytest.fixture
def items() -> list[Item]:
    """Five entries as the door shows them."""
    desk = Desk(DECIDER)
    told = [desk.tell(charge(n, counterparty=f"customer-{n}")).the(EffectEntered) for n in range(5)]
    hashes = [{"previous_hash": e.previous_hash.hex(), "hash": e.hash.hex(), "observations": 1} for e in told]
    return [shown(e) | h for e, h in zip(told, hashes, strict=True)]


def verified(items: list[Item], name: str = TENANT, **kept: Any) -> Item:
    check = Verification(**kept)
    head = {"number": items[-1]["number"], "hash": items[-1]["hash"]} if items else None
    for at in range(0, len(items), 2):
        check.page({"ledger": name, "items": items[at : at + 2], "head": head})
    return check.result()


def test_a_whole_ledger_verifies_over_its_pages(items: list[Item]) -> None:
    found = verified(items)
    assert (found["ok"], found["entries"], found["hash"], found["broken_at"]) == (True, 5, items[-1]["hash"], None)


def test_a_ledger_without_entries_verifies() -> None:
    assert verified([]) == {"ok": True, "entries": 0, "hash": None, "broken_at": None, "why": None}


@pytest.mark.parametrize("name", ["amount", "actor", "counterparty", "at", "id", "hash", "previous_hash"])
def test_a_changed_member_is_found_at_its_entry(items: list[Item], name: str) -> None:
    items[2][name] = "changed"
    found = verified(items)
    assert (found["ok"], found["broken_at"], found["entries"]) == (False, 3, 2)


def test_a_telling_more_is_no_break(items: list[Item]) -> None:
    items[2]["observations"] = 7
    assert verified(items)["ok"]


def test_an_entry_taken_out_moved_or_put_in_is_found(items: list[Item]) -> None:
    assert verified([*items[:2], *items[3:]])["broken_at"] == 3
    assert verified([items[1], items[0], *items[2:]])["broken_at"] == 1
    assert verified([*items[:2], items[1], *items[2:]])["broken_at"] == 3


def test_another_tenants_ledger_does_not_pass_for_ones_own(items: list[Item]) -> None:
    assert verified(items, "other")["broken_at"] == 1


def test_a_member_that_is_missing_is_a_break(items: list[Item]) -> None:
    del items[0]["currency"]
    assert verified(items)["broken_at"] == 1


def test_entries_that_end_before_the_head_are_a_break(items: list[Item]) -> None:
    check = Verification()
    check.page({"ledger": TENANT, "items": items[:3], "head": {"number": 5, "hash": items[4]["hash"]}})
    assert check.result()["broken_at"] == 4


def test_a_hash_that_was_kept_shows_a_cut_tail_and_a_ledger_written_anew(items: list[Item]) -> None:
    assert verified(items, expect_entry=4, expect_hash=items[3]["hash"])["ok"]
    assert verified(items[:3], expect_entry=4, expect_hash=items[3]["hash"])["broken_at"] == 4
    other = Desk(DECIDER)
    anew = other.tell(charge(9)).the(EffectEntered)
    forged = shown(anew) | {"previous_hash": anew.previous_hash.hex(), "hash": anew.hash.hex()}
    assert verified([forged])["ok"]
    assert verified([forged], expect_entry=1, expect_hash=items[0]["hash"])["broken_at"] == 1


def test_a_kept_hash_needs_its_number() -> None:
    done = CliRunner().invoke(ledger, ["verify", "--expect-entry", "3"])
    assert done.exit_code == 2
    assert "belong together" in done.output


def test_a_case_in_words() -> None:
    lines = describe({"name": "CASE-1", "why": "twice", "world": "RML3", "state": "open", "opened_at": "now"})
    assert lines[:2] == ["CASE-1", "  why     twice"]
