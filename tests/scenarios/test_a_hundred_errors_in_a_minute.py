"""What would break: a hundred errors of one problem are a hundred pages, or one that hides how many (seed 16.3)."""

from __future__ import annotations

from typing import Any

import pytest

from schemas.messages.incidents import (
    CommandRefused,
    ErrorsAggregated,
    IncidentMuted,
    MuteIncident,
    SeverityRaised,
    SignalAttached,
)
from schemas.messages.notifications import NoticeRequested, PageRequested
from tests.support.shop import OWNERSHIP, PEOPLE, quiet_shop
from tests.support.world import START_MS, World

# Alice alone is paged, and nobody after her within the hour.
PATIENT = {
    "policies": [{"id": "payments", "rounds": 1, "steps": [{"person": "alice", "wait_s": 3_600}]}],
    "teams": {"payments-team": "payments"},
    "default_policy": "payments",
}
DAY_MS = 86_400_000
TURNS = 5  # a tick, the timer, its event, the notice
RAISES = {"raises": [{"severity": "SEV1", "failures": 103}]}


def test_103_errors_in_a_minute_are_one_incident_told_at_the_first_and_when_there_are_many() -> None:
    world = quiet_shop(incidents=RAISES)
    for n in range(103):
        message = f"connection pool exhausted (order {1000 + n}, waited {5000 + n} ms)"
        world.fail(f"checkout-helper-{n % 3}", "payments.charge", "payments-service", "PaymentError", message)
        if n == 0:
            world.run_to(1)
            world.acknowledge("alice", world.incidents()[0].incident_id)
        world.run_to(world.now + 0.55)
    world.run_to(62)

    (incident,) = world.incidents()
    attached = world.said("incidents.events", SignalAttached)
    assert [a.failures for a in attached] == list(range(2, 104))
    assert {a.incident_id for a in attached} == {incident.incident_id}
    (raised,) = world.said("incidents.events", SeverityRaised)
    assert (raised.before, raised.after, raised.reason) == ("SEV3", "SEV1", "103 failures reach 103: SEV1")
    pages = [p for p in world.said("notifications.events", PageRequested) if p.attempt == 1]
    assert [(p.person, p.severity, p.failures) for p in pages] == [("alice", "SEV3", 1), ("alice", "SEV1", 103)]


def test_103_errors_of_two_problems_are_two_incidents_and_not_one() -> None:
    world = quiet_shop()
    for n in range(103):
        error = "PaymentError" if n % 2 else "CertificateExpired"
        world.fail("checkout-helper-1", "payments.charge", "payments-service", error, f"order {n}")
        world.run_to(world.now + 0.1)
    world.run_to(20)
    assert [i.error_type for i in world.incidents()] == ["CertificateExpired", "PaymentError"]
    attached = world.said("incidents.events", SignalAttached)
    last = {a.number: a.failures for a in attached}
    assert last == {1: 52, 2: 51}


def clock(hour: int, minute: int, second: int) -> int:
    """A time of the day after the story's beginning (ms)."""
    return START_MS - START_MS % DAY_MS + DAY_MS + ((hour * 60 + minute) * 60 + second) * 1000


