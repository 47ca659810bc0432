"""What `topology apply` may do to a broker, and what it refuses."""

from __future__ import annotations

from dataclasses import replace

import pytest

from gateway.cli import topology_plan
from processors.host.admin import TopicState
from schemas import topology


@pytest.fixture
def declared():
    return topology.load()


def applied(declared):
    return {t.name: TopicState(t.name, t.partitions, 1, t.config) for t in declared.topics.values()}


def plan(declared, found, keys=None):
    return topology_plan.plan(declared, found, frozenset(found), keys or {})


def test_an_empty_broker_gets_every_topic(declared):
    difference = plan(declared, {})
    assert [t.name for t in difference.create] == list(declared.topics)
    assert all(t.config["message.timestamp.type"] == "LogAppendTime" for t in difference.create)


def test_what_was_applied_needs_nothing_more(declared):
    assert plan(declared, applied(declared)).empty


def test_a_differing_setting_is_set_and_others_are_left(declared):
    found = applied(declared)
    config = {**found["actions.raw"].config, "retention.ms": "1", "flush.ms": "7"}
    found["actions.raw"] = replace(found["actions.raw"], config=config)
    difference = plan(declared, found)
    (change,) = difference.alter
    assert change.topic == "actions.raw"
    assert change.settings == (("retention.ms", "1", "86400000"),)
    assert not difference.refused


def test_another_partition_count_is_refused(declared):
    found = applied(declared)
    found["actions.raw"] = replace(found["actions.raw"], partitions=8)
    (refusal,) = plan(declared, found).refused
    assert (refusal.code, refusal.topic) == ("topology_partitions_fixed", "actions.raw")


def test_another_key_is_refused_where_the_topic_exists(declared):
    keys = {"actions.raw": "tenant"}
    (refusal,) = plan(declared, applied(declared), keys).refused
    assert (refusal.code, refusal.topic) == ("topology_key_fixed", "actions.raw")
    without = {name: state for name, state in applied(declared).items() if name != "actions.raw"}
    assert not plan(declared, without, keys).refused


def test_strangers_are_named_and_left_alone(declared):
    difference = topology_plan.plan(declared, applied(declared), frozenset({*declared.topics, "somebody.elses"}), {})
    assert difference.strangers == ("somebody.elses",)
    assert difference.empty


def test_the_text_has_a_line_per_difference(declared):
    found = applied(declared)
    del found["dead.letters"]
    found["actions.raw"] = replace(found["actions.raw"], partitions=8)
    lines = topology_plan.describe(plan(declared, found))
    assert [line[:14] for line in lines] == ["+ dead.letters", "! actions.raw:"]
