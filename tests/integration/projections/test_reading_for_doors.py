"""Queries on a real Postgres give the shapes of /v1, page without loss, and say as of when."""

from __future__ import annotations

import pytest

from processors.host.places import Place
from projections import paging
from projections.errors import BadRequest
from projections.incidents import queries as incidents
from projections.incidents.filters import Filters
from projections.pages import queries as pages
from projections.postgres import scoped
from projections.summary import summary
from projections.timeline import queries as timeline
from schemas import ids
from tests.integration.projections.tenants import (
    STORIES,
    actions,
    exhausted_story,
    fill,
    memory_log,
    pool_of,
    project_all,
)
from tests.unit.projections.records import T0


@pytest.fixture
async def pool(tables):
    fill(tables)
    opened = await pool_of(tables)
    yield opened
    await opened.close()


async def _all(ask):
    """Follow `next` to the end."""
    items, cursor = [], None
    while True:
        found = await ask(cursor)
        items += found["items"]
        cursor = found["next"]
        if cursor is None:
            return items


async def test_the_timeline_in_order_of_arrival_and_back(pool):
    async with scoped(pool, "shop") as scope:
        whole = (await timeline.timeline(scope))["items"]
        paged = await _all(lambda c: timeline.timeline(scope, limit=2, cursor=c))
        back = await _all(lambda c: timeline.timeline(scope, limit=2, cursor=c, order="newest"))
        exact = await timeline.timeline(scope, limit=len(whole))
    times = [i["appended_at"] for i in whole]
    assert times == sorted(times)
    assert len(whole) == 7
    assert paged == whole
    assert back == whole[::-1]
    assert exact["next"] is None
    assert {i["partition"] for i in whole} == {0, 1}
    assert whole[0]["error"] == {"type": "PaymentError", "message": "pool exhausted (order 0)", "code": None}
    assert [i["late"] for i in whole[:2]] == [False, True]


async def test_the_timeline_filtered(pool):
    async with scoped(pool, "shop") as scope:
        payments = (await timeline.timeline(scope, resource="payments"))["items"]
        nobody = (await timeline.timeline(scope, actor="nobody"))["items"]
        since = (await timeline.timeline(scope, since=T0 + 100_000_000))["items"]
        everything = (await timeline.timeline(scope, actor="catalog-sync", order="newest"))["items"]
    assert {i["resource"] for i in payments} == {"payments"}
    assert len(payments) == 2
    assert nobody == []
    assert 0 < len(since) < 7
    assert len(everything) == 7


async def test_one_action_and_where_it_is_not(pool):
    async with scoped(pool, "shop") as scope:
        found = await timeline.action(scope, ids.derive("action", 0))
        absent = await timeline.action(scope, ids.derive("action", 3))  # the bank's
    assert found is not None
    assert found["event_id"] == ids.text(ids.derive("action", 0))
    assert found["payload"] is None
    assert found["as_of"][0]["topic"] == "actions.ordered"
    assert absent is None


async def test_as_of_names_every_position(pool, tables):
    async with scoped(pool, "shop") as scope:
        found = await timeline.timeline(scope, limit=1)
    assert [(p["topic"], p["partition"]) for p in found["as_of"]] == [
        ("actions.ordered", 0),
        ("actions.ordered", 1),
        ("ordering.events", 0),
        ("ordering.events", 1),
    ]
    last = max(x.offset for x in actions() if (x.topic, x.partition) == ("actions.ordered", 0))
    assert found["as_of"][0]["next_offset"] == last + 1 + 2  # past its two markers
    assert found["as_of"][2] == {"topic": "ordering.events", "partition": 0, "next_offset": 0, "append_time": None}


