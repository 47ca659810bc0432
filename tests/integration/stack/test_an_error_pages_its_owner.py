"""The thin path: an error in, its owner paged at a webhook, then the next; an answer ends it, and it is measured."""

from __future__ import annotations

from gateway.cli.client import Client
from gateway.cli.commands import decide
from gateway.demo.pager import Pager
from gateway.demo.watch import Watch
from tests.support.fix_whole import Whole
from tests.support.tenants import failure, work
from tests.support.waiting import auntil

# A page takes under a second on an idle machine; a loaded one has a minute.
SEEN_S = 60.0
# Bob answers within a second; what he has is far more than that on a machine that is busy.
STEPS = (("alice", 2), ("bob", 15), ("carol", 600))


async def test_an_error_pages_alice_then_bob_whose_answer_spares_carol(stack: Whole, pager: Pager) -> None:
    tenant = await stack.tenant("thin", pager, steps=STEPS)
    async with tenant.client() as agent, tenant.client("bob") as bob:
        watch = Watch(bob)
        await agent.send([work("payments"), failure("payments"), failure("payments")])
        await auntil(lambda: pager.paged("alice"), SEEN_S, "alice's page")
        await auntil(lambda: pager.paged("bob"), SEEN_S, "bob's page")
        answer = await decide(bob, "acknowledge", "INC-1", "on it", "bob-has-it")
        assert answer["code"] == "accepted"
        assert await decide(bob, "acknowledge", "INC-1", "on it", "bob-has-it") == answer, (
            "a repeated POST is one command"
        )

        # Opened after the answer: when carol hears of this one, her turn in the first would long have come.
        await agent.send([failure("search")])
        await auntil(lambda: pager.paged("carol"), SEEN_S, "carol's page of the incident that nobody answers")
        acted = [(d.page["incident"], d.person, d.page["step"]) for d in pager.acted.values()]
        assert acted == [
            ("INC-1", "alice", 1),
            ("INC-1", "bob", 2),
            ("INC-2", "alice", 1),
            ("INC-2", "bob", 2),
            ("INC-2", "carol", 3),
        ]
        assert pager.refused == []
        await remembered(watch, bob, pager)


async def remembered(watch: Watch, bob: Client, pager: Pager) -> None:
    """What /v1 says of it afterwards, up to the resolved incident."""
    first = next(d.page for d in pager.acted.values())
    assert (first["tenant"], first["resource"], first["steps"]) == ("thin", "payments", 3)
    assert first["impact"]["failures"] >= 1

    async def delivered() -> bool:
        return {page["outcome"] for page in await watch.pages()} == {"delivered"}

    await auntil(delivered, SEEN_S, "every page to have its outcome")
    pages = [page for page in await watch.pages() if page["incident"] == "INC-1"]
    assert [(p["person"], p["channel"]["kind"], p["step"]) for p in pages] == [
        ("alice", "webhook", 1),
        ("bob", "webhook", 2),
    ]
    assert {page["notification_id"] for page in await watch.pages()} == set(pager.acted)

    await decide(bob, "resolve", "INC-1", "rolled back", "bob-is-done")

    async def resolved() -> dict[str, object]:
        found = await bob.get("/v1/incidents/INC-1")
        return found if found["state"] == "resolved" else {}

    found = await auntil(resolved, SEEN_S, "the resolved incident")
    assert (found["assignee"], found["resolved_by"], found["failures"]) == ("bob", "bob", 2)
    measured = found["intervention"]
    assert isinstance(measured, dict)
    times = [measured[f"{at}_at"] for at in ("first_failure", "detected", "first_page", "acknowledged", "resolved")]
    assert measured["complete"]
    assert times == sorted(times)
    kinds = [entry["kind"] for entry in (await bob.get("/v1/incidents/INC-1/timeline"))["items"]]
    assert kinds[0] == "IncidentOpened"
    assert {"IncidentAcknowledged", "EscalationStopped", "IncidentResolved"} <= set(kinds)
