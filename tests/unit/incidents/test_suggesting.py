"""Suggestions: only where they are opted into, once per pattern, and a person decides."""

from __future__ import annotations

from typing import Any

from processors.incidents import DECIDER as INCIDENTS
from processors.incidents.measures import SUGGESTIONS_OPEN_MAX, SUPPORTS_MAX, Suggestions, suggestions_part
from schemas import ids
from schemas.messages.incidents import (
    ChangeObserved,
    CommandRefused,
    IncidentOpened,
    IncidentSuggested,
    SuggestionAccepted,
    SuggestionDismissed,
    SuggestionExpired,
    SuggestionSupported,
)
from schemas.messages.incidents.flooding import ActorUnusual
from tests.support.desk import START, TENANT, Desk, Told
from tests.support.incident_words import MINUTE, opened, resolve, signal
from tests.support.trigger_words import accept, dismiss, heal

ON = [{"match": "payments-*", "pattern": True, "anomaly": True}]


def desk(**rules: Any) -> Desk:
    """A tenant that opted in, with INC-1 of f1 resolved an hour ago."""
    here = Desk(INCIDENTS)
    here.configure("incidents", {"triggers": ON, **rules})
    resolve(here, opened(here).incident_id)
    here.now += 60 * MINUTE
    return here


def suggested(here: Desk) -> IncidentSuggested:
    for n in (1, 2):
        assert heal(here, n).kinds == ("HealedFailureCounted",)
    return heal(here, 3).the(IncidentSuggested)


def change(here: Desk, n: int, kind: str = "deploy") -> Told:
    action_id = ids.derive("change", n)
    return here.tell(
        ChangeObserved(TENANT, "payments-service", kind, "v1", f"v{n}", None, "deployer", action_id, here.now)
    )


def unusual(here: Desk, resource: str = "payments-service") -> Told:
    fact = ActorUnusual(
        TENANT, "reporter-1", "file", 900, 12, 8, 3600, 120, resource, ids.derive("a", 1), here.now, here.now
    )
    return here.tell(fact)


def test_an_error_that_heals_again_and_again_as_before_an_incident_is_suggested() -> None:
    found = suggested(desk())
    assert (found.kind, found.confidence, found.past_number, found.number) == ("pattern", "medium", 1, 1)
    assert found.reasons[0] == "3 failures of this error healed within 3600 s, at least 3"
    assert len(found.evidence) == 3


def test_nothing_is_suggested_where_nobody_opted_in() -> None:
    here = Desk(INCIDENTS)
    resolve(here, opened(here).incident_id)
    for n in range(5):
        assert heal(here, n).kinds == ("HealedFailureCounted",)


def test_healing_without_a_past_incident_is_only_counted() -> None:
    here = desk()
    for n in range(5):
        assert heal(here, n, fingerprint="other").kinds == ("HealedFailureCounted",)


def test_healing_that_is_spread_over_windows_is_no_pattern() -> None:
    here = desk()
    for n in range(5):
        assert heal(here, n).kinds == ("HealedFailureCounted",)
        here.sleep(31 * MINUTE)


def test_a_change_of_the_kind_that_caused_an_incident_is_suggested() -> None:
    here = Desk(INCIDENTS)
    here.configure("incidents", {"triggers": ON})
    change(here, 1)
    here.now += 1_000
    incident = here.tell(signal(1, here.now)).the(IncidentOpened)
    assert change(here, 2).kinds.count("IncidentSuggested") == 0  # it is open: no suggestion beside it
    resolve(here, incident.incident_id)
    here.now += 60 * MINUTE
    assert "IncidentSuggested" not in change(here, 3, "flag").kinds
    found = change(here, 4).the(IncidentSuggested)
    assert found.pattern == "change deploy"
    assert found.reasons[0].startswith("a deploy on payments-service explained INC-1 best")


def test_an_unusual_actor_is_a_suggestion_of_low_confidence_where_opted_in() -> None:
    here = desk()
    found = unusual(here).the(IncidentSuggested)
    assert (found.kind, found.confidence, found.actor) == ("anomaly", "low", "reporter-1")
    assert "IncidentSuggested" not in unusual(here, "search").kinds


def test_the_same_again_supports_the_open_one_up_to_a_limit() -> None:
    here = desk()
    found = suggested(here)
    told = heal(here, 4)
    assert told.the(SuggestionSupported).times == 2
    for n in range(5, 5 + SUPPORTS_MAX):
        heal(here, n)
    assert "suggestion_supported_enough" in heal(here, 999).reasons
    assert found.number == 1


def test_a_person_accepts_and_an_incident_opens_that_keeps_the_evidence() -> None:
    here = desk()
    found = suggested(here)
    told = accept(here, found.suggestion_id, note="as last week")
    incident, yes = told.the(IncidentOpened), told.the(SuggestionAccepted)
    assert told.answers[0].code == "accepted"
    assert (incident.trigger, incident.trigger_confidence, incident.number) == ("suggestion", "medium", 2)
    assert (yes.incident_id, yes.evidence, yes.opened) == (incident.incident_id, found.evidence, True)


def test_an_accepted_one_joins_the_incident_that_is_open_meanwhile() -> None:
    here = desk()
    found = suggested(here)
    there = here.tell(signal(9, here.now, fingerprint="f9")).the(IncidentOpened)
    told = accept(here, found.suggestion_id)
    assert told.the(SuggestionAccepted).incident_id == there.incident_id
    assert "IncidentOpened" not in told.kinds


def test_a_dismissed_one_is_silent_for_a_while_and_then_suggested_again() -> None:
    here = desk()
    found = suggested(here)
    assert dismiss(here, found.suggestion_id).the(SuggestionDismissed).reason == "a load test"
    assert "suggestion_quiet" in heal(here, 4).reasons
    here.sleep(86_400_000)
    for n in (5, 6):
        heal(here, n)
    assert heal(here, 7).the(IncidentSuggested).number == 2


def test_deciding_twice_is_refused_with_the_reason() -> None:
    here = desk()
    found = suggested(here)
    dismiss(here, found.suggestion_id)
    for told in (dismiss(here, found.suggestion_id, "carol"), accept(here, found.suggestion_id)):
        assert told.answers[0].code == "suggestion_decided"
        assert told.the(CommandRefused).why == "SUG-1 is dismissed already"


def test_an_unknown_one_is_refused() -> None:
    assert accept(desk(), ids.derive("nothing", 1)).answers[0].code == "suggestion_unknown"


def test_nobody_decides_and_it_expires() -> None:
    here = desk()
    found = suggested(here)
    assert "SuggestionExpired" not in here.sleep(86_400_000 - 1).kinds
    assert here.sleep(1).the(SuggestionExpired).suggestion_id == found.suggestion_id
    assert accept(here, found.suggestion_id).answers[0].code == "suggestion_decided"


def test_open_suggestions_are_bounded() -> None:
    here = desk()
    engine = here.engine
    part = suggestions_part(TENANT)
    engine._store.put(part, Suggestions(7, SUGGESTIONS_OPEN_MAX))
    for n in (1, 2):
        heal(here, n)
    assert "suggestions_full" in heal(here, 3).reasons


def test_a_decided_one_is_forgotten_after_30_days() -> None:
    here = desk()
    found = suggested(here)
    dismiss(here, found.suggestion_id)
    here.sleep(31 * 86_400_000)
    assert accept(here, found.suggestion_id).answers[0].code == "suggestion_unknown"
    assert here.now > START
