"""What happens by itself: postmortem, reopening on the same symptoms, escalation when nobody answers; and gates."""

from __future__ import annotations

from processors.incidents import DECIDER
from processors.incidents.responders import GATES_PER_RESOURCE
from schemas.ids import derive
from schemas.messages.incidents import (
    AcknowledgeIncident,
    AutomaticMoveHeld,
    CaseObserved,
    CloseIncident,
    CommandRefused,
    IncidentEscalated,
    IncidentOpened,
    IncidentReopened,
    IncidentResolved,
    IncidentStateChanged,
    MarkFalseAlarm,
    NoResponseObserved,
    PageObserved,
    PostmortemStarted,
    SignalAttached,
    StartPostmortem,
)
from schemas.messages.notifications import NotifyIncident
from tests.support.desk import START, TENANT, Desk
from tests.support.incident_words import MINUTE, acknowledge, move, opened, resolve, signal

DAY = 24 * 60 * MINUTE


def case(desk, number=1, at=None, resource="payments-service", world="RML3"):
    """A second charge on the resource is a case now; it happened at `at`."""
    happened = desk.now if at is None else at
    return desk.tell(
        CaseObserved(TENANT, derive("case", number), number, world, resource, derive("a", number), happened, desk.now)
    )


def resolved(**document):
    """A desk with an incident that bob resolved just now."""
    desk = Desk(DECIDER)
    if document:
        desk.configure("incidents", {"automatic": document})
    incident = opened(desk)
    desk.now += MINUTE
    told = resolve(desk, incident.incident_id)
    return desk, incident, told.the(IncidentResolved)


def states(told):
    return [(e.before, e.after, e.by) for e in told.events if isinstance(e, IncidentStateChanged)]


def test_the_postmortem_begins_a_day_after_the_resolve_to_the_millisecond():
    desk, _, over = resolved()
    assert over.postmortem_at == desk.now + DAY
    assert desk.sleep(DAY - 1).events == ()
    told = desk.sleep(1)
    assert states(told) == [("resolved", "postmortem", "mandate")]
    started = told.the(PostmortemStarted)
    assert (started.automatic, started.note, started.at) == (True, "86400 s after it was resolved", over.postmortem_at)


def test_the_postmortem_comes_when_it_is_configured_or_never():
    desk, _, over = resolved(postmortem_after_s=60)
    assert over.postmortem_at == desk.now + MINUTE
    assert states(desk.sleep(MINUTE)) == [("resolved", "postmortem", "mandate")]
    desk, _, over = resolved(postmortem_after_s=0)
    assert over.postmortem_at is None
    assert desk.sleep(10 * DAY).events == ()


def test_who_begins_the_postmortem_early_is_not_followed_by_the_timer():
    desk, incident, _ = resolved()
    desk.now += MINUTE
    told = move(desk, StartPostmortem, incident.incident_id, "bob", link="https://wiki.example/1")
    assert told.the(PostmortemStarted).link == "https://wiki.example/1"
    assert desk.sleep(2 * DAY).events == ()
    again = move(desk, StartPostmortem, incident.incident_id, "bob")
    assert again.the(CommandRefused).code == "already_in_postmortem"
    desk.now += 1
    assert move(desk, CloseIncident, incident.incident_id).answers[0].code == "accepted"


def test_no_postmortem_begins_by_itself_past_an_open_case_and_it_is_said_once():
    desk, incident, _ = resolved()
    assert case(desk, 7, at=START + 1000).reasons == ("gate_kept",)
    told = desk.sleep(DAY)
    held = told.the(AutomaticMoveHeld)
    assert told.kinds == ("AutomaticMoveHeld",)
    assert held.reason == "CASE-7 is open on payments-service: its postmortem waits until they are signed"
    assert held.again_at == desk.now + DAY
    later = desk.sleep(DAY)
    assert (later.events, later.reasons) == ((), ("postmortem_held",))
    # A person may: they know what they do, and it is in their name.
    assert move(desk, StartPostmortem, incident.incident_id).answers[0].code == "accepted"


def test_a_case_of_another_resource_or_time_or_world_is_no_gate():
    desk, _, _ = resolved()
    case(desk, 1, resource="search")
    case(desk, 2, at=START - 16 * MINUTE)
    desk.sleep(3 * MINUTE)
    case(desk, 3, at=START + 2 * MINUTE)
    assert case(desk, 4, at=START, world="RML2").reasons == ("case_of_no_gate",)
    assert states(desk.sleep(DAY)) == [("resolved", "postmortem", "mandate")]


def test_of_more_cases_than_are_kept_none_is_passed():
    desk, _, _ = resolved()
    case(desk, 1, at=START)
    for n in range(2, GATES_PER_RESOURCE + 3):
        case(desk, n, at=START - DAY)
    held = desk.sleep(DAY).the(AutomaticMoveHeld)
    assert held.reason.startswith("2 more are open on payments-service")


