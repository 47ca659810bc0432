"""What passes, what is dropped and with which rule, what is sent on, what is refused (DESIGN 2, KERNEL 20-24)."""

from __future__ import annotations

from dataclasses import replace

import pytest

from processors.dedup import DECIDER
from processors.dedup.events import ActionAdmitted, ActionRerouted, MarkTouched
from processors.kernel.decider import Command, Event
from schemas import codec
from schemas.envelope import flags
from schemas.ids import seed_key
from schemas.messages.actions import EFFECT, GENERATED_ID, ActionDropped
from schemas.partitioning import partition_of
from tests.support.actions import PARTITIONS, T0, action, again, arrives
from tests.support.spec import Spec, Until

MINUTE = 60_000
DAY = 86_400_000
KEY = "t/agent"
WRONG = (partition_of(KEY.encode(), PARTITIONS) + 1) % PARTITIONS


def numbered(name: str | int, number: int, session: str = "s1"):
    return action(name, sequence=number, session=session)


def word(event: Event) -> str:
    """`passed` with its flags, or `dropped` with its rule, or `moved`."""
    match event.message:
        case ActionAdmitted():
            assert event.raw is not None
            return " ".join(("passed", *flags(event.headers)))
        case ActionDropped():
            return f"dropped {event.message.rule}"
        case ActionRerouted():
            return " ".join(("moved", *flags(event.headers)))
    return ""


def run(*history: Command | Until) -> list[str]:
    return [w for w in map(word, Spec(DECIDER).given(*history)) if w]


# --- by id ---------------------------------------------------------------------------------------------------------


def test_the_same_id_again_is_dropped_with_both_coordinates_and_the_original_bytes():
    first = action("a")
    spec = Spec(DECIDER)
    spec.given(arrives(first, 0, offset=7))
    partition = partition_of(KEY.encode(), PARTITIONS)
    spec.check(
        when=arrives(first, MINUTE, offset=9),
        then=[
            Event(
                KEY,
                ActionDropped(
                    tenant="t",
                    actor="agent",
                    event_id=first.event_id,
                    reason="redelivered",
                    rule="event_id",
                    topic="actions.raw",
                    partition=partition,
                    offset=9,
                    first_offset=7,
                    at=T0 + MINUTE,
                    original=codec.encode(first),
                ),
                about=9,
            )
        ],
        reasons=["redelivered", "redelivered_event_id"],
    )


def test_an_admitted_action_goes_on_with_its_bytes_and_headers():
    spec = Spec(DECIDER)
    a = action("a")
    (event,) = spec.given(arrives(a, 0, headers=(("traceparent", b"00-1"),)))
    assert (event.key, event.raw, event.headers) == (KEY, codec.encode(a), (("traceparent", b"00-1"),))


def test_the_window_is_300_seconds_of_log_time_and_a_redelivery_does_not_extend_it():
    a = action("a")
    said = run(arrives(a, 0), arrives(a, 299_999), arrives(a, 300_000))
    assert said == ["passed", "dropped event_id", "passed id_reused:1"]


@pytest.mark.parametrize("start", [0, 1, 137_000, 299_000, 299_999])
def test_the_window_is_as_long_wherever_it_begins_in_a_slot(start):
    a = action("a")
    second = (T0 + start) // 1000 * 1000 - T0
    assert run(arrives(a, start), arrives(a, second + 299_999)) == ["passed", "dropped event_id"]
    assert run(arrives(a, start), arrives(a, second + 300_000)) == ["passed", "passed id_reused:1"]


def test_an_id_used_again_and_again_is_counted_and_after_ten_minutes_new():
    a = action("a")
    times = [0, 5 * MINUTE, 10 * MINUTE, 15 * MINUTE, 26 * MINUTE]
    assert run(*(arrives(a, t) for t in times)) == [
        "passed",
        "passed id_reused:1",
        "passed id_reused:2",
        "passed id_reused:3",
        "passed",
    ]


