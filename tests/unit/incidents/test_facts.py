"""Healed failures, changes, the growing sets, and what other processors' facts mean here."""

from __future__ import annotations

import pytest

from processors.incidents import DECIDER, sets
from processors.incidents.evolve import evolve
from processors.incidents.react import react
from processors.incidents.rules import CHANGES_PER_RESOURCE, KEEP_MS, RESOURCE_CHARACTERS, clip
from processors.incidents.state import Changes, changes_part
from processors.kernel.engine import MAX_PART_BYTES
from processors.kernel.store import Overlay, Store
from schemas import codec, ids
from schemas.messages import incidents as words
from schemas.messages.incidents import ChangeObserved, ChangeRecorded, FailureHealed, HealedFailureCounted, PageObserved
from schemas.messages.notifications import Channel, PageDelivered, PageFailed
from tests.support.desk import START, TENANT, Desk


def change(n: int, **changes: object) -> ChangeObserved:
    fields: dict = {
        "tenant": TENANT,
        "resource": "payments-service",
        "kind": "deploy",
        "before": "v2.3.0",
        "after": "v2.3.1",
        "summary": "pool size 10 -> 5",
        "actor": "deployer",
        "action_id": ids.derive("change", n),
        "event_time": START,
    }
    return ChangeObserved(**(fields | changes))


def test_healed_failures_are_counted_per_tenant_and_nobody_is_told():
    desk = Desk(DECIDER)
    healed = FailureHealed(TENANT, "search", "f", "search-tuner", "search.query", bytes(16), 1, START, START + 100)
    totals = [desk.tell(healed).the(HealedFailureCounted).total for _ in range(3)]
    assert totals == [1, 2, 3]


def test_a_change_is_recorded_once_whole_in_the_event():
    desk = Desk(DECIDER)
    told = desk.tell(change(1, summary="s" * 5000), cause=b"k" * 16)
    event = told.the(ChangeRecorded)
    assert event.change_id == ids.child_id(b"k" * 16, "incidents.Change", TENANT, 0)
    assert (event.before, event.after, event.summary) == ("v2.3.0", "v2.3.1", "s" * 5000)
    assert told.reasons == ("change_recorded",)
    assert desk.tell(change(1)).reasons == ("change_repeated",)


def test_changes_are_kept_thirty_days_and_bounded():
    desk = Desk(DECIDER)
    part = changes_part(TENANT, "payments-service")
    for n in range(CHANGES_PER_RESOURCE + 5):
        desk.tell(change(n))
    kept = desk.engine.part(part)
    assert kept is not None
    assert [c.action_id for c in kept.changes] == [ids.derive("change", n) for n in range(5, CHANGES_PER_RESOURCE + 5)]
    desk.sleep(KEEP_MS - 1)
    desk.tell(change(100))
    desk.sleep(1)
    desk.tell(change(101))
    kept = desk.engine.part(part)
    assert kept is not None
    assert [c.action_id for c in kept.changes] == [ids.derive("change", n) for n in (100, 101)]
    assert desk.sleep(KEEP_MS).reasons == ("changes_forgotten",)
    assert desk.engine.part(part) is None


def test_the_largest_kept_changes_fit_a_part():
    desk = Desk(DECIDER)
    long = "💥" * 2000
    for n in range(CHANGES_PER_RESOURCE):
        desk.tell(change(n, kind=long, before=long, after=long, summary=long, actor=long, resource=long))
    part = desk.engine.part(changes_part(TENANT, long))
    assert isinstance(part, Changes)
    assert len(part.resource) == RESOURCE_CHARACTERS
    assert len(codec.encode(part)) < MAX_PART_BYTES


def test_clip_cuts_with_an_ellipsis():
    assert clip("abc", 3) == "abc"
    assert clip("abcd", 3) == "ab…"


def filled(name: str, members: list[bytes]) -> Store:
    store = Store(DECIDER.parts)
    for member in members:
        for key, part in sets.added(Overlay(store), name, member).items():
            store.put(key, part)
    return store


def test_a_set_holds_exactly_what_was_added_in_small_parts():
    members = [ids.derive("m", n) for n in range(12_000)]
    store = filled("t/incident/x/actions", members)
    view = Overlay(store)
    assert all(sets.contains(view, "t/incident/x/actions", m) for m in members[::97])
    assert not any(sets.contains(view, "t/incident/x/actions", ids.derive("other", n)) for n in range(500))
    parts = [len(p.ids) for _, p in view.scan("t/incident/x/actions/")]
    assert sum(parts) == 12_000 * 16
    assert max(parts) == sets.IDS_PER_PART * 16
    assert sets.added(view, "t/incident/x/actions", members[0]) == {}


def test_a_match_across_two_neighbours_is_no_member():
    # Two members of one bucket; the last 8 bytes of one and the first 8 of the other look like a third.
    in_bucket = [m for n in range(200) if sets._part("s", m := ids.derive("m", n), 0).startswith("s/0/")][:2]
    store = filled("s", in_bucket)
    ((_, packed),) = list(Overlay(store).scan("s/"))
    third = packed.ids[8:24]
    assert not sets._holds(packed.ids, third)


def test_a_full_bucket_takes_no_more_and_does_not_fail(monkeypatch):
    monkeypatch.setattr(sets, "IDS_PER_PART", 1)
    monkeypatch.setattr(sets, "PARTS_PER_BUCKET", 2)
    store = filled("s", [ids.derive("m", n) for n in range(400)])
    assert len(list(Overlay(store).scan("s/"))) == 32


CHANNEL = Channel("webhook", "https://pager")


@pytest.mark.parametrize(
    ("event", "outcome"),
    [
        (PageDelivered(TENANT, b"i" * 16, b"n" * 16, 1, "alice", CHANNEL, "200", START), "delivered"),
        (PageFailed(TENANT, b"i" * 16, b"n" * 16, 1, "alice", CHANNEL, "failed", "500", "ask_again", START), "failed"),
        (PageFailed(TENANT, b"i" * 16, b"n" * 16, 1, "alice", CHANNEL, "unknown", "?", "given_up", START), "unknown"),
        (
            PageFailed(TENANT, b"i" * 16, b"n" * 16, 1, "alice", CHANNEL, "no_outcome", "-", "ask_again", START),
            "unknown",
        ),
    ],
)
def test_outcomes_of_pages_are_facts_for_the_incident(event, outcome):
    (send,) = react(event)
    assert send.key == TENANT
    assert send.message == PageObserved(TENANT, b"i" * 16, b"n" * 16, "alice", "webhook", outcome, START)


def test_other_events_mean_nothing_here():
    assert react(change(1)) == []


def test_evolve_is_total_over_an_empty_state():
    view = Overlay(Store(DECIDER.parts))
    refusal = words.CommandRefused(TENANT, bytes(16), "bob", bytes(16), "ResolveIncident", "x", "", "", START)
    acknowledged = words.IncidentAcknowledged(TENANT, bytes(16), 1, "bob", 1, 0, START)
    attached = words.SignalAttached(TENANT, bytes(16), 1, "a", "t", bytes(16), None, "", START, 2, 0, (), False, START)
    moved = words.IncidentStateChanged(TENANT, bytes(16), 1, "detected", "resolved", "bob", "", START)
    assert [dict(evolve(view, e)) for e in (refusal, acknowledged, attached, moved)] == [{}, {}, {}, {}]
