"""How severe an incident is: by configuration, raised by thresholds, never lowered."""

from __future__ import annotations

from processors.incidents import DECIDER
from processors.incidents.rules import opening_severity, raised_severity
from schemas.incident_rules import Incidents, RaiseRule, SeverityRule
from schemas.messages.incidents import SeverityRaised
from schemas.messages.notifications import NotifyIncident
from tests.support.desk import START, Desk
from tests.support.incident_words import opened, resolve, signal

RULES = Incidents(
    default_severity="SEV4",
    severities=(SeverityRule("pay*", "SEV3"), SeverityRule("payments-*", "SEV2"), SeverityRule("payments-db", "SEV1")),
    raises=(RaiseRule("SEV2", 10), RaiseRule("SEV1", 100, 5)),
)
DOCUMENT = {
    "default_severity": "SEV4",
    "raises": [{"severity": "SEV3", "failures": 3}, {"severity": "SEV1", "failures": 99, "affected": 4}],
}


def test_an_exact_rule_wins_then_the_longest_prefix_then_the_default():
    assert opening_severity(RULES, "payments-db", 0) == ("SEV1", "payments-db matches payments-db: SEV1")
    assert opening_severity(RULES, "payments-service", 0) == ("SEV2", "payments-service matches payments-*: SEV2")
    assert opening_severity(RULES, "payroll", 0) == ("SEV3", "payroll matches pay*: SEV3")
    assert opening_severity(RULES, "search", 0) == ("SEV4", "no rule for search: SEV4")


def test_a_threshold_of_one_failure_counts_when_the_incident_opens():
    one = Incidents(raises=(RaiseRule("SEV1", 1),))
    assert opening_severity(one, "x", 0) == ("SEV1", "1 failures reach 1: SEV1")


def test_the_highest_threshold_reached_counts():
    assert raised_severity(RULES, "SEV4", 9, 4) is None
    assert raised_severity(RULES, "SEV4", 10, 4) == ("SEV2", "10 failures reach 10: SEV2")
    assert raised_severity(RULES, "SEV4", 10, 5) == ("SEV1", "5 affected reach 5: SEV1")
    assert raised_severity(RULES, "SEV1", 1000, 1000) is None
    assert raised_severity(RULES, "SEV2", 50, 0) is None


def test_crossing_a_threshold_raises_once_and_says_what_is_needed_to_page():
    desk = Desk(DECIDER)
    desk.configure("incidents", DOCUMENT)
    first = opened(desk)
    assert first.severity == "SEV4"
    assert desk.tell(signal(2, START + 1)).kinds == ("SignalAttached",)
    told = desk.tell(signal(3, START + 2, affected="a"))
    assert told.kinds == ("SignalAttached", "SeverityRaised")
    raised = told.the(SeverityRaised)
    assert (raised.before, raised.after, raised.reason) == ("SEV4", "SEV3", "3 failures reach 3: SEV3")
    assert (raised.failures, raised.affected_count, raised.title) == (3, 1, first.title)
    assert [type(m) for _, m in told.sent][-1] is NotifyIncident
    assert desk.tell(signal(4, START + 3)).kinds == ("SignalAttached",)


def test_affected_are_counted_once_each():
    desk = Desk(DECIDER)
    desk.configure("incidents", DOCUMENT)
    opened(desk, affected="a")
    kinds = [desk.tell(signal(n, START + n, affected=who)).kinds[1:] for n, who in enumerate("aabbccd", start=2)]
    assert kinds == [(), ("SeverityRaised",), (), (), (), (), ("SeverityRaised",)]


def test_an_imported_incident_is_raised_but_nobody_is_told():
    desk = Desk(DECIDER)
    desk.configure("incidents", DOCUMENT)
    opened(desk, historical=True)
    told = [desk.tell(signal(n, START + n, historical=True)) for n in (2, 3)]
    assert told[1].the(SeverityRaised).historical
    assert [t.sent for t in told] == [(), ()]


def test_a_new_incident_of_a_raised_problem_starts_low_again():
    desk = Desk(DECIDER)
    desk.configure("incidents", DOCUMENT)
    incident = opened(desk)
    for n in (2, 3):
        desk.tell(signal(n, START + n))
    resolve(desk, incident.incident_id)
    # Within a day it would be the same incident again, with the severity that it had.
    desk.sleep(24 * 3_600_000)
    assert desk.tell(signal(4, desk.now)).events[0].severity == "SEV4"