def test_the_same_symptoms_open_the_incident_again_and_page_again():
    desk, incident, _ = resolved()
    desk.now += 10 * MINUTE
    told = desk.tell(signal(2, desk.now, received_at=desk.now))
    assert told.kinds == ("IncidentReopened", "IncidentStateChanged", "SignalAttached")
    again = told.the(IncidentReopened)
    assert (again.subject, again.automatic) == ("mandate", True)
    why = "same symptoms: PaymentError on payments-service 600 s after it was resolved, within 86400 s"
    assert again.note == why
    attached = told.the(SignalAttached)
    assert (attached.incident_id, attached.failures, attached.reasons[2]) == (incident.incident_id, 2, why)
    notify = next(m for _, m in told.sent if isinstance(m, NotifyIncident))
    assert (notify.why, notify.number) == ("opened", 1)
    assert desk.sleep(2 * DAY).events == ()  # no postmortem of what is open


def test_a_flap_is_one_incident_however_often_it_comes_back():
    desk, incident, _ = resolved()
    for n in range(2, 6):
        desk.now += 10 * MINUTE
        assert "IncidentReopened" in desk.tell(signal(n, desk.now)).kinds
        desk.now += MINUTE
        acknowledge(desk, incident.incident_id)
        desk.now += MINUTE
        resolve(desk, incident.incident_id)
    assert desk.sleep(DAY).the(PostmortemStarted).number == 1


def test_a_failure_that_was_on_its_way_opens_nothing_again():
    desk, _, _ = resolved()
    taken = desk.now - 1
    desk.now += MINUTE
    assert desk.tell(signal(2, taken, received_at=taken)).kinds == ("SignalAttached",)


def test_a_day_later_it_is_another_incident_that_names_the_first():
    desk, _, _ = resolved()
    desk.now += DAY
    told = desk.tell(signal(2, desk.now))
    new = told.the(IncidentOpened)
    assert new.number == 2
    assert new.reasons[0].endswith("; INC-1 of the same error ended 86400 s ago and is postmortem")


def test_where_reopening_is_off_every_failure_after_the_end_is_another_incident():
    desk, _, _ = resolved(reopen_within_s=0)
    assert desk.tell(signal(2, desk.now)).the(IncidentOpened).number == 2


def test_another_error_and_another_time_open_nothing_again():
    desk, _, _ = resolved()
    assert desk.tell(signal(2, desk.now, fingerprint="f2")).the(IncidentOpened).number == 2
    assert desk.tell(signal(3, START - 60 * MINUTE)).the(IncidentOpened).number == 3
    assert desk.tell(signal(4, desk.now + 16 * MINUTE)).the(IncidentOpened).number == 4


def test_an_exhausted_policy_escalates_and_an_acknowledgement_leads_back():
    desk = Desk(DECIDER)
    incident = opened(desk)
    told = desk.tell(NoResponseObserved(TENANT, incident.incident_id, "pay", 3, desk.now))
    assert states(told) == [("detected", "escalated", "mandate")]
    said = told.the(IncidentEscalated)
    assert (said.automatic, said.reason) == (True, "nobody answered: policy pay is exhausted after 3 rounds")
    desk.now += 1
    assert states(acknowledge(desk, incident.incident_id)) == [("escalated", "investigating", "bob")]


def test_where_it_is_configured_never_nothing_is_escalated():
    desk = Desk(DECIDER)
    desk.configure("incidents", {"automatic": {"escalate": "never"}})
    incident = opened(desk)
    told = desk.tell(NoResponseObserved(TENANT, incident.incident_id, "pay", 3, desk.now))
    assert (told.events, told.reasons) == ((), ("escalation_not_configured",))


def test_a_first_page_that_nobody_answers_in_time_escalates_and_an_answered_one_does_not():
    for answered in (False, True):
        desk = Desk(DECIDER)
        desk.configure("incidents", {"automatic": {"no_response_s": 120}})
        incident = opened(desk)
        desk.now += 1000
        page = PageObserved(TENANT, incident.incident_id, bytes(16), "alice", "webhook", "delivered", desk.now)
        desk.tell(page)
        if answered:
            move(desk, AcknowledgeIncident, incident.incident_id)
        assert desk.sleep(2 * MINUTE - 1).events == ()
        told = desk.sleep(1)
        if answered:
            assert told.reasons == ("answered",)
        else:
            assert told.the(IncidentEscalated).reason == "nobody answered within 120 s of the first page"


def test_what_has_become_history_is_no_false_alarm():
    desk = Desk(DECIDER)
    incident = opened(desk)
    case(desk, 1)
    refused = move(desk, MarkFalseAlarm, incident.incident_id).the(CommandRefused)
    assert refused.code == "gate_open"
    assert refused.why == "CASE-1 is open on payments-service, so INC-1 is RML-3"


def test_a_false_alarm_stops_paging_and_the_next_failure_is_another_incident():
    desk = Desk(DECIDER)
    incident = opened(desk)
    told = move(desk, MarkFalseAlarm, incident.incident_id, note="a test")
    assert told.kinds == ("IncidentStateChanged", "FalseAlarmMarked")
    assert [m.reason for _, m in told.sent] == ["resolved"]
    desk.now += 1
    assert desk.tell(signal(2, desk.now)).the(IncidentOpened).number == 2
    assert desk.sleep(2 * DAY).events == ()
