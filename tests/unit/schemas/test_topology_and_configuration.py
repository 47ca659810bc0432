"""The map and the documents: what contradicts itself is refused by name, with a remedy."""

from __future__ import annotations

import json
from typing import Any

import pytest

from schemas import topology
from schemas.configuration import (
    DEFAULTS,
    Escalation,
    OwnedResource,
    Ownership,
    canonical,
    check_tenant,
    parse_document,
)
from schemas.errors import ConfigurationError, TopologyError

TEXT = topology.default_path().read_text()


def test_the_map_of_this_project_is_sound_and_its_drawing_is_stable() -> None:
    t = topology.parse(TEXT)
    assert list(t.rooms) == ["dedup", "ordering", "signals", "incidents", "rml", "notifications"]
    assert topology.drawing(t) == topology.drawing(topology.parse(TEXT))
    assert all(topic.config["message.timestamp.type"] == "LogAppendTime" for topic in t.topics.values())


@pytest.mark.parametrize(
    ("old", "new", "code"),
    [
        ("reads: actions.unique", "reads: actions.nowhere", "topology_contradiction"),
        ("reads: actions.unique", "reads: actions.raw", "topology_contradiction"),
        (
            "{stream: changelog, key: part, partitions: 4",
            "{stream: changelog, key: part, partitions: 3",
            "topology_contradiction",
        ),
        ("feeds: [notifications]", "feeds: [nobody]", "topology_contradiction"),
        ("stream: actions.dropped", "stream: unheard", "topology_contradiction"),
        ("key: tenant/actor, partitions: 4", "key: tenant/actor, partition: 4", "topology_entry"),
        ("topics:", "topics: [", "topology_syntax"),
    ],
)
def test_given_a_contradiction_then_the_map_is_refused(old: str, new: str, code: str) -> None:
    assert old in TEXT
    with pytest.raises(TopologyError) as caught:
        topology.parse(TEXT.replace(old, new))
    assert caught.value.code == code


def tenant(**changes: Any) -> dict[str, Any]:
    plain: dict[str, Any] = {
        "people": {
            "people": [{"id": "alice", "channels": [{"kind": "console", "address": "alice"}]}, {"id": "mute"}],
            "fallback_contact": "alice",
        },
        "escalation": {
            "policies": [{"id": "p", "steps": [{"person": "alice", "wait_s": 8}]}],
            "teams": {"payments": "p"},
            "default_policy": "p",
        },
        "ownership": {"resources": [{"match": "payments-*", "team": "payments"}]},
    }
    return {**plain, **changes}


def check(plain: dict[str, Any]) -> None:
    check_tenant({name: parse_document(name, canonical(body)) for name, body in plain.items()})


def test_a_sound_tenant_is_accepted() -> None:
    check(tenant())


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"people": {"people": []}}, "configuration_no_fallback"),
        ({"people": {"people": [{"id": "mute"}], "fallback_contact": "mute"}}, "configuration_no_fallback"),
        ({"escalation": {}}, "configuration_no_default_policy"),
        (
            {"escalation": {"policies": [{"id": "p", "steps": [{"person": "mute"}]}], "default_policy": "p"}},
            "configuration_dangling",
        ),
        ({"ownership": {"resources": [{"match": "x", "team": "nobody"}]}}, "configuration_dangling"),
        ({"escalation": {"policies": [{"id": "p", "steps": []}], "default_policy": "p"}}, "configuration_invalid"),
        ({"signals": {"retry_windw_s": 5}}, "configuration_invalid"),
        ({"signals": {"retry_window_s": 0}}, "configuration_invalid"),
        ({"incidents": {"default_severity": "SEV9"}}, "configuration_invalid"),
        ({"colours": {}}, "configuration_unknown"),
    ],
)
def test_given_a_broken_tenant_then_the_error_names_the_field(change: dict[str, Any], code: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        check(tenant(**change))
    assert caught.value.code == code
    assert caught.value.field
    assert caught.value.remedy


def test_a_document_is_canonical_and_its_defaults_are_those_in_code() -> None:
    assert canonical({"b": 1, "a": "é"}) == '{"a":"é","b":1}'.encode()
    for name, default in DEFAULTS.items():
        assert parse_document(name, b"{}") == (default if name != "escalation" else Escalation(teams={}))
    assert json.loads(canonical({"x": [1]})) == {"x": [1]}


def test_an_exact_owner_wins_then_the_longest_prefix_then_nobody() -> None:
    owners = Ownership(
        (
            OwnedResource("*", "all"),
            OwnedResource("pay*", "p"),
            OwnedResource("payments*", "pp"),
            OwnedResource("pay", "e"),
        )
    )
    assert [owners.owner(r) for r in ("pay", "payment", "payments-db", "x")] == ["e", "p", "pp", "all"]
    assert Ownership().owner("x") is None
