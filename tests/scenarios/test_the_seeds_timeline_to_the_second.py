"""Seed 13.2, to the second, with DESIGN 9's two corrections: the incident opens with the first error (held 5 s, because
another try was to be expected), and the later page is for the raised severity, which goes out although acknowledged.
"""

from __future__ import annotations

from schemas.messages.actions import Change
from schemas.messages.incidents import (
    ContainIncident,
    IncidentAcknowledged,
    IncidentContained,
    IncidentStateChanged,
    JoinIncident,
    ParticipantJoined,
    RequestRollback,
    RollbackRequested,
    SeverityRaised,
)
from schemas.messages.notifications import PageRequested
from tests.support.world import START_MS, World

PEOPLE = {
    "people": [
        {"id": name, "channels": [{"kind": "webhook", "address": f"https://pager.example/{name}"}]}
        for name in ("alice", "payments-oncall")
    ],
    "fallback_contact": "payments-oncall",
}
ESCALATION = {
    "policies": [
        {
            "id": "payments",
            "rounds": 3,
            "steps": [{"person": "alice", "wait_s": 60}, {"person": "payments-oncall", "wait_s": 1200}],
        }
    ],
    "default_policy": "payments",
}
INCIDENTS = {"raises": [{"severity": "SEV2", "failures": 10}]}


def clock(at_ms: int) -> str:
    """The time of day, when the story began at 14:30:00."""
    seconds = (at_ms - START_MS) // 1000
    return f"14:{30 + seconds // 60}:{seconds % 60:02d}"


def say(world: World, kind: type, subject: str) -> None:
    """A person's command to the only incident, now."""
    world.command(kind, subject, world.incidents()[0].incident_id)


def test_every_line_of_the_seeds_timeline_comes_at_its_second() -> None:
    world = World("shop")
    world.configure(people=PEOPLE, escalation=ESCALATION, incidents=INCIDENTS)
    change = Change("deploy", "v2.3.0", "v2.3.1", "connection pool 10 -> 5")
    world.act("deployer", "deploy", "payments-service", change=change)
    world.run_to(15)
    fail = ("checkout", "payments.charge", "payments-service", "PaymentError", "connection pool exhausted (order 100)")
    world.fail(*fail, retryable=True, attempt_limit=3)
    world.run_to(45)
    world.acknowledge("alice", world.incidents()[0].incident_id)
    world.run_to(60)
    for n in range(9):
        world.fail(*fail[:-1], f"connection pool exhausted (order {n})")
    world.run_to(300)
    say(world, JoinIncident, "bob")
    world.run_to(600)
    say(world, RequestRollback, "alice")
    world.run_to(720)
    world.act("deployer", "deploy", "payments-service", change=Change("deploy", "v2.3.1", "v2.3.0", None))
    say(world, ContainIncident, "alice")
    world.run_to(721)

    (opened,) = world.incidents()
    (raised,) = world.said("incidents.events", SeverityRaised)
    (rollback,) = world.said("incidents.events", RollbackRequested)
    pages = [(clock(p.at), p.person, p.why) for p in world.said("notifications.events", PageRequested)]
    told = {
        "first error": clock(opened.first_failure_at),
        "opened": clock(opened.at),
        "acknowledged": clock(world.said("incidents.events", IncidentAcknowledged)[0].at),
        "raised": clock(raised.at),
        "joined": clock(world.said("incidents.events", ParticipantJoined)[0].at),
        "rollback": clock(rollback.at),
        "contained": clock(world.said("incidents.events", IncidentContained)[0].at),
    }
    assert told == {
        "first error": "14:30:15",
        "opened": "14:30:20",
        "acknowledged": "14:30:45",
        "raised": "14:31:00",
        "joined": "14:35:00",
        "rollback": "14:40:00",
        "contained": "14:42:00",
    }
    assert pages == [
        ("14:30:20", "alice", "opened"),
        ("14:31:00", "alice", "severity_raised"),
        ("14:32:00", "payments-oncall", "severity_raised"),
    ]
    assert rollback.what == "deploy v2.3.0 → v2.3.1 of payments-service by deployer"
    assert world.said("incidents.events", ParticipantJoined)[0].primary == "alice"
    states = [e.after for e in world.said("incidents.events", IncidentStateChanged)]
    assert states == ["investigating", "contained"]