def test_another_id_is_another_action_also_a_retry_in_the_same_second():
    a = action("a")
    assert run(arrives(a, 0), arrives(again(a, "b"), 10), arrives(again(a, "c"), 20)) == ["passed"] * 3


def test_a_sender_without_ids_gets_the_seeds_rule_by_the_seeds_key():
    def sent(second: int, digest: str):
        event_id = seed_key("t", "agent", "x", "r", second, digest)
        return replace(action(0), event_id=event_id, traits=GENERATED_ID)

    assert run(
        arrives(sent(100, "p"), 0),
        arrives(sent(100, "p"), 500),
        arrives(sent(101, "p"), 600),
        arrives(sent(100, "q"), 700),
    ) == ["passed", "dropped event_id", "passed", "passed"]


def test_one_tenant_or_actor_cannot_hide_the_action_of_another():
    a = action("a")
    other_actor, other_tenant = replace(a, actor="agent-2"), replace(a, tenant="u")
    assert run(arrives(a, 0), arrives(other_actor, 1), arrives(other_tenant, 2)) == ["passed"] * 3


# --- by number -----------------------------------------------------------------------------------------------------


def test_a_restart_at_1_in_a_new_session_passes():
    said = run(arrives(numbered("a", 1), 0), arrives(numbered("b", 2), 1), arrives(numbered("c", 1, "s2"), 2))
    assert said == ["passed"] * 3


def test_43_after_44_passes_and_43_again_after_the_window_does_not():
    assert run(
        arrives(numbered("42", 42), 0),
        arrives(numbered("44", 44), 1),
        arrives(numbered("43", 43), 2),
        arrives(numbered("43", 43), 10 * MINUTE),
    ) == ["passed", "passed", "passed", "dropped sequence"]


def test_the_first_number_of_a_session_hides_none_below_it():
    said = run(*(arrives(numbered(n, n), 0) for n in (7, 6, 1, 0)), arrives(numbered(3, 3), DAY - 1))
    assert said == ["passed"] * 5


def test_two_processes_with_one_id_are_told_apart_by_session_and_flagged_when_they_share_it():
    apart = [arrives(numbered("a1", 1, "p"), 0), arrives(numbered("b1", 1, "q"), 1)]
    shared = [arrives(numbered("a1", 1), 0), arrives(numbered("b1", 1), 1), arrives(numbered("b1", 1), 2)]
    assert run(*apart) == ["passed", "passed"]
    assert run(*shared) == ["passed", "passed sequence_reused", "dropped event_id"]


def test_a_number_seen_that_has_left_the_window_is_a_redelivery_whatever_its_id():
    spec = Spec(DECIDER)
    spec.given(arrives(numbered("a", 1), 0))
    dropped, touched = spec.given(arrives(numbered("b", 1), 6 * MINUTE))
    assert (dropped.message.rule, dropped.message.first_offset) == ("sequence", None)
    assert isinstance(touched.message, MarkTouched)


def test_a_redelivered_record_moves_no_number():
    spec = Spec(DECIDER)
    spec.given(arrives(numbered("a", 1), 0), arrives(numbered("b", 2), 1))
    mark = next(iter(spec.parts(f"{KEY}/mark/").values()))
    spec.given(arrives(numbered("b", 2), 2))
    after = next(iter(spec.parts(f"{KEY}/mark/").values()))
    assert (after.highest, after.holes) == (mark.highest, mark.holes)


def test_a_number_without_a_session_says_nothing():
    a, b = action("a", sequence=5), action("b", sequence=5)
    assert run(arrives(a, 0), arrives(b, 6 * MINUTE)) == ["passed", "passed"]


def test_a_mark_lives_a_day_after_its_last_record_redelivered_ones_included():
    one, two = numbered("a", 1), numbered("b", 2)
    assert run(arrives(one, 0), arrives(two, DAY - 1), arrives(one, 2 * DAY - 2))[-1] == "dropped sequence"
    assert run(arrives(one, 0), arrives(one, DAY - 1), arrives(one, 2 * DAY - 2))[-1] == "dropped sequence"
    assert run(arrives(one, 0), arrives(one, DAY))[-1] == "passed"


