"""Cases and the ledger on a real Postgres: the shapes of /v1, pages without loss, and hashes that verify."""

from __future__ import annotations

import psycopg
import pytest

from gateway.cli.ledger import Verification
from projections.cases import queries
from projections.errors import BadRequest
from projections.postgres import scoped
from tests.integration.projections.tenants import fill, pool_of


@pytest.fixture
async def pool(tables):
    fill(tables)
    opened = await pool_of(tables)
    yield opened
    await opened.close()


async def test_a_case_names_the_entries_of_a_suspected_second_charge(pool):
    async with scoped(pool, "shop") as scope:
        found = await queries.cases(scope)
        one = await queries.case(scope, "case-1")
        assert one is not None
        same = await queries.case(scope, one["id"])
        assert await queries.case(scope, "CASE-3") is None
        assert await queries.case(scope, "INC-1") is None
        assert await queries.cases(scope, state="open") == found
    assert [c["name"] for c in found["items"]] == ["CASE-2", "CASE-1"]
    assert same == one
    assert found["items"][1] | {"as_of": one["as_of"]} == one
    assert (one["number"], one["world"], one["state"], one["reason"]) == (1, "RML3", "open", "second_charge")
    assert (one["resource"], one["counterparty"], one["amount"], one["currency"]) == (
        "orders/8812",
        "customer-17",
        "4900",
        "EUR",
    )
    named = [(e["number"], e["actor"], e["external_reference"], e["observations"]) for e in one["entries"]]
    assert named == [
        (1, "checkout-helper-1", "ch_0", 2),
        (3, "checkout-helper-2", "ch_3", 1),
        (4, "checkout-helper-1", None, 1),
    ]
    assert (one["entries_count"], one["incident_id"]) == (3, None)
    label = found["items"][0]
    assert (label["reason"], label["entries"], label["labels"]) == ("label", [], {"world": "RML3", "action": None})


async def test_cases_and_entries_come_in_pages(pool):
    async with scoped(pool, "shop") as scope:
        first = await queries.cases(scope, limit=1)
        second = await queries.cases(scope, limit=1, cursor=first["next"])
        assert [first["items"][0]["number"], second["items"][0]["number"], second["next"]] == [2, 1, None]
        with pytest.raises(BadRequest):
            await queries.ledger(scope, cursor=first["next"])


@pytest.mark.parametrize(("tenant", "entries"), [("shop", 4), ("bank", 2), ("nobody", 0)])
async def test_an_auditor_verifies_the_ledger_page_by_page(pool, tenant, entries):
    check, cursor, pages = Verification(), None, 0
    async with scoped(pool, tenant) as scope:
        while pages == 0 or cursor is not None:
            answer = await queries.ledger(scope, limit=1, cursor=cursor)
            check.page(answer)
            cursor, pages = answer["next"], pages + 1
    found = check.result()
    assert (found["ok"], found["entries"], pages) == (True, entries, max(1, entries))


async def test_a_row_that_was_changed_in_the_database_is_a_break(pool, tables):
    with psycopg.connect(tables) as connection:
        connection.execute("update ledger_entries set amount = '1' where tenant = 'shop' and number = 3")
    async with scoped(pool, "shop") as scope:
        check = Verification()
        check.page(await queries.ledger(scope))
    assert check.result()["broken_at"] == 3
