"""The script is a function of (tenant, seed), and everything that must come out is written in it."""

from __future__ import annotations

from collections import Counter, defaultdict
from itertools import pairwise

import pytest

from gateway.demo import shop, story
from gateway.http.action_json import translate
from schemas.configuration import canonical, check_tenant, parse_document
from schemas.messages import actions as words

SEEDS = (0, 7, 8, 123_456)


@pytest.fixture(params=SEEDS)
def script(request):
    return story.write("demo-1", request.param)


def first_time(script):
    return [
        (agent, beat, action)
        for agent, beats in script.beats.items()
        for beat in beats
        if not beat.again
        for action in beat.actions
    ]


def test_the_same_seed_is_the_same_story_and_another_tenant_has_other_ids():
    assert story.write("demo-1", 7) == story.write("demo-1", 7)
    assert story.write("demo-1", 7) != story.write("demo-1", 8)
    ours, theirs = (first_time(story.write(tenant, 7)) for tenant in ("demo-1", "demo-2"))
    assert not {a["id"] for _, _, a in ours} & {a["id"] for _, _, a in theirs}
    assert [(a["actor"], a["sequence"], a["type"]) for _, _, a in ours] == [
        (a["actor"], a["sequence"], a["type"]) for _, _, a in theirs
    ]


def test_twelve_agents_do_about_forty_actions_a_second_each_in_its_own_session(script):
    done = first_time(script)
    assert len(shop.AGENTS) == 12
    assert set(script.beats) == {*shop.AGENTS, shop.PROVIDER}
    assert 36 <= len(done) / (story.END / 1_000) <= 44
    assert len({a["id"] for _, _, a in done}) == len(done)
    sessions = defaultdict(set)
    for agent, _, action in done:
        sessions[agent].add(action["session"])
    assert all(len(found) == 1 for found in sessions.values())
    assert len(set.union(*sessions.values())) == 13


def test_only_catalog_sync_skips_one_number_once_after_five_seconds(script):
    numbers = defaultdict(list)
    for agent, beat, action in first_time(script):
        numbers[agent].append((action["sequence"], beat.at))
    for agent, seen in numbers.items():
        holes = [at for (a, _), (b, at) in pairwise(seen) if b != a + 1]
        assert [n for n, _ in seen] == sorted({n for n, _ in seen})
        if agent == "catalog-sync":
            assert len(holes) == 1
            assert story.GAP <= holes[0] < story.GAP + 1_000
        else:
            assert holes == []


def test_charges_fail_only_between_the_deploy_and_the_rollback_and_one_customer_each(script):
    failing = [(b, a) for _, b, a in first_time(script) if a["id"] in script.failing]
    assert 15 <= len(failing) <= 60
    assert all(story.BREAK <= b.at < story.ROLL_BACK and b.gate == story.DEPLOYED for b, _ in failing)
    assert len({a["on_behalf_of"] for _, a in failing}) == len(failing)
    assert len({a["error"]["message"] for _, a in failing}) > len(failing) // 2
    assert all("retryable" not in a for _, a in failing)
    errors = [a for _, _, a in first_time(script) if "error" in a and a["id"] not in script.failing]
    assert [a["type"] for a in errors] == ["search.query"]
    after = [b for _, b, a in first_time(script) if a["type"] == "payments.charge" and b.at >= story.ROLL_BACK]
    assert after
    assert all(b.gate == story.ROLLED_BACK for b in after)


def test_the_retry_that_heals_is_another_try_of_the_same_in_the_retry_window(script):
    failed, again = ((b, a) for _, b, a in first_time(script) if a["type"] == "search.query")
    assert (failed[1]["attempt"], again[1]["attempt"]) == (1, 2)
    assert failed[1]["retryable"]
    assert failed[1]["id"] != again[1]["id"]
    assert failed[1]["resource"] == again[1]["resource"]
    assert again[0].at - failed[0].at < 5_000


