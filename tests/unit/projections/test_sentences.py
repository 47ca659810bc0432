"""Every event of an incident's timeline has one plain sentence."""

from __future__ import annotations

from dataclasses import replace

import pytest

from projections.incidents import sentences as of_incidents
from projections.pages import sentences as of_pages
from projections.pages.project import Paging, evolve
from schemas.messages import incidents, notifications
from schemas.messages.incidents.flooding import DependencyCleared, DependencySuspected
from tests.support.effects import notice_requested
from tests.unit.projections import blast_records as b
from tests.unit.projections import corrected_records, trigger_records
from tests.unit.projections import incident_records as m
from tests.unit.projections import records as r
from tests.unit.projections.records import T0
from tests.unit.projections.responding_records import SENTENCES as RESPONDING

OF_ONE: tuple[str, bytes, int] = ("shop", bytes(16), 1)
INCIDENTS = {
    **trigger_records.SENTENCES,
    **corrected_records.SENTENCES,
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
    m.assigned(T0): "bob assigned it to alice, after 6 failures and 4 affected: she knows the pool.",
    m.contained(T0): "bob contained it: no more harm is done, after 6 failures and 4 affected.",
    m.reopened(T0): "carol reopened the incident: it is back.",
    m.closed(T0): "bob closed the incident.",
    m.severity_changed(T0): "bob set the severity from SEV2 to SEV1: the press.",
    m.reported(T0): "erin reported on payments, since 2026-09-21T14:12:20.000Z: customers cannot pay.",
    m.alert_attached(T0): ("The alert PaymentsErrorRateHigh of alertmanager fires on payments: 23 % of charges fail."),
    m.alert_resolved(T0, 2): "The alert PaymentsErrorRateHigh of alertmanager is over; 2 alerts still firing.",
    m.cause(T0): (
        "Likely cause (high confidence): deploy v2.3.0 → v2.3.1 of payments by deployer, 1 s before the first failure."
    ),
    m.no_cause(T0): "No likely cause: no candidate among 0 changes.",
    b.blast(T0): "payments: 1 service calls it, 3 more possibly affected; 2 owners.",
    b.change_blast(T0): "payments: 1 service calls it, 1 more possibly affected; 2 owners.",
    r.healed(T0): "search-tuner's search.query succeeded on payments after 1 failed try; nobody was told.",
    m.classified(T0): (
        "It looks like a feature flag that broke something: its likely cause (80 %) is a flag change of payments."
        " One could: disable flag."
    ),
    **RESPONDING,
    DependencySuspected(
        *OF_ONE, "stripe", "eu", "possible", "stripe is degraded.", ("it depends on it",), T0, None, "ops", T0
    ): ("stripe is degraded. [POSSIBLE] Because it depends on it."),
    DependencyCleared(*OF_ONE, "stripe", "eu", "stripe has recovered.", T0): "stripe has recovered.",
}
PAGES = {
    r.started(T0): "Paging by policy payments-team began because the incident opened (payments-team owns it).",
    r.requested(T0): "alice is paged by webhook (step 1 of 3, round 1 of 3).",
    r.delivered(T0): "alice's webhook took the page.",
    r.page_failed(T0): (
        "The page to alice's webhook had no outcome in time (nothing within 10 s); it is asked for again."
    ),
    r.stopped(T0): "Paging stopped: bob acknowledged it.",
    r.stopped(T0 + 1, reason="resolved"): "Paging of INC-1 stopped: it is over, by bob.",
    r.exhausted(T0): (
        "Nobody acknowledged in 3 rounds of policy payments-team: duty-manager, the fallback contact, is paged."
    ),
    notice_requested(): "alice is told by console: ⚠ 103 errors in service/payments (last 1 min).",
}


@pytest.mark.parametrize(("event", "wanted"), INCIDENTS.items(), ids=lambda x: type(x).__name__)
def test_sentences_of_incidents(event, wanted):
    assert of_incidents.sentence(event, "payments") == wanted


@pytest.mark.parametrize(("event", "wanted"), PAGES.items(), ids=lambda x: type(x).__name__)
def test_sentences_of_pages(event, wanted):
    assert of_pages.sentence(event) == wanted


def test_what_a_radius_does_not_know_and_why_it_is_said_again():
    again = b.blast(T0, because="catalog", cut=0, owners=())
    wanted = "payments: 1 service calls it, 1 more possibly affected, as the catalog says now."
    assert of_incidents.sentence(again, "payments") == wanted
    unknown = b.blast(T0, services=(), nodes=(), reasons=("no service has the resource payments",))
    wanted = "What else it may have hit is not known: no service has the resource payments."
    assert of_incidents.sentence(unknown, "payments") == wanted


def test_no_event_without_a_sentence():
    # An event without an incident (a flood, a dependency's rate) is told by a read model of its own.
    of_one = {e for e in incidents.EVENTS if e in {type(said) for said in INCIDENTS} or "incident_id" in e.__slots__}
    assert {type(e) for e in INCIDENTS} == of_one
    assert {type(e) for e in PAGES} == set(notifications.EVENTS)


@pytest.mark.parametrize("event", PAGES, ids=lambda x: type(x).__name__)
def test_no_event_ends_the_read_model_of_pages(event):
    # One that its fold did not know would come again at every restart, and end it each time.
    assert isinstance(evolve(Paging(), event, 1), Paging)


def test_other_pages():
    again = r.requested(T0, attempt=2)
    assert of_pages.sentence(again) == "alice is paged again by webhook (attempt 2)."
    also = r.requested(T0, person="bob", step=2, also_paged=("alice",))
    assert of_pages.sentence(also) == "bob is paged by webhook (step 2 of 3, round 1 of 3; also paged: alice)."
    last = r.requested(T0, person="duty-manager", why="escalation_exhausted")
    assert of_pages.sentence(last) == "duty-manager is paged by webhook as the fallback contact."


def test_what_opened_it_is_said():
    reported, alerted = r.opened(trigger="report", actor="erin"), r.opened(trigger="alert", actor="alertmanager")
    assert of_incidents.sentence(reported, "payments") == "INC-1 opened as SEV3: erin reported a problem on payments."
    wanted = "INC-1 opened as SEV3: an alert of alertmanager fires on payments."
    assert of_incidents.sentence(alerted, "payments") == wanted


def test_a_command_of_two_words_is_said_in_two_words():
    refused = replace(r.refused(T0), command="ChangeSeverity")
    assert (
        of_incidents.sentence(refused, None)
        == "carol asked to change severity and was refused: INC-1 was resolved by bob."
    )


def test_who_did_it():
    people = [m.assigned(T0), m.contained(T0), m.reopened(T0), m.closed(T0), m.severity_changed(T0), m.reported(T0)]
    assert [of_incidents.speaker(e) for e in people] == ["bob", "bob", "carol", "bob", "bob", "erin"]
    assert of_incidents.speaker(m.alert_attached(T0)) == "alertmanager"
    assert of_incidents.speaker(m.cause(T0)) is None
    assert of_incidents.speaker(r.opened()) == "checkout-helper-1"
    assert of_incidents.speaker(r.acknowledged(T0)) == "bob"
    assert of_incidents.speaker(r.raised(T0)) is None
    assert of_pages.speaker(r.started(T0)) is None
    assert of_pages.speaker(r.delivered(T0)) == "alice"
