"""Every event of an incident's timeline has one plain sentence."""

from __future__ import annotations

import pytest

from projections.incidents import sentences as of_incidents
from projections.pages import sentences as of_pages
from schemas.messages import incidents, notifications
from tests.unit.projections import records as r
from tests.unit.projections.records import T0

INCIDENTS = {
    r.opened(): "INC-1 opened as SEV3: checkout-helper-1's payments.charge failed on payments with PaymentError.",
    r.attached(14, 12, T0): (
        "checkout-helper-2's payments.charge failed too on payments: 14 failures and 12 affected so far."
    ),
    r.raised(T0): "The severity went from SEV3 to SEV2 after 5 failures and 3 affected: 5 failures.",
    r.paged(T0, 1, 0): "alice is the first person a page reached, by webhook, after 1 failure.",
    r.acknowledged(T0): "bob acknowledged and is on it, after 6 failures and 4 affected.",
    r.moved("detected", "investigating", T0): "The state went from detected to investigating by bob: acknowledged.",
    r.resolved(T0): "bob resolved the incident after 7 failures and 5 affected: rolled back.",
    r.refused(T0): "carol asked to acknowledge and was refused: INC-1 was resolved by bob.",
    r.change(1, T0): "deployer changed payments (deploy) from v2.3.0 to v2.3.1: pool 10 → 5.",
    r.healed(T0): "search-tuner's search.query succeeded on payments after 1 failed try; nobody was told.",
}
PAGES = {
    r.started(T0): "Paging by policy payments-team began because the incident opened (payments-team owns it).",
    r.requested(T0): "alice is paged by webhook (step 1 of 3, round 1 of 3).",
    r.delivered(T0): "alice's webhook took the page.",
    r.page_failed(T0): (
        "The page to alice's webhook had no outcome in time (nothing within 10 s); it is asked for again."
    ),
    r.stopped(T0): "Paging stopped: bob acknowledged it.",
    r.exhausted(T0): (
        "Nobody acknowledged in 3 rounds of policy payments-team: duty-manager, the fallback contact, is paged."
    ),
}


@pytest.mark.parametrize(("event", "wanted"), INCIDENTS.items(), ids=lambda x: type(x).__name__)
def test_sentences_of_incidents(event, wanted):
    assert of_incidents.sentence(event, "payments") == wanted


@pytest.mark.parametrize(("event", "wanted"), PAGES.items(), ids=lambda x: type(x).__name__)
def test_sentences_of_pages(event, wanted):
    assert of_pages.sentence(event) == wanted


def test_no_event_without_a_sentence():
    assert {type(e) for e in INCIDENTS} == set(incidents.EVENTS)
    assert {type(e) for e in PAGES} == set(notifications.EVENTS)


def test_other_pages():
    again = r.requested(T0, attempt=2)
    assert of_pages.sentence(again) == "alice is paged again by webhook (attempt 2)."
    also = r.requested(T0, person="bob", step=2, also_paged=("alice",))
    assert of_pages.sentence(also) == "bob is paged by webhook (step 2 of 3, round 1 of 3; also paged: alice)."
    last = r.requested(T0, person="duty-manager", why="escalation_exhausted")
    assert of_pages.sentence(last) == "duty-manager is paged by webhook as the fallback contact."


def test_who_did_it():
    assert of_incidents.speaker(r.opened()) == "checkout-helper-1"
    assert of_incidents.speaker(r.acknowledged(T0)) == "bob"
    assert of_incidents.speaker(r.raised(T0)) is None
    assert of_pages.speaker(r.started(T0)) is None
    assert of_pages.speaker(r.delivered(T0)) == "alice"