def test_one_order_is_charged_twice_and_one_refund_is_told_twice(script):
    told = [(b, a) for _, b, a in first_time(script) if "effect" in a]
    contents = defaultdict(list)
    for beat, action in told:
        effect = action["effect"]
        contents[effect["kind"], effect["counterparty"], effect["amount"], action["resource"]].append((beat, action))
    twice = {key[0]: found for key, found in contents.items() if len(found) > 1}
    assert set(twice) == {"payment.captured", "payment.refunded"}
    charges, refunds = ([a for _, a in twice[kind]] for kind in ("payment.captured", "payment.refunded"))
    assert [a["actor"]["id"] for a in charges] == ["checkout-helper-2", "checkout-helper-2"]
    assert {a["effect"]["amount"] for a in charges} == {"4900"}
    assert len({a["effect"]["external_reference"] for a in charges}) == 2
    assert sorted(a["actor"]["id"] for a in refunds) == [shop.PROVIDER, "refund-bot"]
    assert {a["effect"]["external_reference"] for a in refunds} == {"re_77"}
    assert len({a["id"] for _, a in told}) == len(told)


def test_the_batch_goes_out_twice_unchanged(script):
    beats = [b for b in script.beats["inventory-planner"] if len(b.actions) == story.BATCH]
    assert [b.again for b in beats] == [False, True]
    assert beats[0].actions == beats[1].actions
    assert [a["id"] for a in beats[0].actions] == list(script.batch)


def test_changes_are_two_decoys_the_deploy_and_its_rollback(script):
    changes = sorted(
        (b.at, a["resource"], a["change"]["kind"], a["change"]["after"])
        for _, b, a in first_time(script)
        if "change" in a
    )
    assert changes == [
        (6_000, "notification-service", "deploy", "v1.9.0"),
        (7_000, "search-service", "config", "300"),
        (8_000, "payments-service", "deploy", "v2.3.1"),
        (26_000, "payments-service", "deploy", "v2.3.0"),
    ]


def test_every_gate_is_opened_by_somebody(script):
    gates = {b.gate for beats in script.beats.values() for b in beats if b.gate}
    opened = {b.opens for beats in script.beats.values() for b in beats if b.opens}
    assert gates == opened | {story.ACKNOWLEDGED}


def test_ten_actions_come_from_a_clock_that_is_two_hours_behind(script):
    late = [b for b in script.beats["data-processor"] if b.skew_ms]
    assert [len(b.actions) for b in late] == [10]
    assert late[0].skew_ms == 2 * 3_600_000
    assert [a["id"] for a in late[0].actions] == list(script.stale)


def test_the_rubbish_is_ten_bytes_that_are_no_record(script):
    assert len(script.rubbish) == 10
    assert script.rubbish[0] != 0


def test_the_gateway_takes_every_action_as_it_is(script):
    kinds: Counter[int] = Counter()
    parents = {a["id"] for _, _, a in first_time(script)}
    for _, _, action in first_time(script):
        known = translate({**action, "timestamp": 1_000}, "demo-1", 1_000)
        assert known.source_id == action["id"]
        assert action.get("parent_id") is None or action["parent_id"] in parents
        kinds[known.traits] += 1
    assert kinds[words.ERROR] == len(script.failing)
    assert kinds[words.CHANGE] == 4
    assert kinds[words.ERROR | words.RETRYABLE] == 1


def test_the_settings_of_the_shop_are_whole():
    documents = shop.documents("http://127.0.0.1:1")
    check_tenant({name: parse_document(name, canonical(body)) for name, body in documents.items()})
    (policy,) = [p for p in documents["escalation"]["policies"] if p["id"] == "payments"]
    assert {"match": "payments-service", "team": "payments-team"} in documents["ownership"]["resources"]
    assert documents["escalation"]["teams"]["payments-team"] == "payments"
    assert [(s["person"], s["wait_s"]) for s in policy["steps"]][:2] == [("alice", 8), ("bob", 10)]
    assert policy["steps"][2]["person"] == "dave"
    assert policy["rounds"] == 3