async def test_incidents(pool):
    async with scoped(pool, "shop") as scope:
        found = await incidents.incidents(scope)
        by_name, by_id = await incidents.incident(scope, "INC-1"), None
        assert by_name is not None
        by_id = await incidents.incident(scope, by_name["id"])
        missing = [await incidents.incident(scope, x) for x in ("INC-2", "nonsense", ids.text(bytes(16)))]
        open_ones = await incidents.incidents(scope, state="open")
        resolved = await incidents.incidents(scope, state="resolved")
        identity = await incidents.incident_id(scope, "inc-1")
    (item,) = found["items"]
    assert {k: v for k, v in by_name.items() if k in item} == item
    assert [(x["by"], x["what"]) for x in by_name["reports"]] == [("erin", "customers cannot pay.")]
    assert [(x["name"], x["firing"]) for x in by_name["alerts"]] == [("PaymentsErrorRateHigh", False)]
    assert by_name["alerts"][0]["resolved_at"] is not None
    assert item["cause"]["candidate"]["reference"] == {"before": "v2.3.0", "after": "v2.3.1"}
    assert (item["confidence"], item["report_count"], item["alerts_firing"]) == ("high", 1, 0)
    assert by_id == by_name
    assert missing == [None, None, None]
    assert open_ones["items"] == []
    assert resolved["items"] == [item]
    assert identity is not None
    assert ids.text(identity) == item["id"]
    assert item["state"] == "resolved"
    assert item["sample"] == "NUL \ufffd in a message"
    assert item["exhausted"] is False
    assert item["intervention"]["complete"] is True
    assert item["intervention"]["failures_after_page"] == 1
    assert [p["topic"] for p in found["as_of"]] == [
        *["incidents.events"] * 2,
        *["notifications.events"] * 2,
        *["rml.events"] * 2,
    ]


async def test_incidents_page_by_page(tables):
    from tests.unit.projections.records import Log, opened

    log = Log("incidents.events", 1)
    for n in range(1, 8):
        log.add(opened(number=n, incident_id=ids.derive("i", n)))
    project_all(tables, "incidents", memory_log("incidents", log.records))
    pool = await pool_of(tables)
    try:
        async with scoped(pool, "shop") as scope:
            items = await _all(lambda c: incidents.incidents(scope, limit=3, cursor=c, state="open"))
            with pytest.raises(BadRequest):
                await incidents.incidents(scope, cursor="rubbish")
    finally:
        await pool.close()
    assert [i["name"] for i in items] == [f"INC-{n}" for n in range(7, 0, -1)]


@pytest.mark.parametrize(
    ("filters", "there"),
    [
        (Filters(severity="SEV1"), False),
        (Filters(taken=True, words="INC-1"), True),
        (Filters(taken=False), False),
        (Filters(assignee="bob"), True),
        (Filters(resource="payments", words="PAYMENTerror"), True),
        (Filters(words="%"), False),
        (Filters(words="' or 1=1 --"), False),
    ],
)
async def test_incidents_narrowed(pool, filters, there):
    async with scoped(pool, "shop") as scope:
        found = await incidents.incidents(scope, filters=filters)
    assert bool(found["items"]) is there


async def test_the_timeline_of_an_incident_has_its_pages_and_changes(pool):
    async with scoped(pool, "shop") as scope:
        found = await incidents.incident_timeline(scope, "INC-1")
        assert found is not None

        async def ask(cursor):
            page = await incidents.incident_timeline(scope, "INC-1", limit=2, cursor=cursor)
            assert page is not None
            return page

        paged = await _all(ask)
        assert await incidents.incident_timeline(scope, "INC-9") is None
    items = found["items"]
    kinds = [i["kind"] for i in items]
    assert kinds.count("ChangeRecorded") == 2  # not the one of search
    assert {"IncidentOpened", "PageRequested", "PageDelivered", "EscalationStopped", "CommandRefused"} <= set(kinds)
    assert "Answer" not in kinds
    assert paged == items
    opening = items[kinds.index("IncidentOpened")]
    assert opening["text"].startswith("INC-1 opened as SEV3")
    assert opening["event_id"] == ids.text(ids.derive("action", 1))
    assert opening["actor"] == "checkout-helper-1"
    assert set(opening) == {"id", "incident", "at", "kind", "text", "actor", "event_id", "details"}
    change = items[kinds.index("ChangeRecorded")]
    assert change["details"]["after"] == "v2.3.1"
    assert kinds.index("ChangeRecorded") < kinds.index("IncidentOpened")


