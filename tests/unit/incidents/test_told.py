"""Reports and external alerts: they open or join, once; the end of the last alert ends what only alerts opened."""

from __future__ import annotations

from processors.incidents import DECIDER
from processors.incidents.rules import KEEP_MS
from processors.incidents.state import alert_part
from schemas import ids
from schemas.messages.incidents import (
    AlertAttached,
    AlertResolved,
    IncidentOpened,
    IncidentResolved,
    ReportAttached,
    SeverityRaised,
    SignalAttached,
)
from schemas.messages.notifications import NotifyIncident
from tests.support.desk import START, TENANT, Desk
from tests.support.incident_words import MINUTE, acknowledge, alert, opened, report, resolve, signal


def test_a_report_opens_an_incident_that_pages():
    desk = Desk(DECIDER)
    told = report(desk, what="customers cannot\n pay", since=START - 5_000)
    event, attached = told.the(IncidentOpened), told.the(ReportAttached)
    assert (event.trigger, event.failures, event.title, event.actor) == ("report", 0, "customers cannot pay", "erin")
    assert (event.first_failure_at, event.error_type) == (START - 5_000, "UserReport")
    assert (attached.incident_id, attached.opened, attached.what) == (event.incident_id, True, "customers cannot\n pay")
    assert attached.reasons[-1] == "told by the person erin: high confidence"
    assert told.answers[0].code == "accepted"
    ((_, notify),) = told.sent
    assert isinstance(notify, NotifyIncident)
    assert notify.failures == 0


def test_a_report_joins_what_is_open_on_its_resource_whatever_the_error():
    desk = Desk(DECIDER)
    incident = opened(desk)
    desk.now += 10 * MINUTE
    told = report(desk)
    assert told.kinds == ("ReportAttached",)
    assert told.the(ReportAttached).incident_id == incident.incident_id
    desk.now += 1
    assert report(desk, 2, "search").the(IncidentOpened).number == 2
    resolve(desk, incident.incident_id)
    assert report(desk, 3).the(IncidentOpened).number == 3


def test_a_report_long_after_the_last_failure_opens_another():
    desk = Desk(DECIDER)
    opened(desk)
    desk.now += 16 * MINUTE
    assert report(desk).the(IncidentOpened).number == 2


def test_a_report_that_says_more_raises_the_severity_and_one_that_says_less_does_not():
    desk = Desk(DECIDER)
    opened(desk)
    assert report(desk, 1, severity="SEV4").kinds == ("ReportAttached",)
    raised = report(desk, 2, severity="SEV1").the(SeverityRaised)
    assert (raised.before, raised.after, raised.reason) == ("SEV3", "SEV1", "erin says SEV1")
    assert report(desk, 3, "search", severity="SEV1").the(IncidentOpened).severity == "SEV1"


def test_the_same_report_again_is_one():
    desk = Desk(DECIDER)
    first = report(desk)
    assert report(desk).events == ()
    assert report(desk).answers == first.answers


def test_a_report_from_the_future_is_of_now():
    desk = Desk(DECIDER)
    assert report(desk, since=START + 10**9).the(IncidentOpened).first_failure_at == START


def test_the_first_failure_joins_what_a_report_opened_and_teaches_it_its_error():
    desk = Desk(DECIDER)
    incident = report(desk).the(IncidentOpened)
    desk.now += 1000
    told = desk.tell(signal(1, desk.now))
    assert told.the(SignalAttached).incident_id == incident.incident_id
    assert told.the(SignalAttached).failures == 1
    desk.now += 1000
    assert desk.tell(signal(2, desk.now)).the(SignalAttached).failures == 2
    assert desk.tell(signal(3, desk.now, fingerprint="f2")).the(IncidentOpened).number == 2
    assert desk.tell(signal(1, desk.now)).reasons == ("already_attached",)


def test_imported_history_joins_no_report():
    desk = Desk(DECIDER)
    report(desk)
    assert desk.tell(signal(1, historical=True)).the(IncidentOpened).number == 2


def test_an_alert_joins_the_open_incident_once_however_often_it_is_told():
    desk = Desk(DECIDER)
    incident = opened(desk)
    told = alert(desk)
    assert told.kinds == ("AlertAttached",)
    assert (told.the(AlertAttached).incident_id, told.the(AlertAttached).opened) == (incident.incident_id, False)
    assert alert(desk).reasons == ("alert_repeated",)
    assert alert(desk, 2, starts_at=START + 5).kinds == ("AlertAttached",)


def test_the_end_of_an_alert_is_only_noted_where_failures_were_seen():
    desk = Desk(DECIDER)
    opened(desk)
    alert(desk)
    desk.now += 1000
    over = alert(desk, status="resolved")
    assert over.kinds == ("AlertResolved",)
    assert over.the(AlertResolved).reasons == ("noted only: 1 failures and 0 reports belong to it too",)
    assert alert(desk, status="resolved").reasons == ("alert_repeated",)
    assert alert(desk).reasons == ("alert_over",)


def test_what_only_alerts_opened_is_resolved_with_the_last_of_them():
    desk = Desk(DECIDER)
    incident = alert(desk).the(IncidentOpened)
    assert (incident.trigger, incident.title) == ("alert", "PaymentsErrorRateHigh: 23 % of charges fail")
    alert(desk, 2)
    acknowledge(desk, incident.incident_id)
    desk.now += 1000
    first = alert(desk, 1, "resolved")
    assert first.the(AlertResolved).still_firing == 1
    assert first.the(AlertResolved).reasons == ("noted only: 1 of its alerts still fire",)
    last = alert(desk, 2, "resolved")
    resolved = last.the(IncidentResolved)
    assert (resolved.subject, resolved.note) == ("alertmanager", "all alerts of alertmanager are over")
    assert alert(desk, 3).the(IncidentOpened).number == 2


def test_a_report_keeps_open_what_an_alert_opened():
    desk = Desk(DECIDER)
    alert(desk)
    report(desk)
    assert alert(desk, status="resolved").kinds == ("AlertResolved",)


def test_the_end_of_an_alert_after_a_person_resolved_is_noted():
    desk = Desk(DECIDER)
    incident = alert(desk).the(IncidentOpened)
    resolve(desk, incident.incident_id)
    assert alert(desk, status="resolved").the(AlertResolved).reasons == ("noted only: the incident is resolved",)


def test_the_end_of_an_alert_that_nobody_saw_begin_is_nothing():
    assert alert(Desk(DECIDER), status="resolved").reasons == ("alert_unknown",)


def test_an_alert_is_kept_as_long_as_it_is_told_and_thirty_days_more():
    desk = Desk(DECIDER)
    alert(desk)
    part = alert_part(TENANT, ids.derive("alert", 1))
    desk.sleep(KEEP_MS - 1)
    assert alert(desk).reasons == ("alert_repeated",)
    desk.sleep(KEEP_MS - 1)
    assert desk.engine.part(part) is not None
    assert desk.sleep(1).reasons == ("alert_forgotten",)
    assert desk.engine.part(part) is None


def test_an_alerts_severity_counts_when_it_opens_and_not_when_it_joins():
    desk = Desk(DECIDER)
    assert alert(desk, severity="SEV1").the(IncidentOpened).severity == "SEV1"
    other = Desk(DECIDER)
    opened(other)
    assert alert(other, severity="SEV1").kinds == ("AlertAttached",)
