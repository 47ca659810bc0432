"""What a page says, and what the service is told by its environment."""

from __future__ import annotations

import json
from ipaddress import ip_network

import pytest

from processors.effects import page, settings
from processors.effects.addresses import Rules
from schemas import ids
from schemas.errors import MandateError
from tests.support.effects import notice_requested, page_requested

BASE = "https://mandate.example"


def test_the_body_has_what_the_contract_names() -> None:
    request = page_requested()
    said = json.loads(page.body(request, BASE))
    assert said["type"] == "page.requested"
    assert said["timestamp"] == "2023-11-14T22:13:21.000Z"
    assert said["data"] == {
        "notification_id": ids.text(request.notification_id),
        "tenant": "shop",
        "incident": "INC-7",
        "incident_id": ids.text(request.incident_id),
        "severity": "SEV2",
        "what": "CardDeclined in payments",
        "resource": "service/payments",
        "since": "2023-11-14T22:13:20.000Z",
        "impact": {"failures": 12, "affected": 3},
        "person": "alice",
        "also_paged": ["bob"],
        "step": 1,
        "steps": 3,
        "round": 1,
        "rounds": 3,
        "why": "opened",
        "link": "https://mandate.example/incidents/INC-7",
    }


def test_a_notice_says_how_many_and_what_one_may_do() -> None:
    request = notice_requested()
    said = json.loads(page.body(request, BASE))
    assert (said["type"], said["timestamp"]) == ("errors.aggregated", "2023-11-14T22:14:20.000Z")
    assert said["data"]["what"] == "⚠ 103 errors in service/payments (last 1 min)"
    assert (said["data"]["errors"], said["data"]["window_s"], said["data"]["person"]) == (103, 59, "alice")
    assert said["data"]["actions"] == [
        {"title": "View all", "method": "GET", "url": "https://mandate.example/incidents/INC-7"},
        {
            "title": "Mute for 10min",
            "method": "POST",
            "url": "https://mandate.example/v1/incidents/INC-7/mute",
            "body": {"minutes": 10},
        },
    ]
    assert page.line(request, BASE) == (
        "NOTICE alice: INC-7 SEV2 ⚠ 103 errors in service/payments (last 1 min),"
        " https://mandate.example/incidents/INC-7"
    )


def test_a_body_stays_small_whatever_the_request_holds() -> None:
    request = page_requested(title="💥" * 50_000, resource="r" * 50_000, also_paged=("x" * 64,) * 500)
    assert len(page.body(request, BASE)) < 20_000


def test_a_line_cannot_steer_the_terminal() -> None:
    assert "\x1b" not in page.line(page_requested(title="a\x1b[2Jb\nc"), BASE)
    assert "\n" not in page.line(page_requested(title="a\x1b[2Jb\nc"), BASE)


def test_a_link_with_a_host_of_its_own_is_kept() -> None:
    assert page.link(page_requested(link="https://other.example/x"), BASE) == "https://other.example/x"


def test_a_flood_has_no_incidents_name() -> None:
    asked = page_requested(number=0, link="/review")
    assert page.document(asked, BASE)["data"]["incident"] == "REVIEW"
    assert "PAGE alice: REVIEW " in page.line(asked, BASE)


NEEDED = {"MANDATE_KAFKA": "k:9092", "MANDATE_POSTGRES": "postgresql://p/x"}


def test_settings_from_the_environment() -> None:
    found = settings.from_environment(
        2,
        NEEDED
        | {
            "MANDATE_HTTP": "127.0.0.1:81",
            "MANDATE_EFFECTS_CONSOLE": "/tmp/c.jsonl",
            "MANDATE_LINK_BASE": "https://m.example/",
            "MANDATE_ENVIRONMENT": "development",
            "MANDATE_WEBHOOK_NETWORKS": "127.0.0.0/8, ::1/128",
        },
    )
    assert (found.slot, found.kafka, found.http) == (2, "k:9092", ("127.0.0.1", 81))
    assert (found.link_base, str(found.console)) == ("https://m.example", "/tmp/c.jsonl")
    assert found.rules == Rules(True, (ip_network("127.0.0.0/8"), ip_network("::1/128")))


def test_settings_have_safe_defaults() -> None:
    found = settings.from_environment(0, NEEDED)
    assert (found.http, found.console, found.rules) == (None, None, Rules())
    assert found.link_base == "http://127.0.0.1:8080"


@pytest.mark.parametrize("missing", sorted(NEEDED))
def test_a_missing_setting_is_named(missing: str) -> None:
    with pytest.raises(MandateError) as caught:
        settings.from_environment(0, {k: v for k, v in NEEDED.items() if k != missing})
    assert caught.value.code == "setting_missing"
    assert missing in str(caught.value)


@pytest.mark.parametrize("value", ["8080", "host:", ":80", "host:x", "host:70000"])
def test_a_wrong_address_is_refused(value: str) -> None:
    with pytest.raises(MandateError) as caught:
        settings.from_environment(0, NEEDED | {"MANDATE_HTTP": value})
    assert caught.value.code == "setting_invalid"
