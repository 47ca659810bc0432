"""JSON to Action: each field, each refusal by name, and that nothing whatever gives anything else."""

from __future__ import annotations

import base64
import hashlib
import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.http.action_json import translate
from gateway.http.errors import Invalid
from gateway.http.fields import WARNINGS_MAX, Warnings
from schemas import codec, ids
from schemas.head import read_head
from schemas.messages import actions as words
from schemas.messages.actions import Action, Change, Effect, ErrorInfo, Labels, ModelUse, PayloadReference, Tool

NOW = 1_763_784_000_123
SMALLEST = {"actor": "checkout", "type": "charge", "resource": "payments"}
CONTENT = b"what was sent"
CANONICAL = hashlib.sha256('{"a":"ü","b":1}'.encode()).hexdigest()


def said(**fields: Any) -> Action:
    return translate(SMALLEST | fields, "shop", NOW)


def test_the_smallest_action() -> None:
    action = said()
    assert action == Action(
        event_id=ids.seed_key("shop", "checkout", "charge", "payments", NOW // 1000, ""),
        content_key=bytes(16),
        tenant="shop",
        actor="checkout",
        session="",
        sequence=-1,
        timestamp=NOW,
        received_at=NOW,
        traits=words.GENERATED_ID,
        resource="payments",
        type="charge",
    )
    assert read_head(codec.encode(action)).received_at == NOW


@pytest.mark.parametrize(
    ("fields", "attribute", "value"),
    [
        ({"actor": {"id": "a", "name": "A", "version": "3"}}, "actor", "a"),
        ({"actor": {"id": "a", "name": "A", "version": "3"}}, "actor_name", "A"),
        ({"actor": {"id": "a", "name": "A", "version": "3"}}, "actor_version", "3"),
        ({"on_behalf_of": "alice"}, "on_behalf_of", "alice"),
        ({"session": "s-1", "sequence": 0}, "sequence", 0),
        ({"session": "s-1"}, "session", "s-1"),
        ({"timestamp": "1970-01-01T00:00:01.5Z"}, "timestamp", 1_500),
        ({"timestamp": "1970-01-01T01:00:00+01:00"}, "timestamp", 0),
        ({"timestamp": "1969-12-31T23:59:59.999-00:00"}, "timestamp", -1),
        ({"timestamp": "9999-12-31T23:59:59.999999999Z"}, "timestamp", 253_402_300_799_999),
        ({"timestamp": 12}, "timestamp", 12),
        (
            {"parameters": {"b": 1, "a": "ü"}},
            "parameters_digest",
            hashlib.sha256('{"a":"ü","b":1}'.encode()).hexdigest(),
        ),
        ({"parameters_digest": "abc"}, "parameters_digest", "abc"),
        ({"attempt": 2, "attempt_limit": 3}, "attempt", 2),
        ({"attempt": 2, "attempt_limit": 3}, "attempt_limit", 3),
        ({"id": "8c1d2b1e-0000-4000-8000-000000000001"}, "event_id", bytes.fromhex("8c1d2b1e000040008000000000000001")),
        ({"id": "mine-1"}, "event_id", ids.given_id("shop", "checkout", "mine-1")),
        ({"id": "mine-1"}, "source_id", "mine-1"),
        ({"parent_id": "mine-0"}, "parent_id", ids.given_id("shop", "checkout", "mine-0")),
        ({"trace_id": "t", "span_id": "s"}, "trace_id", "t"),
        ({"result": "ok"}, "result", "ok"),
        (
            {"error": {"type": "Timeout", "message": "30 s", "code": "504"}},
            "error",
            ErrorInfo("Timeout", "30 s", "504"),
        ),
        ({"error": True}, "error", ErrorInfo("error", "")),
        ({"error": False}, "error", None),
        ({"change": {"kind": "deploy", "after": "v2"}}, "change", Change("deploy", None, "v2", None)),
        ({"labels": {"world": "RML1"}}, "labels", Labels("RML1", None)),
        ({"labels": {}}, "labels", None),
        (
            {"payload": {"type": "external", "size": 3, "hash": "h", "location": "s3://x"}},
            "payload",
            PayloadReference("external", 3, "h", "s3://x"),
        ),
        (
            {"payload": {"type": "inline", "content": base64.b64encode(CONTENT).decode()}},
            "payload",
            PayloadReference("inline", len(CONTENT), hashlib.sha256(CONTENT).hexdigest(), None, CONTENT),
        ),
        (
            {"id": "x", "effect": {"kind": "charge", "amount": "0012", "currency": "EUR", "counterparty": "bob"}},
            "effect",
            Effect("charge", "12", "EUR", "bob"),
        ),
        (
            {"tool": {"name": "kubectl.apply", "type": "function", "call_id": "c1"}},
            "tool",
            Tool("kubectl.apply", "function", "c1"),
        ),
        ({"tool": {"name": "kubectl.apply"}}, "tool", Tool("kubectl.apply")),
        (
            {"model": {"name": "m-1", "provider": "p", "input_tokens": 9, "output_tokens": 0}},
            "model",
            ModelUse("m-1", "p", 9, 0),
        ),
        ({"model": {"name": "m-1"}}, "model", ModelUse("m-1")),
        *[
            ({name: None}, name, getattr(said(), name))
            for name in ("session", "effect", "error", "timestamp", "labels", "tool", "model")
        ],
    ],
)
def test_a_field_arrives_where_it_belongs(fields: dict[str, Any], attribute: str, value: Any) -> None:
    action = said(**fields)
    assert getattr(action, attribute) == value
    assert codec.Words(words.ACTIONS).decode(codec.encode(action)) == action


@pytest.mark.parametrize(
    ("fields", "traits"),
    [
        ({"id": "x"}, 0),
        ({}, words.GENERATED_ID),
        ({"id": "x", "error": True}, words.ERROR),
        ({"id": "x", "effect": {"kind": "mail"}}, words.EFFECT),
        ({"id": "x", "labels": {"action": "a"}}, words.LABEL),
        ({"id": "x", "change": {"kind": "flag"}}, words.CHANGE),
        ({"id": "x", "backfill": True}, words.BACKFILL),
        ({"id": "x", "retryable": True, "attempt": 1}, words.RETRYABLE),
        ({"id": "x", "attempt": 2}, words.RETRY),
    ],
)
def test_traits_are_bits_of_what_was_said(fields: dict[str, Any], traits: int) -> None:
    assert said(**fields).traits == traits


def test_an_effects_content_has_no_time_and_no_id_but_a_tenant() -> None:
    effect = {"kind": "charge", "amount": "100", "currency": "EUR", "counterparty": "bob"}
    first = said(id="1", effect=effect, timestamp=1)
    assert first.content_key == said(id="2", effect={**effect, "amount": "0100"}, timestamp=2).content_key
    assert first.content_key != said(id="1", effect={**effect, "counterparty": "eve"}).content_key
    assert first.content_key != said(id="1", effect=effect, resource="other").content_key
    assert first.content_key != translate(SMALLEST | {"id": "1", "effect": effect}, "bank", NOW).content_key


def test_an_idempotency_key_gives_an_id_and_an_own_id_wins() -> None:
    generated = bytes(range(16))
    effect = {"effect": {"kind": "mail"}}
    assert translate(SMALLEST | effect, "shop", NOW, generated).event_id == generated
    assert translate(SMALLEST | effect, "shop", NOW, generated).traits == words.EFFECT
    assert translate(SMALLEST | {"id": "x"}, "shop", NOW, generated).event_id == ids.given_id("shop", "checkout", "x")


@pytest.mark.parametrize(
    ("plain", "code", "field"),
    [
        ([], "field_not_object", "body"),
        ("text", "field_not_object", "body"),
        ({}, "field_required", "actor"),
        ({"actor": ""}, "field_required", "actor"),
        ({"actor": 3}, "field_not_text", "actor"),
        ({"actor": {"name": "A"}}, "field_required", "actor.id"),
        ({"type": None}, "field_required", "type"),
        ({"resource": ""}, "field_required", "resource"),
        ({"resource": "x" * 1_025}, "field_too_long", "resource"),
        ({"resource": "x\x00"}, "field_not_text", "resource"),
        ({"session": "\ud800"}, "field_not_text", "session"),
        ({"sequence": -1}, "field_out_of_range", "sequence"),
        ({"sequence": 2**63}, "field_out_of_range", "sequence"),
        ({"sequence": 1.0}, "field_not_integer", "sequence"),
        ({"sequence": True}, "field_not_integer", "sequence"),
        ({"timestamp": "yesterday"}, "field_malformed", "timestamp"),
        ({"timestamp": "2026-02-30T00:00:00Z"}, "field_malformed", "timestamp"),
        ({"timestamp": "2026-01-01T00:00:00"}, "field_malformed", "timestamp"),
        ({"timestamp": 1.5}, "field_malformed", "timestamp"),
        ({"timestamp": 2**62}, "field_malformed", "timestamp"),
        ({"timestamp": "0001-01-01T00:00:00+01:00"}, "field_malformed", "timestamp"),
        ({"parameters": []}, "field_not_object", "parameters"),
        ({"parameters": {"x": "\udfff"}}, "field_not_text", "parameters"),
        ({"parameters": {}, "parameters_digest": "a"}, "field_contradiction", "parameters_digest"),
        ({"attempt": 0}, "field_out_of_range", "attempt"),
        ({"id": ""}, "field_required", "id"),
        ({"id": "x" * 257}, "field_too_long", "id"),
        ({"retryable": "yes"}, "field_not_boolean", "retryable"),
        ({"backfill": 1}, "field_not_boolean", "backfill"),
        ({"error": "boom"}, "field_not_object", "error"),
        ({"error": {"message": "m"}}, "field_required", "error.type"),
        ({"error": {"type": "T", "message": "m" * 4_097}}, "field_too_long", "error.message"),
        ({"effect": {"kind": "charge"}}, "effect_without_id", "id"),
        ({"id": "x", "effect": {"kind": "charge", "amount": 12, "currency": "EUR"}}, "field_not_text", "effect.amount"),
        (
            {"id": "x", "effect": {"kind": "c", "amount": "1.5", "currency": "EUR"}},
            "field_malformed",
            "effect.amount",
        ),
        ({"id": "x", "effect": {"kind": "charge", "amount": "1"}}, "field_required", "effect.currency"),
        ({"id": "x", "effect": {"kind": "c", "currency": "euro"}}, "field_malformed", "effect.currency"),
        ({"id": "x", "effect": {"kind": "c", "reversibility": "maybe"}}, "field_not_a_choice", "effect.reversibility"),
        ({"change": {}}, "field_required", "change.kind"),
        ({"change": {"kind": "party"}}, "field_not_a_choice", "change.kind"),
        ({"payload": {"type": "inline"}}, "field_required", "payload.content"),
        ({"payload": {"type": "inline", "content": "***"}}, "field_malformed", "payload.content"),
        ({"payload": {"type": "inline", "content": "", "hash": "x"}}, "field_contradiction", "payload.hash"),
        ({"payload": {"type": "inline", "content": "", "size": 1}}, "field_contradiction", "payload.size"),
        ({"payload": {"type": "external", "hash": "h"}}, "field_required", "payload.size"),
    ],
)
def test_a_wrong_field_is_refused_by_name_with_a_remedy(plain: Any, code: str, field: str) -> None:
    whole = SMALLEST | plain if isinstance(plain, dict) and plain else plain
    with pytest.raises(Invalid) as caught:
        translate(whole, "shop", NOW)
    assert (caught.value.code, caught.value.field) == (code, field)
    assert caught.value.remedy.endswith(".")
    assert "\x00" not in str(caught.value)
    str(caught.value).encode()


def test_parameters_that_are_nested_too_deeply_are_refused() -> None:
    deep: Any = {}
    for _ in range(100_000):
        deep = {"x": deep}
    with pytest.raises(Invalid) as caught:
        said(parameters=deep)
    assert caught.value.code == "too_deep"
    while deep:  # taken apart by hand: the interpreter would do it recursively
        deep = deep.pop("x")


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text()
    | st.sampled_from(["\ud800", "\x00", "1970-01-01T00:00:00Z"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)
NAMES = """
actor type resource id on_behalf_of session sequence timestamp parameters parameters_digest attempt attempt_limit
retryable parent_id trace_id span_id result error effect change labels payload backfill tenant kind amount
tool model name provider input_tokens output_tokens call_id
"""
FIELDS = st.sampled_from(NAMES.split())


@settings(max_examples=300, deadline=None)
@given(JSON | st.dictionaries(FIELDS, JSON, max_size=6).map(lambda extra: SMALLEST | extra))
def test_anything_is_an_action_or_a_refusal_that_can_be_said(plain: Any) -> None:
    try:
        action = translate(plain, "shop", NOW)
    except Invalid as error:
        json.dumps([error.field, error.why]).encode()
        return
    assert read_head(codec.encode(action)).actor == action.actor


def test_what_nobody_asked_for_is_named_and_not_used() -> None:
    warnings = Warnings()
    plain = SMALLEST | {"actor": {"id": "a", "nam": "A"}, "tenant": "bank", "sesion": "s", "x y": 1, "a\ud800": 2}
    action = translate(plain, "shop", NOW, place="actions[3]", warnings=warnings)
    assert (action.tenant, action.actor_name, action.session) == ("shop", None, "")
    said = [(w["code"], w["field"]) for w in warnings.plain()]
    assert said == [
        ("field_unknown", f"actions[3].{name}") for name in ("actor.nam", "tenant", "sesion", "x y", "a\\ud800")
    ]
    assert "token" in warnings.plain()[1]["detail"]


def test_warnings_are_bounded() -> None:
    warnings = Warnings()
    translate(SMALLEST | {f"unknown_{n}": n for n in range(100_000)}, "shop", NOW, warnings=warnings)
    assert len(warnings.plain()) == WARNINGS_MAX + 1
    assert "99984 more" in warnings.plain()[-1]["detail"]
    assert len(json.dumps(warnings.plain())) < 4_096


def test_a_wrong_field_of_a_batch_is_named_with_its_place() -> None:
    with pytest.raises(Invalid) as error:
        translate(SMALLEST | {"effect": {"kind": "charge", "amount": 7}}, "shop", NOW, place="actions[3]")
    assert (error.value.code, error.value.field) == ("field_not_text", "actions[3].effect.amount")
