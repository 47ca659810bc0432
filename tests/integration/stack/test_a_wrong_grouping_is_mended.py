"""What would break: a split, a merge or their undo by the door, and read models that do not follow; bad input taken."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from gateway.cli.client import Client, Refused
from gateway.demo.pager import Pager
from tests.support.fix_whole import Whole
from tests.support.tenants import commanded, failure
from tests.support.waiting import auntil

SEEN_S = 60.0
NOBODYS = "00000000-0000-0000-0000-000000000001"
FAILURES = ("IncidentOpened", "SignalAttached")


async def seen(client: Client, path: str, wanted: Callable[[Any], Any], what: str, **query: Any) -> Any:
    async def look() -> Any:
        try:
            return wanted(await client.get(path, **query))
        except Refused as error:
            if error.status != 404:
                raise
            return None

    return await auntil(look, SEEN_S, what)


async def say(client: Client, name: str, verb: str, **body: Any) -> Any:
    body = {"reason": "a look at the log", **body}
    return await commanded(client, f"/v1/incidents/{name}/{verb}", **body)


async def story(client: Client, name: str, **query: Any) -> list[Any]:
    return list((await client.get(f"/v1/incidents/{name}/timeline", limit=200, **query))["items"])


def counts(failures: int, **more: Any) -> Callable[[Any], Any]:
    def look(found: Any) -> Any:
        fine = found["failures"] == failures and all(found[name] == value for name, value in more.items())
        return found if fine else None

    return look


def paged(failures: int) -> Callable[[Any], Any]:
    def look(found: Any) -> Any:
        return counts(failures)(found) if found["intervention"]["first_page_at"] else None

    return look


async def test_split_merge_undo_and_what_every_reader_sees_of_it(stack: Whole, pager: Pager) -> None:
    tenant = await stack.tenant("regrouped", pager, steps=(("alice", 600),))
    async with tenant.client() as agent, tenant.client("alice") as alice:
        wrong = [failure("payments", actor=actor) for actor in ("agent", "billing") for _ in range(2)]
        # One after the other: actions of one moment without numbers of their own have no order.
        await agent.send(wrong)
        one = await seen(alice, "/v1/incidents/INC-1", paged(4), "INC-1 whole")
        await agent.send([failure("search")])
        await seen(alice, "/v1/incidents/INC-2", paged(1), "INC-2")
        theirs = [e["event_id"] for e in await story(alice, "INC-1") if e["actor"] == "billing"]
        assert len(theirs) == 2
        await is_split(alice, one, theirs)
        await is_merged(alice)
        await is_refused(agent, alice, theirs)


async def is_split(alice: Client, one: Any, theirs: list[str]) -> None:
    """Two go, two stay; the undo makes it one again, and nothing is counted twice."""
    made = (await say(alice, "INC-1", "split", events=theirs))["incident_id"]
    new = await seen(alice, f"/v1/incidents/{made}", counts(2, split_from=one["id"]), "the new incident")
    left = await seen(alice, "/v1/incidents/INC-1", counts(2), "what stays")
    assert new["name"] == "INC-3"
    assert left["intervention"]["failures_before_detection"] == one["intervention"]["failures_before_detection"]
    assert [e["event_id"] for e in await story(alice, "INC-3") if e["kind"] == "SignalAttached"] == theirs
    assert not set(theirs) & {e["event_id"] for e in await story(alice, "INC-1")}
    assert "IncidentSplit" in [e["kind"] for e in await story(alice, "INC-1", kind="human")]
    # Whoever was told of the one has been told of what was split off it.
    assert {p["incident"] for p in (await alice.get("/v1/pages", incident="INC-3"))["items"]} == {"INC-1"}
    numbers = [(await alice.get(f"/v1/incidents/{n}/blast-radius"))["numbers"] for n in ("INC-1", "INC-3")]
    assert [(n["failed_actions"], n["actors"]) for n in numbers] == [(2, 1), (2, 1)]
    both = await story(alice, "INC-1", **{"with": "INC-3"})
    assert {e["incident"] for e in both} >= {"INC-1", "INC-3"}
    assert len({(e["kind"], e["event_id"], e["at"], e["text"]) for e in both}) == len(both), "nothing stands twice"
    await seen(alice, "/v1/overview", lambda f: [i["failures"] for i in f["items"]] == [2, 1, 2], "the overview")
    await say(alice, "INC-3", "undo")
    whole = await seen(alice, "/v1/incidents/INC-1", counts(4, aliases=["INC-3"]), "INC-1 whole again")
    assert whole["intervention"] == one["intervention"]
    assert set(theirs) <= {e["event_id"] for e in await story(alice, "INC-1")}


async def is_merged(alice: Client) -> None:
    """Every door resolves the alias; numbers, pages and both resources lead to what it is now; and back."""
    await say(alice, "INC-2", "merge", into="INC-1")
    await seen(alice, "/v1/incidents/INC-2", counts(5, name="INC-1", aliases=["INC-2", "INC-3"]), "the alias")
    assert {p["incident"] for p in (await alice.get("/v1/pages", incident="INC-2"))["items"]} == {"INC-1", "INC-2"}
    assert (await alice.get("/v1/incidents/INC-2/blast-radius"))["numbers"]["failed_actions"] == 5
    assert (await alice.get("/v1/incidents/INC-2/causes"))["incident"] == "INC-1"
    for query in ({"resource": "search"}, {"service": "search"}, {}):
        assert [i["name"] for i in (await alice.get("/v1/incidents", **query))["items"]] == ["INC-1"]
    assert (await alice.get("/v1/incidents", owner="nobody"))["items"] == []
    summary = await alice.get("/v1/summary")
    assert summary["incidents"] == {"open": 1, "resolved": 0}
    await seen(alice, "/v1/overview", lambda f: [i["failures"] for i in f["items"]] == [5], "the overview")
    await say(alice, "INC-1", "undo")
    await seen(alice, "/v1/incidents/INC-2", counts(1, name="INC-2", aliases=[]), "INC-2 again")
    await seen(alice, "/v1/incidents/INC-1", counts(4), "INC-1 again")


async def is_refused(agent: Client, alice: Client, theirs: list[str]) -> None:
    """Each by a stable code and with a remedy."""
    await say(alice, "INC-2", "resolve", note="over")
    wanted: tuple[tuple[str, str, dict[str, Any], int, str], ...] = (
        ("INC-1", "split", {"events": [NOBODYS]}, 409, "events_not_in_incident"),
        ("INC-1", "split", {"events": []}, 422, "field_required"),
        ("INC-1", "split", {"events": ["no id"]}, 422, "field_malformed"),
        ("INC-1", "merge", {"into": "INC-1"}, 409, "merge_with_itself"),
        ("INC-1", "merge", {"into": "INC-3"}, 409, "merged"),
        ("INC-1", "merge", {"into": "INC-2"}, 409, "already_resolved"),
        ("INC-1", "merge", {"into": "INC-9"}, 404, "incident_unknown"),
        (NOBODYS, "split", {"events": theirs}, 409, "unknown_or_closed"),
        ("INC-2", "undo", {}, 409, "already_resolved"),
        ("INC-1", "undo", {"reason": ""}, 422, "field_required"),
    )
    for name, verb, body, status, code in wanted:
        with pytest.raises(Refused) as met:
            await say(alice, name, verb, **body)
        assert (met.value.status, met.value.code) == (status, code), (name, verb, body)
        assert met.value.remedy
    with pytest.raises(Refused) as met:
        await say(agent, "INC-1", "undo")
    assert (met.value.status, met.value.code) == (403, "person_required")
