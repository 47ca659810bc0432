"""A page's row is a fold over its requests and outcomes; an escalation's row says how far paging has come."""

from __future__ import annotations

from projections.pages.project import EscalationRow, PageRow, Paging, keys, project
from schemas import ids
from tests.support.effects import notice_requested
from tests.unit.projections import records as r
from tests.unit.projections.records import INCIDENT, PAGE, T0, TENANT, Log

KEY = (TENANT, INCIDENT)
BOB = ids.derive("page", 2)


def _fold(*events: object) -> tuple[dict[bytes, PageRow], EscalationRow | None]:
    log = Log("notifications.events")
    for event in events:
        log.add(event)
    changes = project(log.said(), {})
    escalation = changes.escalations[-1] if changes.escalations else None
    return {page.notification_id: page for page in changes.pages}, escalation


def test_a_page_that_arrives():
    pages, escalation = _fold(r.started(T0), r.requested(T0), r.delivered(T0 + 900))
    page = pages[PAGE]
    assert (page.outcome, page.outcome_at, page.detail, page.attempts) == ("delivered", T0 + 900, "HTTP 200", 1)
    assert (page.channel_kind, page.channel_address) == ("webhook", "http://pager.example/alice")
    assert (page.requested_at, page.requested_place, page.version) == (T0, 1, 2)
    assert escalation is not None
    assert escalation.state == "running"


def test_asked_again_it_is_open_again_under_the_same_id():
    pages, _ = _fold(r.requested(T0), r.page_failed(T0 + 10_000), r.requested(T0 + 10_000, attempt=2))
    assert len(pages) == 1
    page = pages[PAGE]
    assert (page.outcome, page.outcome_at, page.attempts, page.requested_at) == ("pending", None, 2, T0)


def test_no_outcome_reads_as_unknown():
    pages, _ = _fold(r.requested(T0), r.page_failed(T0 + 10_000, next="given_up"))
    assert pages[PAGE].outcome == "unknown"
    pages, _ = _fold(r.requested(T0), r.page_failed(T0 + 10_000, outcome="failed", next="next_channel"))
    assert pages[PAGE].outcome == "failed"


def test_delivered_stays_delivered():
    again = (r.page_failed(T0 + 2, outcome="failed"), r.requested(T0 + 3, attempt=2), r.delivered(T0 + 4, attempt=2))
    pages, _ = _fold(r.requested(T0), r.delivered(T0 + 1), *again)
    page = pages[PAGE]
    assert (page.outcome, page.outcome_at, page.attempts) == ("delivered", T0 + 1, 2)


def test_a_late_delivery_counts():
    pages, _ = _fold(r.requested(T0), r.page_failed(T0 + 10_000, next="given_up"), r.delivered(T0 + 11_000))
    assert pages[PAGE].outcome == "delivered"


def test_an_acknowledgement_marks_the_pages_of_who_acknowledged():
    for_bob = r.requested(T0 + 8_000, notification_id=BOB, person="bob", step=2, also_paged=("alice",))
    pages, escalation = _fold(r.started(T0), r.requested(T0), for_bob, r.stopped(T0 + 12_000))
    assert pages[BOB].acknowledged_at == T0 + 12_000
    assert pages[BOB].also_paged == ("alice",)
    assert pages[PAGE].acknowledged_at is None
    assert escalation is not None
    assert (escalation.state, escalation.stopped_by, escalation.stop_reason) == ("stopped", "bob", "acknowledged")


def test_resolving_acknowledges_no_page():
    for_bob = r.requested(T0, notification_id=BOB, person="bob")
    pages, _ = _fold(r.started(T0), for_bob, r.stopped(T0 + 1, reason="resolved"))
    assert pages[BOB].acknowledged_at is None


def test_exhausted_and_begun_again():
    _, escalation = _fold(r.started(T0), r.exhausted(T0 + 60_000))
    assert escalation is not None
    assert (escalation.state, escalation.exhausted_at, escalation.fallback) == (
        "exhausted",
        T0 + 60_000,
        "duty-manager",
    )
    _, escalation = _fold(r.started(T0), r.exhausted(T0 + 1), r.started(T0 + 2, why="severity_raised"))
    assert escalation is not None
    assert (escalation.state, escalation.exhausted_at, escalation.started_at) == ("running", None, T0 + 2)


def test_exhausted_without_any_policy():
    _, escalation = _fold(r.exhausted(T0))
    assert escalation is not None
    assert (escalation.state, escalation.started_at) == ("exhausted", T0)


def test_outcomes_of_unknown_pages_change_no_row_but_are_told():
    log = Log("notifications.events")
    log.add(r.delivered(T0))
    log.add(r.page_failed(T0))
    changes = project(log.said(), {})
    assert (changes.pages, changes.escalations) == ((), ())
    assert [e.kind for e in changes.events] == ["PageDelivered", "PageFailed"]


def test_only_what_changed_is_written():
    log = Log("notifications.events")
    log.add(r.requested(T0))
    log.add(r.requested(T0, notification_id=BOB, person="bob"))
    first = project(log.said(), {})
    present = {KEY: Paging(None, {p.notification_id: p for p in first.pages})}
    later = Log("notifications.events", offset=2)
    later.add(r.delivered(T0 + 1))
    second = project(later.said(), present)
    assert [p.notification_id for p in second.pages] == [PAGE]
    assert keys(later.said()) == [KEY]


def test_a_notice_is_on_the_timeline_and_is_no_page():
    log = Log("notifications.events")
    log.add(notice_requested(tenant=TENANT))
    changed = project(log.said(), {})
    assert (changed.pages, changed.escalations) == ((), ())
    assert [(e.kind, e.text) for e in changed.events] == [
        ("NoticeRequested", "alice is told by console: ⚠ 103 errors in service/payments (last 1 min).")
    ]
