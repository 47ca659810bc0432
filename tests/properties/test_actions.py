"""Random streams of actions through dedup, ordering and signals, beside plain models that remember everything."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field, replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from processors.dedup import rules as dedup_rules
from processors.dedup.events import ActionAdmitted
from processors.kernel.decider import Command, Event
from processors.kernel.engine import Engine
from processors.kernel.runnable import runnables
from processors.ordering.events import ActionOrdered
from processors.rooms import DECIDERS
from processors.signals.state import Held
from schemas import topology
from schemas.envelope import flags
from schemas.head import Head
from schemas.ids import derive, key_of
from schemas.messages.actions import BACKFILL, EFFECT, ERROR, NO_SEQUENCE, RETRYABLE, ActionDropped, ErrorInfo
from schemas.messages.incidents import ErrorSignalled, FailureHealed
from schemas.messages.ordering import SequenceGapDeclared, SequenceGapFilled, SequenceGapOpened
from schemas.partitioning import partition_of
from schemas.record import Output, Record
from tests.support.actions import PARTITIONS, T0, action, arrives
from tests.support.spec import Spec, Until

WIRED = runnables(topology.load(), DECIDERS)
DAY = 86_400_000
Stream = list[Command]

# Mostly small steps, with the corners of every window near: 30 s, 300 s, 600 s and their neighbours.
_step = st.sampled_from([0, 0, 1, 400, 900, 5_000, 29_999, 30_000, 299_000, 300_000, 301_000, 700_000, DAY])


@dataclass(frozen=True)
class Sent:
    """What a stream draws of one action."""

    name: int
    session: str
    sequence: int
    content: int
    traits: int
    actor: str


_sent = st.builds(
    Sent,
    st.integers(0, 12),
    st.sampled_from(["p", "p", "q", ""]),
    st.sampled_from([NO_SEQUENCE, *range(9)]),
    st.integers(0, 3),
    st.sampled_from([0, EFFECT]),
    st.sampled_from(["agent", "agent", "agent-2"]),
)


def stream(draws: list[tuple[int, Sent]], topic: str = "actions.raw") -> Stream:
    """Commands in the order of the draws; a name is an event id, whatever else it carries."""
    out, now = [], 0
    for offset, (step, s) in enumerate(draws):
        now += step
        what = action(
            s.name,
            session=s.session,
            sequence=s.sequence,
            content_key=derive("content", s.content),
            traits=s.traits,
            actor=s.actor,
            timestamp=T0 + now,
            received_at=T0 + now,
        )
        out.append(arrives(what, now, offset=offset, topic=topic))
    return out


_streams = st.lists(st.tuples(_step, _sent), max_size=40).map(stream)


# --- dedup ----------------------------------------------------------------------------------------------------------


@dataclass
class Memory:
    """Deduplication by somebody who forgets nothing: (key, thing) -> seconds of its sightings."""

    ids: dict[tuple[str, bytes], list[int]] = field(default_factory=dict)
    numbers: dict[tuple[str, str, int], int] = field(default_factory=dict)
    numbered: dict[tuple[str, str], tuple[int, set[int]]] = field(default_factory=dict)
    contents: dict[tuple[str, bytes], int] = field(default_factory=dict)

    def decide(self, command: Command) -> str:
        """`dropped` with its rule, or `passed` with its flags."""
        head: Head = command.message
        key, second = command.key, command.now // 1000
        seconds = self.ids.get((key, head.event_id), [])
        place = (key, head.session) if head.session and head.sequence >= 0 else None
        last, seen = self.numbered.get(place, (command.now, set())) if place else (command.now, set())
        if command.now - last >= DAY:
            seen = set()
        if seconds and second - seconds[-1] < 300:
            if place and seen:
                self.numbered[place] = (command.now, seen)
            return "dropped event_id"
        words = []
        if place:
            first = self.numbers.get((*place, head.sequence))
            if head.sequence in seen:
                self.numbered[place] = (command.now, seen)
                if first is None or second - first >= 300:
                    return "dropped sequence"
                words.append("sequence_reused")
            else:
                self.numbers[(*place, head.sequence)] = second
            self.numbered[place] = (command.now, seen | {head.sequence})
        if head.traits & EFFECT:
            before = self.contents.get((key, head.content_key))
            if before is not None and second - before < 300:
                words.append("repeated")
            self.contents[key, head.content_key] = second
        if seconds and second - seconds[-1] < 600:
            words.append(f"id_reused:{len(seconds)}")
            self.ids[key, head.event_id] = [*seconds, second]
        else:
            self.ids[key, head.event_id] = [second]
        return " ".join(("passed", *words))


def verdict(events: list[Event]) -> str:
    for event in events:
        if isinstance(event.message, ActionDropped):
            return f"dropped {event.message.rule}"
        if isinstance(event.message, ActionAdmitted):
            return " ".join(("passed", *flags(event.headers)))
    return "nothing"


@settings(max_examples=250, deadline=None)
@given(_streams, st.frozensets(st.integers(0, 39), max_size=4))
def test_dedup_decides_as_one_who_forgets_nothing(log: Stream, restores: frozenset[int]) -> None:
    spec, memory = Spec(DECIDERS["dedup"]), Memory()
    for i, command in enumerate(log):
        if i in restores:
            spec.restore()
        assert verdict(spec.given(command)) == memory.decide(command), i


@settings(max_examples=150, deadline=None)
@given(_streams)
def test_with_few_holes_nothing_unseen_is_dropped_and_no_id_passes_twice_in_the_window(log: Stream) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(dedup_rules, "MAX_HOLES", 2)
        spec = Spec(DECIDERS["dedup"])
        passed: dict[tuple[str, bytes], int] = {}
        numbers: set[tuple[str, str, int]] = set()
        for command in log:
            said = verdict(spec.given(command))
            head: Head = command.message
            which, second = (command.key, head.event_id), command.now // 1000
            in_window = which in passed and second - passed[which] < 300
            place = (command.key, head.session, head.sequence)
            assert said.startswith("dropped") or not in_window
            if said == "dropped sequence":
                assert place in numbers
            if said == "dropped event_id":
                assert in_window
            if said.startswith("passed"):
                passed[which] = second
                numbers.add(place)


# --- ordering -------------------------------------------------------------------------------------------------------

_numbered = st.lists(
    st.tuples(
        st.sampled_from([0, 1, 400, 5_000, 15_000, 29_999, 30_000]),
        st.builds(
            Sent,
            st.integers(0, 10**9),
            st.sampled_from(["p", "p", "q"]),
            st.integers(0, 12),
            st.just(0),
            st.just(0),
            st.just("agent"),
        ),
    ),
    max_size=40,
)


@settings(max_examples=200, deadline=None)
@given(_numbered, st.frozensets(st.integers(0, 39), max_size=4))
def test_every_gap_ends_once_and_what_is_declared_missing_never_came_in_time(
    draws: list[tuple[int, Sent]], restores: frozenset[int]
) -> None:
    log = stream(draws, "actions.unique")
    spec = Spec(DECIDERS["ordering"])
    events: list[tuple[int, Event]] = []
    for i, command in enumerate(log):
        if i in restores:
            spec.restore()
        given_now = spec.given(command)
        (passed,) = [e for e in given_now if isinstance(e.message, ActionOrdered)]
        assert command.record is not None
        assert (passed.raw, passed.key) == (command.record.value, key_of("t", "r"))
        events += [(command.now, e) for e in given_now]
    end = (log[-1].now if log else T0) + 30_000
    events += [(end, e) for e in spec.given(Until(end))]
    messages = [e.message for _, e in events]
    opened = [m for m in messages if isinstance(m, SequenceGapOpened)]
    ended = [m for m in messages if isinstance(m, SequenceGapFilled | SequenceGapDeclared)]
    assert Counter((m.session, m.first, m.last) for m in opened) == Counter((m.session, m.first, m.last) for m in ended)
    for declared in (m for m in messages if isinstance(m, SequenceGapDeclared)):
        assert declared.at == declared.opened_at + 30_000
        came = {
            c.message.sequence
            for c in log
            if c.message.session == declared.session and declared.opened_at <= c.now < declared.at
        }
        expected = [n for n in range(declared.first, declared.last + 1) if n not in came]
        assert list(declared.missing) == expected
        assert declared.missing_count == len(expected)


@settings(max_examples=100, deadline=None)
@given(_numbered)
def test_late_and_gap_are_what_the_highest_number_says(draws: list[tuple[int, Sent]]) -> None:
    spec, highest = Spec(DECIDERS["ordering"]), dict[str, int]()
    for command in stream(draws, "actions.unique"):
        head: Head = command.message
        before = highest.get(head.session)
        expected = () if before is None or head.sequence == before + 1 else ("late",)
        if before is not None and head.sequence > before + 1:
            expected = ("gap",)
        highest[head.session] = max(head.sequence, before if before is not None else head.sequence)
        (passed,) = [e for e in spec.given(command) if isinstance(e.message, ActionOrdered)]
        assert flags(passed.headers) == expected


# --- signals --------------------------------------------------------------------------------------------------------

_try = st.tuples(
    st.sampled_from([0, 1, 900, 2_000, 4_999, 5_000, 5_001, 59_999, 60_000]),
    st.sampled_from(["ok", "ok", "fails", "fails and retries", "fails and retries"]),
    st.integers(1, 4),
    st.sampled_from([0, 0, 0, BACKFILL]),
    st.sampled_from([0, 0, -3_000, -9_000]),
    st.sampled_from(["agent", "agent-2"]),
)


@settings(max_examples=250, deadline=None)
@given(st.lists(_try, max_size=30), st.frozensets(st.integers(0, 29), max_size=3))
def test_every_failure_ends_once_in_a_signal_or_a_healed_count(
    tries: list[tuple[int, str, int, int, int, str]], restores: frozenset[int]
) -> None:
    spec, events, now, failures = Spec(DECIDERS["signals"]), list[Event](), 0, 0
    for i, (step, how, attempt, past, skew, actor) in enumerate(tries):
        now += step
        what = action(i, actor=actor, attempt=attempt, timestamp=T0 + now + skew, traits=past)
        if how != "ok":
            failures += 1
            traits = past | ERROR | (RETRYABLE if how != "fails" else 0)
            what = replace(what, traits=traits, error=ErrorInfo("E", "m"))
        if i in restores:
            spec.restore()
        events += spec.given(arrives(what, now, topic="actions.ordered", resource_key=True))
    events += spec.given(Until(T0 + now + 60_000))
    assert not any(isinstance(part, Held) for part in spec.parts().values())
    messages = [e.message for e in events]
    ends = [m for m in messages if isinstance(m, ErrorSignalled | FailureHealed)]
    assert sum(m.failed_tries for m in ends) == failures
    assert len({m.action_id for m in ends if isinstance(m, ErrorSignalled)}) == sum(
        1 for m in ends if isinstance(m, ErrorSignalled)
    )
    # What it counted of tries is forgotten too, once no window can see it.
    later = spec.given(Until(T0 + now + 3_600_000))
    assert not any(isinstance(e.message, ErrorSignalled | FailureHealed) for e in later)
    assert not spec.parts()
    assert spec.earliest_due() is None


# --- all three, on engines ------------------------------------------------------------------------------------------


def drain(room: str, log: list[Record], cuts: frozenset[int]) -> tuple[list[Output], dict[str, Any]]:
    """Outputs of a room over one partition's log, thrown away and restored after each cut; and the final state."""
    engine = WIRED[room].engine(log[0].partition)
    outputs, changelog = list[Output](), list[Output]()
    for at, record in enumerate(log):
        outputs += engine.advance(record).outputs
        if at in cuts:
            changelog += engine.flush(record.offset + 1)
            engine = restored(room, log[0].partition, changelog)
    engine.flush(log[-1].offset + 1)
    return outputs, engine.snapshot()


