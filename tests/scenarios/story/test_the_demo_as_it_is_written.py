"""The very script that `mandate demo` plays, on virtual time: what must come out of it, for several seeds.

The actions are translated as the gateway does it; alice, bob and the hands are played by the world.
"""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime

import pytest

from gateway.demo import alerts, shop, story
from gateway.http.action_json import translate
from gateway.http.fields import Fields
from gateway.http.telling import alert_of
from gateway.http.tokens import Principal
from schemas import ids
from schemas.head import read_head
from schemas.messages.actions import Action, ActionDropped
from schemas.messages.incidents import (
    AlertAttached,
    CauseSuggested,
    ChangeRecorded,
    HealedFailureCounted,
    IncidentAcknowledged,
    IncidentContained,
    IncidentResolved,
    SignalAttached,
)
from schemas.messages.kernel import DeadLetter
from schemas.messages.notifications import EscalationExhausted, PageRequested
from schemas.messages.ordering import ClockDriftDetected, SequenceGapDeclared, SequenceGapFilled, SequenceGapOpened
from schemas.messages.rml import CaseEntriesAdded, CaseOpened, EffectEntered, EffectObservedAgain
from schemas.record import Output
from tests.support.world import World, decode

END_S = 42.0
STEP_S = 0.1


class Played:
    """One playing of the script: its world, and the ids that were accepted."""

    def __init__(self, seed: int) -> None:
        self.script = story.write("shop", seed)
        self.world = World("shop")
        self.world.configure(**shop.documents("http://127.0.0.1:1"))
        self.accepted: Counter[bytes] = Counter()
        self._sent: dict[str, Action] = {}

    def play(self) -> Played:
        todo = {agent: list(beats) for agent, beats in self.script.beats.items()}
        opened: set[str] = set()
        alerted = contained = rubbish = resolved = False
        while self.world.now < END_S:
            for beats in todo.values():
                while (
                    beats
                    and beats[0].at <= self.world.now * 1_000
                    and (beats[0].gate is None or beats[0].gate in opened)
                ):
                    opened |= self._play(beats.pop(0))
            incidents = self.world.incidents()
            if story.ACKNOWLEDGED not in opened and self.world.now >= 21.0:
                self.world.acknowledge("bob", incidents[0].incident_id)
                opened.add(story.ACKNOWLEDGED)
            if not alerted and self.world.now * 1_000 >= story.ALERT:
                self._alert()
                alerted = True
            if not contained and self.world.now * 1_000 >= story.CONTAIN:
                self.world.contain("bob", incidents[0].incident_id)
                contained = True
            if not resolved and self.world.now * 1_000 >= story.RESOLVE:
                self.world.resolve("bob", incidents[0].incident_id)
                resolved = True
            if not rubbish and self.world.now * 1_000 >= story.RUBBISH:
                self.world.log.append(Output("actions.raw", None, None, self.script.rubbish))
                rubbish = True
            self.world.run_to(self.world.now + STEP_S)
        assert not any(todo.values())
        return self

    def _alert(self) -> None:
        """Alertmanager's webhook, taken as the gateway takes it."""
        now = self.world.clock.wall_ms()
        body = alerts.webhook(datetime.fromtimestamp(now / 1_000, UTC).isoformat())
        who = Principal("shop", shop.ALERTMANAGER, "integration", (), "")
        for number, item in enumerate(body["alerts"]):
            alert = alert_of(Fields(item, f"alerts[{number}]"), who, now)
            self.world.tell("incidents.commands", alert, ids.derive("telling", number))

    def _play(self, beat: story.Beat) -> set[str]:
        for plain in beat.actions:
            if not beat.again:
                now = self.world.clock.wall_ms()
                self._sent[plain["id"]] = translate({**plain, "timestamp": now - beat.skew_ms}, "shop", now)
            action = self._sent[plain["id"]]
            self.accepted[action.event_id] += 1
            self.world.append(action)
        return {beat.opens} if beat.opens else set()


@pytest.fixture(scope="module", params=[7, 8])
def played(request: pytest.FixtureRequest) -> Played:
    return Played(request.param).play()