async def test_commands(pool):
    async with scoped(pool, "shop") as scope:
        accepted = await incidents.command(scope, ids.derive("command", 1))
        refused = await incidents.command(scope, ids.derive("command", 2))
        pending = await incidents.command(scope, ids.derive("command", 3))
    assert (accepted["state"], accepted["code"]) == ("answered", "accepted")  # the first answer stays
    assert accepted["events"] == [ids.text(ids.derive("event", 1))]
    assert (refused["code"], refused["why"]) == ("already_resolved", "INC-1 was resolved by bob")
    assert refused["remedy"] == "Nothing is left to do."
    assert (pending["state"], pending["code"], pending["reasons"]) == ("pending", None, [])


async def test_pages(pool):
    async with scoped(pool, "shop") as scope:
        found = await pages.pages(scope)
        paged = await _all(lambda c: pages.pages(scope, limit=1, cursor=c))
        of_one = await pages.pages(scope, incident="INC-1")
        by_id = await pages.pages(scope, incident=found["items"][0]["incident_id"])
        of_none = [(await pages.pages(scope, incident=x))["items"] for x in ("INC-2", "nonsense")]
    bob, alice = found["items"]
    assert (alice["person"], alice["outcome"], alice["attempts"], alice["acknowledged_at"]) == (
        "alice",
        "delivered",
        2,
        None,
    )
    assert bob["acknowledged_at"] is not None
    assert bob["also_paged"] == ["alice"]
    assert bob["channel"] == {"kind": "webhook", "address": "http://pager.example/alice"}
    assert paged == of_one["items"] == by_id["items"] == found["items"]
    assert of_none == [[], []]
    assert set(bob) == {
        *("notification_id", "incident_id", "incident", "person", "channel", "why", "severity", "step", "steps"),
        *("round", "rounds", "attempts", "requested_at", "outcome", "outcome_at", "detail", "acknowledged_at"),
        "also_paged",
    }


async def test_the_summary(pool):
    async with scoped(pool, "shop") as scope:
        found = await summary(scope)
    assert {k: v for k, v in found.items() if k != "as_of"} == {
        "timeline_rows": 7,
        "incidents": {"open": 0, "resolved": 1},
        "healed_failures": 1,
        "gaps": {"opened": 1, "filled": 1, "declared": 1},
        "drift_alerts": 1,
        "pages": {"requested": 2, "delivered": 2, "failed": 0},
        "exhausted": [],
    }
    async with scoped(pool, "nobody") as scope:
        empty = await summary(scope)
    assert empty["timeline_rows"] == 0


async def test_an_exhausted_escalation_is_red_until_somebody_has_it(tables):
    project_all(tables, "pages", memory_log("pages", exhausted_story()))
    pool = await pool_of(tables)
    try:
        async with scoped(pool, "shop") as scope:
            # Also before the incidents projection knows the incident.
            assert (await summary(scope))["exhausted"] == [{"incident": "INC-1", "at": "2026-09-21T14:14:20.000Z"}]
        story = STORIES["incidents"]()
        unanswered = [x for x in story if x.offset < 8]
        project_all(tables, "incidents", memory_log("incidents", unanswered))
        async with scoped(pool, "shop") as scope:
            found = await incidents.incident(scope, "INC-1")
            assert found is not None
            assert found["exhausted"] is True
            assert len((await summary(scope))["exhausted"]) == 1
        log = memory_log("incidents", unanswered)
        log.add([x for x in story if x not in unanswered and x.partition == 1])
        project_all(tables, "incidents", log)
        async with scoped(pool, "shop") as scope:
            found = await incidents.incident(scope, "INC-1")
            assert found is not None
            assert found["exhausted"] is False
            assert (await summary(scope))["exhausted"] == []
    finally:
        await pool.close()


async def test_an_incident_page_costs_little(pool):
    """Every list reads through an index: no sequential scan where there are many rows."""
    async with scoped(pool, "shop") as scope:
        await scope.connection.execute("set local enable_seqscan = off")
        plan = await scope.rows(
            "explain "
            + timeline._PAGE.format(
                columns=timeline._COLUMNS, bound=timeline._BOUNDS["arrival"], filters="", direction="asc"
            ),
            paging.parameters({Place("actions.ordered", 0): paging.Mark(-1, 0)}) | {"tenant": "shop", "rows": 51},
        )
    text = "\n".join(str(line) for line in plan)
    assert "Seq Scan" not in text
    assert "Index Scan" in text
