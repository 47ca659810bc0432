"""Pages that do not arrive, or false alarms, after a change of Mandate's own configuration (seed 20.5): which change is
blamed, when none is, and what is said of it. The first rows are in test_kinds.py."""

from __future__ import annotations

from typing import Any

import pytest

from processors.incidents import DECIDER
from schemas import ids
from schemas.messages.incidents import IncidentClassified, IncidentOpened
from schemas.messages.incidents.responding import MarkFalseAlarm
from tests.support.desk import Desk
from tests.support.incident_words import MINUTE, move, opened, resolve, signal
from tests.unit.incidents.test_facts import change
from tests.unit.incidents.test_kinds import page


def configured(desk: Desk, n: int, document: str) -> None:
    """Version `n` of a document takes the place of the one before, as the gateway's outbox tells it."""
    resource = f"configuration/{document}"
    given: dict[str, Any] = {
        "before": f"version {n - 1}",
        "after": f"version {n}",
        "summary": f"{document} is version {n}",
    }
    given |= {"kind": "configuration", "actor": "carol", "action_id": ids.derive("configured", document, n)}
    desk.tell(change(n, resource=resource, event_time=desk.now, **given))


def false_alarms(desk: Desk, count: int, first: int = 1) -> list[IncidentOpened]:
    """So many incidents open and are called false, a minute apart; what opened by itself meanwhile."""
    own = []
    for n in range(first, first + count):
        desk.now += MINUTE
        noise = desk.tell(signal(n, desk.now, resource=f"service-{n}", fingerprint=f"f{n}"))
        told = move(desk, MarkFalseAlarm, noise.the(IncidentOpened).incident_id, note="nothing was wrong")
        own += [e for e in told.events if isinstance(e, IncidentOpened)]
    return own


def facts(desk: Desk) -> dict[str, str]:
    said = [e for e in desk.history if isinstance(e, IncidentClassified)][-1]
    assert said.kind == "meta"
    return {f.name: f.value for f in said.facts} | {"why": said.reasons[0], "advice": said.advice[0].action}


def test_false_alarms_after_a_new_rule_are_an_incident_of_the_rule() -> None:
    desk = Desk(DECIDER)
    configured(desk, 7, "incidents")
    (own,) = false_alarms(desk, 3)
    assert own.resource == "configuration/incidents"
    assert own.title == "3 false alarms since incidents version 7"
    found = facts(desk)
    assert (found["document"], found["from"], found["to"]) == ("incidents", "version 6", "version 7")
    assert (found["what"], found["why"]) == ("false alarms", "New rule may be too broad")
    assert found["advice"] == "roll_back_configuration"
    # It is told once, and calling it false is no further false alarm.
    assert false_alarms(desk, 2, 10) == []
    assert move(desk, MarkFalseAlarm, own.incident_id, note=None).kinds.count("IncidentOpened") == 0
    assert false_alarms(desk, 2, 20) == []


@pytest.mark.parametrize("document", ["ownership", "escalation", "people", "targets", "catalog"])
def test_false_alarms_are_not_blamed_on_who_is_paged(document: str) -> None:
    desk = Desk(DECIDER)
    configured(desk, 7, document)
    assert false_alarms(desk, 5) == []


@pytest.mark.parametrize("document", ["signals", "floods"])
def test_each_document_that_says_what_an_incident_is_may_be_blamed(document: str) -> None:
    desk = Desk(DECIDER)
    configured(desk, 7, document)
    assert [o.resource for o in false_alarms(desk, 3)] == [f"configuration/{document}"]


def test_one_false_alarm_before_the_change_hides_nothing_and_many_acquit_it() -> None:
    desk = Desk(DECIDER)
    false_alarms(desk, 1)
    configured(desk, 7, "incidents")
    assert len(false_alarms(desk, 3, 10)) == 1
    desk = Desk(DECIDER)
    false_alarms(desk, 4)
    configured(desk, 7, "incidents")
    assert false_alarms(desk, 4, 10) == [], "it went wrong before the change already"


def test_too_long_after_the_change_it_is_not_blamed() -> None:
    desk = Desk(DECIDER)
    configured(desk, 7, "incidents")
    desk.now += 61 * MINUTE
    assert false_alarms(desk, 5) == []


def test_the_change_that_broke_it_is_named_and_not_its_repair() -> None:
    desk = Desk(DECIDER)
    incident = opened(desk).incident_id
    configured(desk, 4, "escalation")
    desk.now += MINUTE
    desk.tell(page(incident, 1))
    desk.tell(page(incident, 2))
    desk.now += MINUTE
    configured(desk, 5, "escalation")
    desk.tell(page(incident, 3))
    found = facts(desk)
    assert (found["from"], found["to"]) == ("version 3", "version 4")


def test_what_a_person_ended_is_not_told_again_of_the_same_change() -> None:
    desk = Desk(DECIDER)
    incident = opened(desk).incident_id
    configured(desk, 4, "escalation")
    own = [desk.tell(page(incident, n)) for n in range(3)][-1].the(IncidentOpened)
    desk.now += MINUTE
    configured(desk, 5, "escalation")
    resolve(desk, own.incident_id)
    assert desk.tell(page(incident, 3)).kinds == ()
    # The repair may be worse than what it repairs.
    again = [desk.tell(page(incident, n)).kinds.count("IncidentOpened") for n in range(4, 10)]
    assert again == [0, 0, 0, 0, 1, 0], "twice as many as before it"
    assert facts(desk)["to"] == "version 5"


def test_a_page_that_failed_before_the_change_hides_nothing() -> None:
    desk = Desk(DECIDER)
    incident = opened(desk).incident_id
    desk.tell(page(incident, 1))
    desk.now += MINUTE
    configured(desk, 4, "people")
    for n in range(2, 4):
        assert desk.tell(page(incident, n)).kinds == ()
    assert desk.tell(page(incident, 4)).the(IncidentOpened).resource == "configuration/people"