def at(ms: int) -> str:
    hours, rest = divmod(ms % DAY_MS // 1000, 3600)
    return f"{hours:02}:{rest // 60:02}:{rest % 60:02}"


def patient(**incidents: Any) -> World:
    """The shop at 14:30:01."""
    world = quiet_shop(escalation=PATIENT, ownership=OWNERSHIP, people=PEOPLE, incidents=incidents)
    world.run_to(1)
    world.clock.advance(clock(14, 30, 1) - world.clock.wall_ms())
    return world


def fail(world: World, count: int, apart_s: float = 0.5) -> None:
    for n in range(count):
        message = f"connection pool exhausted (order {1000 + n})"
        world.fail("checkout-helper-1", "payments.charge", "payments-service", "PaymentError", message)
        until(world, world.clock.wall_ms() + int(apart_s * 1000))


def until(world: World, ms: int) -> None:
    """Half a second at a time; what is due then goes through all processors before time goes on."""
    while world.clock.wall_ms() < ms:
        world.clock.advance(min(500, ms - world.clock.wall_ms()))
        for _ in range(TURNS):
            world.turn()


def notices(world: World) -> list[tuple[str, str, str]]:
    return [(at(n.at), n.person, n.text) for n in world.said("notifications.events", NoticeRequested)]


def pages(world: World) -> list[tuple[str, str]]:
    return [(at(p.at), p.person) for p in world.said("notifications.events", PageRequested) if p.attempt == 1]


def test_the_seeds_103_errors_are_one_page_at_the_first_and_one_notice_at_the_full_minute() -> None:
    world = patient()
    fail(world, 103)
    assert notices(world) == []
    until(world, clock(14, 31, 1))
    assert pages(world) == [("14:30:01", "alice")]
    assert notices(world) == [("14:31:00", "alice", "⚠ 103 errors in payments-service (last 1 min)")]
    (notice,) = world.said("notifications.events", NoticeRequested)
    assert (notice.link, notice.mute, notice.errors) == ("/incidents/INC-1", "/v1/incidents/INC-1/mute", 103)
    until(world, clock(14, 33, 0))
    assert len(notices(world)) == 1, "nothing more failed, so nothing more is said"


def test_while_it_fails_on_there_is_one_notice_a_minute_with_what_came_since() -> None:
    world = patient()
    fail(world, 40, 5.0)
    until(world, clock(14, 36, 0))
    assert notices(world) == [
        ("14:31:00", "alice", "⚠ 12 errors in payments-service (last 1 min)"),
        ("14:32:00", "alice", "⚠ 12 errors in payments-service (last 1 min)"),
        ("14:33:00", "alice", "⚠ 12 errors in payments-service (last 1 min)"),
        ("14:34:00", "alice", "⚠ 4 errors in payments-service (last 1 min)"),
    ]


def test_a_first_error_alone_is_told_by_its_page_alone() -> None:
    world = patient()
    fail(world, 1)
    until(world, clock(14, 33, 0))
    assert (pages(world), notices(world)) == ([("14:30:01", "alice")], [])


def test_muted_for_two_minutes_it_is_told_afterwards_and_a_raised_severity_pages_all_the_same() -> None:
    world = patient(raises=[{"severity": "SEV1", "failures": 30}])
    fail(world, 2)
    incident = world.incidents()[0].incident_id
    world.command(MuteIncident, "alice", incident, minutes=2, note="I look at it")
    fail(world, 40, 3.0)
    until(world, clock(14, 33, 1))
    (muted,) = world.said("incidents.events", IncidentMuted)
    assert (muted.subject, muted.minutes, muted.note, at(muted.until)) == ("alice", 2, "I look at it", "14:32:02")
    assert notices(world) == [("14:33:00", "alice", "⚠ 42 errors in payments-service (last 3 min)")]
    assert [person for _, person in pages(world)] == ["alice", "alice"]


def test_who_has_acknowledged_is_told_no_further_errors_and_has_nothing_to_mute() -> None:
    world = patient()
    fail(world, 2)
    incident = world.incidents()[0].incident_id
    world.acknowledge("alice", incident)
    fail(world, 100)
    world.command(MuteIncident, "alice", incident)
    until(world, clock(14, 33, 0))
    assert notices(world) == []
    assert [(r.command, r.code) for r in world.said("incidents.events", CommandRefused)] == [
        ("MuteIncident", "not_allowed_now")
    ]


@pytest.mark.parametrize(("every", "expected"), [(0, []), (20, ["14:30:20", "14:30:40"])])
def test_the_interval_is_a_setting_and_may_be_never(every: int, expected: list[str]) -> None:
    world = patient(automatic={"aggregate_s": every})
    fail(world, 30, 1.0)
    until(world, clock(14, 31, 5))
    assert [time for time, _, _ in notices(world)] == expected


def test_after_ten_notices_that_nobody_answered_there_is_silence() -> None:
    world = patient(automatic={"aggregate_s": 10})
    fail(world, 150, 1.0)
    assert [a.times for a in world.said("incidents.events", ErrorsAggregated)] == list(range(1, 11))
