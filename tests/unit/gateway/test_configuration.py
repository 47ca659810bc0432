"""Configuration requests, where they are announced, the record that announces, and settings of the process."""

from __future__ import annotations

from hashlib import sha256
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.configuration import difference, request, targets
from gateway.configuration.outbox import announcement
from gateway.configuration.service import places_of
from gateway.configuration.store import Pending
from gateway.http import settings as process
from processors.effects.addresses import Rules
from processors.kernel.configuration import in_force
from schemas import codec, ids, topology
from schemas.configuration import DEFAULTS, MAX_DOCUMENT_BYTES, canonical, parse_document
from schemas.envelope import record_id
from schemas.errors import ConfigurationError, MandateError
from schemas.messages.incidents import ChangeObserved
from schemas.messages.kernel import SHARED, ConfigurationActivated, ConfigurationAnnounced
from schemas.partitioning import partition_of
from schemas.record import Record
from tests.unit.gateway.test_action_json import JSON

TOKEN = {"sha256": "a" * 64, "subject": "alice", "kind": "person", "roles": ["admin"]}


def test_a_whole_request() -> None:
    plain = {
        "documents": {"signals": {"retry_window_s": 5}},
        "tokens": [TOKEN],
        "expected": {"signals": 3, "people": 0},
        "dry_run": True,
    }
    found = request.parse("shop", plain)
    assert found.bodies == {"signals": b'{"retry_window_s":5}'}
    assert found.tokens == (request.Token("a" * 64, "alice", "person", ("admin",)),)
    assert (found.expected, found.dry_run) == ({"signals": 3, "people": 0}, True)
    assert request.parse("shop", {}).tokens is None
    assert request.parse("shop", {"tokens": []}).tokens == ()


@pytest.mark.parametrize(
    ("plain", "code", "field"),
    [
        ([], "configuration_invalid", "body"),
        ({"documents": []}, "configuration_invalid", "documents"),
        ({"documents": {"peple": {}}}, "configuration_unknown", "documents"),
        ({"documents": {"people": 1}}, "configuration_invalid", "documents.people"),
        ({"documents": {"people": {"x": "\ud800"}}}, "configuration_invalid", "documents.people"),
        ({"documents": {"people": {"x": "a\x00"}}}, "configuration_invalid", "documents.people"),
        ({"dry_run": "no"}, "configuration_invalid", "dry_run"),
        ({"expected": {"people": -1}}, "configuration_invalid", "expected"),
        ({"expected": {"persons": 1}}, "configuration_invalid", "expected"),
        ({"tokens": {}}, "configuration_invalid", "tokens"),
        ({"tokens": [TOKEN, TOKEN]}, "configuration_invalid", "tokens.1.sha256"),
        ({"tokens": [TOKEN | {"sha256": "A" * 64}]}, "configuration_invalid", "tokens.0.sha256"),
        ({"tokens": [TOKEN | {"kind": "robot"}]}, "configuration_invalid", "tokens.0.kind"),
        ({"tokens": [TOKEN | {"subject": "a\nb"}]}, "configuration_invalid", "tokens.0.subject"),
        ({"tokens": [TOKEN | {"roles": "admin"}]}, "configuration_invalid", "tokens.0.roles"),
        ({"tokens": ["plain"]}, "configuration_invalid", "tokens.0"),
    ],
)
def test_what_is_wrong_is_named(plain, code, field) -> None:
    with pytest.raises(ConfigurationError) as caught:
        request.parse("shop", plain)
    assert (caught.value.code, caught.value.field) == (code, field)


def test_what_nobody_asked_for_is_named_and_not_used() -> None:
    found = request.parse("shop", {"document": {"people": {}}, "tokens": [TOKEN | {"token": "the-token-itself"}]})
    assert (found.bodies, found.tokens) == ({}, (request.Token("a" * 64, "alice", "person", ("admin",)),))
    assert [w["field"] for w in found.warnings.plain()] == ["document", "tokens.0.token"]
    assert "the-token-itself" not in str(found.warnings.plain())