def test_a_silent_session_leaves_the_state():
    spec = Spec(DECIDER)
    spec.given(arrives(numbered("a", 1), 0), arrives(numbered("b", 2), 1000), Until(T0 + DAY + 999))
    assert spec.parts(f"{KEY}/mark/")
    spec.given(Until(T0 + DAY + 1000))
    assert not spec.parts(f"{KEY}/mark/")
    assert spec.earliest_due() is None


def test_one_hole_too_many_raises_the_floor_and_below_it_the_id_alone_decides():
    spec = Spec(DECIDER)
    odd = [arrives(numbered(n, n), 0) for n in range(1, 2 * 1024, 2)]  # holes at 0, 2, …, 2046: 1,024 of them
    assert [word(e) for e in spec.given(*odd)] == ["passed"] * 1024
    assert [word(e) for e in spec.given(arrives(numbered("over", 2049), 0))] == ["passed floor_raised"]
    late = [arrives(numbered(0, 0), 1), arrives(numbered(0, 0), 2), arrives(numbered("0'", 0), 10 * MINUTE)]
    assert [w for w in map(word, spec.given(*late)) if w] == ["passed", "dropped event_id", "passed"]


# --- effects -------------------------------------------------------------------------------------------------------


def test_an_effect_whose_content_passed_in_the_window_passes_flagged():
    charge = action("a", traits=EFFECT)
    said = run(*(arrives(again(charge, n), n * 200_000) for n in range(3)), arrives(again(charge, "z"), 800_000))
    assert said == ["passed", "passed repeated", "passed repeated", "passed"]


def test_a_redelivered_effect_is_dropped_not_flagged():
    charge = action("a", traits=EFFECT)
    assert run(arrives(charge, 0), arrives(charge, 1)) == ["passed", "dropped event_id"]


def test_content_counts_for_effects_only():
    look = action("a")
    assert run(arrives(look, 0), arrives(again(look, "b"), 1)) == ["passed", "passed"]


# --- places and keys -----------------------------------------------------------------------------------------------


def test_a_wrong_partition_is_sent_on_once_unchanged_and_remembers_nothing():
    spec = Spec(DECIDER)
    a = action("a")
    spec.check(
        when=arrives(a, 0, partition=WRONG, offset=3, headers=(("traceparent", b"1"),)),
        then=[
            Event(KEY, ActionRerouted(3), codec.encode(a), (("traceparent", b"1"), ("flags", b"rerouted"))),
        ],
        reasons=["rerouted"],
    )
    assert not spec.parts()


def test_a_rerouted_record_in_its_place_passes_with_the_flag():
    assert run(arrives(action("a"), 0, headers=(("flags", b"rerouted"),))) == ["passed rerouted"]


def test_rerouted_twice_is_refused():
    wrong = arrives(action("a"), 0, partition=WRONG, headers=(("flags", b"rerouted"),))
    Spec(DECIDER).refused(when=wrong, code="rerouted_twice")


@pytest.mark.parametrize("key", [b"t/other", b"t", b"", None], ids=["another actor", "tenant only", "empty", "none"])
def test_a_key_that_is_not_the_actions_is_refused(key):
    Spec(DECIDER).refused(when=arrives(action("a"), 0, key=key), code="wrong_key")


def test_a_producer_sets_no_verdicts():
    forged = arrives(action("a"), 0, headers=(("flags", b"repeated,rerouted,id_reused:9"),))
    assert run(forged) == ["passed rerouted"]
    alone = Spec(DECIDER).given(arrives(action("b"), 0, headers=(("flags", b"repeated"),)))
    assert alone[0].headers == ()


def test_what_was_decided_holds_after_a_restore():
    spec = Spec(DECIDER)
    a, b = numbered("a", 1), action("b", traits=EFFECT)
    spec.given(arrives(a, 0), arrives(b, 1))
    spec.restore()
    said = [word(e) for e in spec.given(arrives(a, 2), arrives(again(b, "c"), 3))]
    assert [w for w in said if w] == ["dropped event_id", "passed repeated"]
