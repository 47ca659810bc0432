"""What would break: a baseline that equals the record only on a good day. Here processors are killed, pages fail or are
never heard of, nobody answers, two people act, and another tenant is at work on the same log."""

from __future__ import annotations

from copy import deepcopy
from typing import Any

import pytest

import gateway.whatif.start as start
from gateway.whatif.answer import answer
from gateway.whatif.run import Question, ask
from gateway.whatif.text import lines
from schemas.messages.notifications import Outcome, PageRequested
from tests.support.recorded import MemoryHistory
from tests.support.shop import Shop
from tests.support.whatifs import alice_waits, what_if
from tests.support.world import START_MS, World


def fails_twice(page: PageRequested) -> tuple[Outcome, str] | None:
    """Alice's channel fails, Bob's is never heard of, Dave is reached."""
    return {"alice": ("failed", "503"), "bob": None}.get(page.person, ("delivered", "200"))


def killed(name: str, at: float) -> World:
    shop = Shop()
    shop.play(at, acknowledge_at=None, resolve_at=None)
    shop.world.start(name)
    shop.world.run_to(60.0)
    return shop.world


STORIES: dict[str, Any] = {
    "nobody answers": lambda: Shop().play(130.0, acknowledge_at=None, resolve_at=None),
    "channels fail": lambda: Shop(hands=fails_twice).play(90.0, acknowledge_at=None, resolve_at=None),
    "another seed": lambda: Shop(seed=5).play(60.0),
    **{
        f"{name} is killed": (lambda name=name: killed(name, 10.5))
        for name in ("signals", "incidents", "notifications")
    },
}


@pytest.mark.parametrize("story", STORIES)
def test_given_any_story_then_every_incident_and_page_is_found_at_its_time(
    story: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    world: World = STORIES[story]()
    found = what_if(world)
    assert found.fidelity.whole
    assert found.fidelity.apart_ms == 0
    assert found.fidelity.counts["pages"][1] >= 2
    monkeypatch.setattr(start, "WARM_UP_MAX", 0)
    middle = what_if(world, begin=15.0)
    assert middle.fidelity.whole
    assert middle.fidelity.apart_ms == 0


def test_given_another_tenants_records_then_a_tenants_run_neither_reads_nor_pages_anybody_of_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    shop = Shop()
    shop.play(12.0, acknowledge_at=None, resolve_at=None)
    world = shop.world
    ours = deepcopy(world.paged())
    assert ours
    # The same log, asked for by a tenant that has nothing on it but its own few records.
    world.tenant = "other"
    world.act("agent", "look", "somewhere")
    world.run_to(40.0)
    for limit in (start.WARM_UP_MAX, 0):
        monkeypatch.setattr(start, "WARM_UP_MAX", limit)
        found = what_if(world, begin=11.5)
        assert found.result.record.pages == found.before.pages == {}
        assert found.document["intervention"] == {"before": {}, "after": {}}


def test_given_everybodys_records_then_incidents_are_called_by_their_tenant() -> None:
    world = Shop().play(45.0)
    question = Question(START_MS, START_MS + 45_000, None, {"shop": {}})
    found = answer(ask(MemoryHistory(world.log), world.map, question))
    assert list(found.document["intervention"]["before"]) == ["shop/INC-1"]


def test_given_a_long_escalation_more_than_the_record_then_its_pages_are_told_in_one_line() -> None:
    world = Shop().play(130.0)
    narrow = {"incidents": {"attach_window_s": 1}}
    told = "\n".join(lines(what_if(world, narrow)))
    assert "more pages would have come besides until" in told
    assert "baseline  100 % of the record" in told
    assert "No difference" in "\n".join(lines(what_if(world, alice_waits(8))))