def test_an_error_shows_no_token_that_was_put_in_the_hashes_place() -> None:
    with pytest.raises(ConfigurationError) as caught:
        request.parse("shop", {"tokens": [TOKEN | {"sha256": "the-token-itself"}]})
    assert "the-token-itself" not in str(caught.value)


@pytest.mark.parametrize("tenant", ["", "-a", "a/b", "a b", "a%2F", "x" * 64, "ü", "a\n"])
def test_names_of_tenants(tenant) -> None:
    with pytest.raises(ConfigurationError) as caught:
        request.parse(tenant, {})
    assert caught.value.code == "tenant_malformed"


@settings(max_examples=200, deadline=None)
@given(st.dictionaries(st.sampled_from(["documents", "tokens", "expected", "dry_run", "more"]), JSON) | JSON)
def test_no_json_is_a_bug(plain) -> None:
    try:
        request.parse("shop", plain)
    except ConfigurationError as error:
        str(error).encode()


def test_every_document_is_announced_where_the_map_says() -> None:
    declared = topology.load()
    for name in DEFAULTS:
        for room in declared.readers_of_document(name):
            places = [p for topic, p in places_of(declared, "shop", name) if topic == room.input]
            count = declared.partitions(room.input)
            everywhere, own = list(range(count)), [partition_of(b"shop", count)]
            assert places == (everywhere if room.announced == "all" else own)
    assert places_of(declared, "shop", "signals") == [("actions.ordered", p) for p in range(4)]


def test_an_announcement_has_one_id_however_often_it_is_made() -> None:
    pending = Pending(7, "a/b", "signals", 3, "actions.ordered", 2, "h", b"{}")
    (one,), (two,) = announcement(pending, 1), announcement(pending, 2)
    assert (one.topic, one.partition, one.key) == ("actions.ordered", 2, b"a%2Fb")
    assert codec.Words(SHARED).decode(one.value) == ConfigurationAnnounced("a/b", "signals", 3, "h", b"{}")
    found = [record_id(Record("t", 2, 0, 0, x.key, x.value, x.headers)) for x in (one, two)]
    assert found[0] == found[1]
    (other,) = announcement(Pending(7, "a/b", "signals", 3, "actions.ordered", 1, "h", b"{}"), 1)
    assert record_id(Record("t", 2, 0, 0, other.key, other.value, other.headers)) != found[0]
    assert len(found[0] or b"") == ids.ID_BYTES


def test_a_new_version_is_told_as_a_change_with_one_id_and_without_its_content() -> None:
    pending = Pending(7, "a/b", "targets", 4, "incidents.commands", 1, "h", b'{"secret":1}', "change", "carol", 99)
    (one,), (two,) = announcement(pending, 1), announcement(pending, 2)
    assert (one.topic, one.partition, one.key, one.value) == ("incidents.commands", 1, b"a%2Fb", two.value)
    found = [record_id(Record("t", 1, 0, 0, x.key, x.value, x.headers)) for x in (one, two)]
    change_id = ids.derive("configured", "a/b", "targets", 4)
    assert found == [change_id, change_id]
    assert codec.Words((ChangeObserved,)).decode(one.value) == ChangeObserved(
        "a/b",
        "configuration/targets",
        "configuration",
        "version 3",
        "version 4",
        "targets is version 4",
        "carol",
        change_id,
        99,
    )


