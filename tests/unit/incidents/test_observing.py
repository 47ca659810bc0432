"""Observations: a value that crosses a limit tells once, its return is told, and nothing else opens an incident."""

from __future__ import annotations

from typing import Any

import pytest

from processors.incidents import DECIDER as INCIDENTS
from processors.incidents.measures import SEEN_IDS, WATCHES_MAX, Bucket, Watches, added, total, watches_part
from schemas.messages.incidents import IncidentOpened, ThresholdBreached, ThresholdRecovered
from tests.support.desk import TENANT, Desk
from tests.support.incident_words import opened, signal
from tests.support.trigger_words import observe

OVER_1000 = {"name": "queue_depth", "resource": "payments-*", "above": "1000"}


def desk(**threshold: Any) -> Desk:
    found = Desk(INCIDENTS)
    found.configure("incidents", {"thresholds": [{k: v for k, v in (OVER_1000 | threshold).items() if v is not None}]})
    return found


def test_a_value_over_the_limit_opens_an_incident_of_medium_confidence_with_the_numbers() -> None:
    here = desk()
    assert observe(here, 1000).events == ()
    told = observe(here, 5000, unit="jobs", actor="importer-1")
    incident, breach = told.the(IncidentOpened), told.the(ThresholdBreached)
    assert (incident.trigger, incident.trigger_confidence, incident.failures) == ("threshold", "medium", 0)
    assert incident.title == "queue_depth is 5000 jobs, over 1000 jobs"
    assert breach.reasons[0] == "value 5000 jobs over 1000 jobs"
    assert (breach.value, breach.limit, breach.side, breach.actor) == (
        5_000_000_000,
        1_000_000_000,
        "above",
        "importer-1",
    )
    assert breach.opened


def test_a_value_that_is_still_over_tells_nothing_more() -> None:
    here = desk()
    observe(here, 5000)
    assert observe(here, 6000).reasons == ("threshold_still_over",)


def test_a_value_that_is_back_ends_the_breach_and_not_the_incident() -> None:
    here = desk()
    breach = observe(here, 5000).the(ThresholdBreached)
    here.now += 90_000
    told = observe(here, 900)
    back = told.the(ThresholdRecovered)
    assert (back.incident_id, back.breach_id, back.lasted_s) == (breach.incident_id, breach.breach_id, 90)
    assert told.kinds == ("ThresholdRecovered",)
    assert observe(here, 5000).the(ThresholdBreached).incident_id == breach.incident_id


def test_a_breach_joins_the_incident_that_is_open_there() -> None:
    here = desk()
    there = opened(here)
    told = observe(here, 5000)
    assert told.kinds == ("ThresholdBreached",)
    assert told.the(ThresholdBreached).incident_id == there.incident_id


def test_a_failure_joins_the_incident_that_a_threshold_opened() -> None:
    here = desk()
    first = observe(here, 5000).the(IncidentOpened)
    assert here.tell(signal(1, here.now)).events[0].incident_id == first.incident_id


def test_a_value_must_stay_over_as_long_as_was_asked_for() -> None:
    here = desk(for_s=300)
    assert observe(here, 5000).events == ()
    assert here.sleep(299_000).events == ()
    breach = here.sleep(1_000).the(ThresholdBreached)
    assert breach.held_s == 300
    assert breach.reasons[0] == "value 5000 over 1000 for 300 s"


def test_a_value_that_comes_back_in_time_was_no_breach() -> None:
    here = desk(for_s=300)
    observe(here, 5000)
    here.now += 200_000
    assert observe(here, 10).events == ()
    assert here.sleep(600_000).events == ()


def test_a_value_under_a_lower_limit_is_a_breach_too() -> None:
    here = desk(above=None, below=10, name="rows")
    assert observe(here, 10, name="rows").events == ()
    assert observe(here, "9.5", name="rows").the(ThresholdBreached).reasons[0] == "value 9.5 under 10"


def test_a_share_of_the_baseline_needs_a_baseline_first() -> None:
    here = desk(above=None, above_baseline=500, baseline_s=3600, baseline_min=5)
    assert observe(here, 100_000).reasons == ("baseline_warming",)
    for _ in range(4):
        here.now += 60_000
        observe(here, 100)
    assert observe(here, 1).reasons == ("observed",)