def test_the_failing_charges_are_one_incident_that_bob_resolves(played: Played) -> None:
    world = played.world
    assert [(i.number, i.resource, i.severity) for i in world.incidents()] == [(1, "payments-service", "SEV2")]
    assert len(world.said("incidents.events", SignalAttached)) + 1 == len(played.script.failing)
    assert [a.subject for a in world.said("incidents.events", IncidentAcknowledged)] == ["bob"]
    assert [r.incident_id for r in world.said("incidents.events", IncidentResolved)] == [
        world.incidents()[0].incident_id
    ]


def test_the_deploy_is_the_likely_cause_and_neither_decoy_nor_the_rollback(played: Played) -> None:
    causes = played.world.said("incidents.events", CauseSuggested)
    assert causes
    assert {(c.kind, c.resource, c.after, c.confidence) for c in causes} == {
        ("deploy", "payments-service", story.BROKEN, "high")
    }
    assert not {c.resource for cause in causes for c in cause.considered if c.score >= cause.score}


def test_the_alert_joins_the_incident_and_bob_contains_it(played: Played) -> None:
    world = played.world
    (attached,) = world.said("incidents.events", AlertAttached)
    assert (attached.name, attached.resource, attached.number, attached.opened) == (
        alerts.NAME,
        "payments-service",
        1,
        False,
    )
    assert [c.subject for c in world.said("incidents.events", IncidentContained)] == ["bob"]


def test_alice_and_bob_are_paged_and_nobody_else(played: Played) -> None:
    pages = {(p.person, p.step) for p in played.world.said("notifications.events", PageRequested)}
    assert pages == {("alice", 1), ("bob", 2)}
    assert not played.world.said("notifications.events", EscalationExhausted)


def test_what_is_dropped_is_the_batch_and_what_is_dead_is_the_rubbish(played: Played) -> None:
    dropped = Counter(d.event_id for d in played.world.said("actions.dropped", ActionDropped))
    assert dropped == Counter(i for i in (ids.parse(text) for text in played.script.batch) if i)
    (letter,) = played.world.said("dead.letters", DeadLetter)
    assert letter.original == played.script.rubbish


def test_the_second_charge_is_one_case_and_the_refund_told_twice_is_none(played: Played) -> None:
    (case,) = played.world.said("rml.events", CaseOpened)
    assert (case.world, case.reason, case.amount, case.counterparty) == (
        "RML3",
        "second_charge",
        "4900",
        "customer-8812",
    )
    entries = {entered.number: entered for entered in played.world.said("rml.events", EffectEntered)}
    assert [entries[named.number].external_reference for named in case.entries] == ["ch_8812_a", "ch_8812_b"]
    assert played.world.said("rml.events", CaseEntriesAdded) == []
    (again,) = played.world.said("rml.events", EffectObservedAgain)
    assert (again.external_reference, again.observations) == ("re_77", 2)


def test_one_gap_is_declared_one_failure_healed_one_clock_drifts_four_things_change(played: Played) -> None:
    world = played.world
    assert [g.actor for g in world.said("ordering.events", SequenceGapOpened)] == ["catalog-sync"]
    assert [g.actor for g in world.said("ordering.events", SequenceGapDeclared)] == ["catalog-sync"]
    assert world.said("ordering.events", SequenceGapFilled) == []
    assert [d.actor for d in world.said("ordering.events", ClockDriftDetected)] == ["data-processor"]
    assert len(world.said("incidents.events", HealedFailureCounted)) == 1
    changed = [c.resource for c in world.said("incidents.events", ChangeRecorded)]
    assert changed == ["notification-service", "search-service", "payments-service", "payments-service"]


def test_the_accounts_are_whole(played: Played) -> None:
    ordered = [r for r in played.world.log.records("actions.ordered") if isinstance(decode(r), Action)]
    rows = Counter(read_head(r.value or b"").event_id for r in ordered)
    dropped = Counter(d.event_id for d in played.world.said("actions.dropped", ActionDropped))
    assert rows + dropped == played.accepted
    assert set(rows.values()) == {1}