def test_a_large_document_is_announced_in_parts_and_then_activated() -> None:
    body = canonical({"services": [{"id": f"s{n}", "name": "x" * 200} for n in range(3_000)]})
    digest = sha256(body).hexdigest()
    found = announcement(Pending(7, "a", "catalog", 3, "incidents.commands", 0, digest, body), 1)
    said = [codec.Words(SHARED).decode(each.value) for each in found]
    assert len(said) == -(-len(body) // MAX_DOCUMENT_BYTES) + 1
    assert b"".join(m.body for m in said[:-1]) == body
    assert said[-1] == ConfigurationActivated("a", "catalog", 3, digest, len(said) - 1)
    records = [record_id(Record("t", 0, 0, 0, x.key, x.value, x.headers)) for x in found]
    assert len(set(records)) == len(records)
    assert in_force(said) == [ConfigurationAnnounced("a", "catalog", 3, digest, body)]


def test_the_difference_of_a_large_catalog_is_told_by_service() -> None:
    before = {"services": [{"id": f"s{n}"} for n in range(5_000)]}
    after = {"services": [*before["services"][1:], {"id": "new"}], "teams": [{"id": "t"}]}
    assert difference.lines(before, after) == [
        '+services {"id": "new"}',
        '-services {"id": "s0"}',
        '+teams {"id": "t"}',
    ]


def test_the_difference_for_people() -> None:
    assert difference.lines(None, {"a": 1}) == ["@@ -0,0 +1,3 @@", "+{", '+  "a": 1', "+}"]
    assert difference.lines({"a": 1}, {"a": 1}) == []
    long = difference.lines(None, {str(n): n for n in range(2_000)})
    assert len(long) == difference.LINES_MAX + 1
    assert long[-1].endswith("more lines")


ENV = {"MANDATE_KAFKA": "k:1", "MANDATE_POSTGRES": "postgresql://x"}


def test_settings() -> None:
    found = process.read(ENV | {"MANDATE_HTTP": "[::1]:80", "MANDATE_OPERATOR_TOKEN_SHA256": "AB" * 32})
    assert (found.http, found.operator_sha256, found.behind_tls) == (("::1", 80), "ab" * 32, False)
    assert process.read(ENV).http == ("127.0.0.1", 8080)


@pytest.mark.parametrize(
    ("env", "code"),
    [
        ({}, "setting_missing"),
        ({"MANDATE_KAFKA": "k:1"}, "setting_missing"),
        (ENV | {"MANDATE_HTTP": "8080"}, "setting_malformed"),
        (ENV | {"MANDATE_HTTP": "h:x"}, "setting_malformed"),
        (ENV | {"MANDATE_HTTP": "h:99999"}, "setting_malformed"),
        (ENV | {"MANDATE_OPERATOR_TOKEN_SHA256": "plain-token"}, "setting_malformed"),
    ],
)
def test_wrong_settings_are_named_without_their_values(env, code) -> None:
    with pytest.raises(MandateError) as caught:
        process.read(env)
    assert caught.value.code == code
    assert "plain-token" not in str(caught.value)


def _people(address: str) -> dict[str, Any]:
    person = {"id": "alice", "channels": [{"kind": "console"}, {"kind": "webhook", "address": address}]}
    return {"people": parse_document("people", canonical({"people": [person], "fallback_contact": "alice"}))}


@pytest.mark.parametrize(
    ("address", "code"),
    [
        ("http://pager.example/", "target_scheme"),
        ("https://127.1/", "target_host"),
        ("https://169.254.169.254/latest", "target_address"),
        ("https://user@pager.example/", "target_credentials"),
        ("https://other.example/", "target_not_allowed"),
    ],
)
def test_a_webhook_that_can_never_be_sent_to_is_refused_when_it_is_applied(address: str, code: str) -> None:
    allowed = {"targets": parse_document("targets", b'{"webhooks":["pager.example"]}')}
    with pytest.raises(ConfigurationError) as caught:
        targets.check(_people(address) | allowed, Rules())
    assert (caught.value.code, caught.value.field) == (code, "people.people.0.channels.1.address")


def test_a_webhook_that_may_be_sent_to_is_accepted() -> None:
    targets.check(_people("https://pager.example/hook"), Rules())
    development = process.read(ENV | {"MANDATE_ENVIRONMENT": "development", "MANDATE_WEBHOOK_NETWORKS": "127.0.0.0/8"})
    targets.check(_people("http://127.0.0.1:9999/hook"), development.webhooks)