def test_a_value_five_times_the_baseline_is_a_breach_and_says_the_ratio() -> None:
    here = desk(above=None, above_baseline=500, baseline_s=3600, baseline_min=5)
    for _ in range(10):
        here.now += 60_000
        assert observe(here, 100).events == ()
    assert observe(here, 500).events == ()
    here.now += 3_600_000 - 10 * 60_000 - 1
    for _ in range(10):
        observe(here, 100)
    breach = observe(here, 1000).the(ThresholdBreached)
    assert breach.baseline is not None
    assert breach.ratio_permille == breach.value * 1000 // breach.baseline
    assert "per mille of it; the limit is 500 %" in breach.reasons[1]


def test_what_is_over_does_not_become_the_baseline() -> None:
    here = desk(above=None, above_baseline=200, baseline_s=86_400, baseline_min=5)
    for _ in range(5):
        observe(here, 100)
    first = observe(here, 1000).the(ThresholdBreached)
    for _ in range(50):
        assert observe(here, 1000).reasons == ("threshold_still_over",)
    assert first.baseline == 100_000_000


def test_a_sum_over_a_window_forgets_what_left_the_window() -> None:
    here = desk(of="sum", over_s=600)
    for _ in range(10):
        assert observe(here, 100).events == ()
    here.now += 601_000
    assert observe(here, 100).events == ()
    for _ in range(9):
        observe(here, 100)
    assert observe(here, 1).the(ThresholdBreached).value == 1_001_000_000


def test_an_observation_told_twice_counts_once() -> None:
    here = desk(of="sum", over_s=600)
    observe(here, 600, n=1)
    assert observe(here, 600, n=1).reasons == ("observation_repeated",)


def test_an_old_observation_counts_and_decides_nothing() -> None:
    here = desk()
    observe(here, 10)
    assert observe(here, 5000, event_time=here.now - 60_000).reasons == ("observation_late",)


def test_an_observation_from_the_future_is_one_of_now() -> None:
    here = desk()
    told = observe(here, 5000, event_time=here.now + 10**9)
    assert told.the(ThresholdBreached).event_time == here.now


@pytest.mark.parametrize("changes", [{"name": "other"}, {"resource": "search"}])
def test_what_no_threshold_watches_leaves_no_state(changes: dict[str, Any]) -> None:
    here = desk()
    assert observe(here, 5000, **changes).reasons == ("observation_unwatched",)


def test_a_threshold_that_is_switched_off_for_a_service_opens_nothing() -> None:
    here = Desk(INCIDENTS)
    rules = [{"match": "payments-service", "threshold": False}]
    here.configure("incidents", {"thresholds": [OVER_1000], "triggers": rules})
    assert observe(here, 5000).events == ()


def test_two_thresholds_crossed_at_once_are_one_incident_of_the_worse_severity() -> None:
    here = Desk(INCIDENTS)
    lower = OVER_1000 | {"id": "warn", "severity": "SEV4"}
    higher = OVER_1000 | {"id": "bad", "above": 2000, "severity": "SEV1"}
    here.configure("incidents", {"thresholds": [lower, higher]})
    told = observe(here, 5000)
    assert told.kinds.count("IncidentOpened") == 1
    assert told.kinds.count("ThresholdBreached") == 2
    assert told.the(IncidentOpened).severity == "SEV1"


def test_watched_resources_are_bounded_and_forgotten() -> None:
    here = Desk(INCIDENTS)
    here.configure("incidents", {"thresholds": [OVER_1000 | {"resource": "*"}]})
    for n in range(3):
        observe(here, 1, resource=f"r{n}")
    assert here.engine._store.get(watches_part(TENANT)) == Watches(3)
    here.sleep(86_400_000 * 2)
    assert here.engine._store.get(watches_part(TENANT)) == Watches(0)
    assert WATCHES_MAX * 3_000 < 10_000_000


def test_a_ring_keeps_the_window_and_nothing_before() -> None:
    ring: tuple[Bucket, ...] = ()
    for second in range(0, 1_000, 10):
        ring = added(ring, second, 1, 100, 10)
    assert len(ring) <= 11
    assert total(ring, 990 - 100) == (10, 10)
    assert SEEN_IDS * 16 < 1_000