def restored(room: str, partition: int, changelog: list[Output]) -> Engine:
    engine = WIRED[room].engine(partition)
    for i, o in enumerate(changelog):
        engine.load(Record(o.topic, partition, i, 0, o.key, o.value, o.headers))
    engine.ready()
    return engine


def records(outputs: list[Output], topic: str, partition: int, moments: list[int]) -> list[Record]:
    there = [o for o in outputs if o.topic == topic and o.partition == partition]
    return [Record(topic, partition, i, moments[i], o.key, o.value, o.headers) for i, o in enumerate(there)]


@settings(max_examples=80, deadline=None)
@given(st.lists(st.tuples(_step, _sent), min_size=1, max_size=30), st.frozensets(st.integers(0, 29)))
def test_a_crash_at_any_boundary_changes_nothing_and_the_accounts_are_sets(
    draws: list[tuple[int, Sent]], cuts: frozenset[int]
) -> None:
    home = partition_of(b"t/agent", PARTITIONS)
    raw = [c.record._replace(partition=home) for c in stream(draws) if c.record is not None]
    moments = [r.append_time for r in raw]
    kept, state = drain("dedup", raw, frozenset())
    assert drain("dedup", raw, cuts) == (kept, state)
    came = Counter(r.value for r in raw)
    unique = records(kept, "actions.unique", home, moments)
    others = Counter(o.value for o in kept if o.topic == "actions.raw")  # agent-2 lives on another partition
    dropped = [o for o in kept if o.topic == "actions.dropped"]
    assert sum(came.values()) == len(unique) + sum(others.values()) + len(dropped)
    assert not Counter(r.value for r in unique) + others - came
    if unique:
        ordered, after = drain("ordering", unique, frozenset())
        assert drain("ordering", unique, cuts) == (ordered, after)
        assert [o.value for o in ordered if o.topic == "actions.ordered"] == [r.value for r in unique]
        resources = partition_of(b"t/r", PARTITIONS)
        last = records(ordered, "actions.ordered", resources, moments)
        assert drain("signals", last, cuts) == drain("signals", last, frozenset())
