"""What partitions counted becomes an episode that begins, grows, is judged and ends (seed 8.2)."""

from __future__ import annotations

from processors.incidents import DECIDER
from schemas import ids
from schemas.messages.incidents import CommandRefused
from schemas.messages.incidents.flooding import (
    ActorRateExceeded,
    ActorUnusual,
    FloodEnded,
    FloodGrew,
    FloodJudged,
    FloodSuspected,
    JudgeFlood,
    NewActorsCounted,
    TrafficCounted,
)
from tests.support.desk import START, TENANT, Desk, Told

SECOND = START // 1_000


def rate(count: int, second: int = SECOND, actor: str = "loop") -> ActorRateExceeded:
    return ActorRateExceeded(TENANT, actor, second, count, 100, second * 1_000)


def traffic(partition: int, actions: int, second: int = SECOND) -> TrafficCounted:
    return TrafficCounted(TENANT, partition, second, actions, second * 1_000)


def judge(desk: Desk, flood_id: bytes, verdict: str, n: int = 1) -> JudgeFlood:
    return JudgeFlood(TENANT, ids.derive("judge", n), bytes(16), "sec", flood_id, verdict, "seen", desk.now)  # type: ignore[arg-type]  # a word of the enum


def suspected(told: Told) -> list[FloodSuspected]:
    return [e for e in told.events if isinstance(e, FloodSuspected)]


def test_given_an_actor_above_its_limit_then_it_is_flagged_once_with_the_numbers() -> None:
    desk = Desk(DECIDER)
    desk.configure("floods", {"limit_s": 300})
    found = desk.tell(rate(101)).the(FloodSuspected)
    assert (found.kind, found.actor, found.rate_limit) == ("suspicious_volume", "loop", 100)
    assert found.evidence == "101 actions of loop in one second, more than 100"
    assert found.limited_until == found.at + 300_000
    assert suspected(desk.tell(rate(101, SECOND + 1))) == []
    assert desk.tell(rate(400, SECOND + 2)).the(FloodGrew).count == 400


def test_given_counts_of_partitions_then_they_are_summed_per_second() -> None:
    desk = Desk(DECIDER)
    for partition in range(3):
        assert suspected(desk.tell(traffic(partition, 300))) == []
    assert suspected(desk.tell(traffic(3, 300, SECOND + 1))) == []
    found = desk.tell(traffic(3, 125)).the(FloodSuspected)
    assert (found.kind, found.actor, found.count) == ("possible_attack", "", 1_025)
    assert "summed over 4 partitions" in found.evidence


def test_given_the_same_partition_again_then_its_newer_count_stands() -> None:
    desk = Desk(DECIDER)
    for actions in range(100, 1_000, 100):
        assert suspected(desk.tell(traffic(0, actions))) == []


def test_given_more_new_actors_than_a_minute_should_have_then_it_may_be_credential_stuffing() -> None:
    desk = Desk(DECIDER)
    told = [NewActorsCounted(TENANT, p, SECOND + 10 * n, 20, "a", START) for n in range(3) for p in range(2)]
    found = [f for each in told for f in suspected(desk.tell(each))]
    assert [(f.kind, f.count) for f in found] == [("possible_credential_stuffing", 120)]


def test_given_new_actors_spread_over_many_minutes_then_nothing_is_flagged() -> None:
    desk = Desk(DECIDER)
    told = [NewActorsCounted(TENANT, 0, SECOND + 60 * n, 50, "a", START) for n in range(10)]
    assert [f for each in told for f in suspected(desk.tell(each))] == []


def test_given_an_unusual_actor_then_it_is_for_review_and_nothing_is_limited() -> None:
    fact = ActorUnusual(TENANT, "reviewer", "file", 500, 10, 8, 3_600, 101, "repo", bytes(16), START, START)
    found = Desk(DECIDER).tell(fact).the(FloodSuspected)
    assert (found.kind, found.rate_limit, found.limited_until) == ("unusual_behaviour", 0, 0)
    assert "500 actions of kind file" in found.evidence
    assert "normal: at most 10" in found.evidence


def test_given_quiet_then_the_episode_ends_with_its_peak_and_the_next_is_another() -> None:
    desk = Desk(DECIDER)
    first = desk.tell(rate(101)).the(FloodSuspected)
    desk.tell(rate(250, SECOND + 1))
    ended = desk.sleep(200_000).the(FloodEnded)
    assert (ended.peak, ended.reports) == (250, 2)
    assert desk.tell(rate(101, SECOND + 300)).the(FloodSuspected).flood_id != first.flood_id


def test_given_a_verdict_then_it_is_kept_and_the_same_again_is_refused() -> None:
    desk = Desk(DECIDER)
    flood = desk.tell(rate(101)).the(FloodSuspected)
    confirmed = desk.tell(judge(desk, flood.flood_id, "confirmed")).the(FloodJudged)
    assert confirmed.limited_until == desk.now + 3_600_000
    assert desk.tell(judge(desk, flood.flood_id, "confirmed", 2)).the(CommandRefused).code == "already_judged"
    released = desk.tell(judge(desk, flood.flood_id, "released", 3)).the(FloodJudged)
    assert released.limited_until == desk.now


def test_given_an_unknown_episode_then_the_verdict_is_refused() -> None:
    desk = Desk(DECIDER)
    assert desk.tell(judge(desk, bytes(16), "released")).the(CommandRefused).code == "unknown_or_closed"
