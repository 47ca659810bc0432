"""Random failures, splits, merges and undos against a model that knows only sets: every counter is a recount."""

from __future__ import annotations

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from processors.incidents import DECIDER
from schemas.messages.incidents import CorrectionUndone, IncidentOpened, IncidentsMerged, IncidentSplit, SignalAttached
from tests.support.correct_words import action, kept, merge, now, split, undo
from tests.support.desk import Desk
from tests.support.incident_words import signal
from tests.support.similar_words import said

STEP = st.one_of(
    st.tuples(st.just("fail"), st.integers(0, 5), st.integers(0, 2), st.integers(0, 3)),
    st.tuples(st.just("fail"), st.integers(0, 5), st.integers(0, 2), st.integers(0, 3)),
    st.tuples(st.just("split"), st.integers(0, 9), st.integers(1, 2**12)),
    st.tuples(st.just("merge"), st.integers(0, 9), st.integers(0, 9)),
    st.tuples(st.just("undo"), st.integers(0, 9)),
)


class Model:
    """Which failures belong to which incident, as the events say; `hit` is whom a failure hit."""

    def __init__(self) -> None:
        self.of: dict[bytes, set[bytes]] = {}
        self.into: dict[bytes, bytes] = {}
        self.hit: dict[bytes, int] = {}

    def told(self, event: object) -> None:
        match event:
            case IncidentOpened(split_from=None):
                self.of[event.incident_id] = {event.action_id}
            case SignalAttached():
                self.of[event.incident_id].add(event.action_id)
            case IncidentSplit():
                self.of[event.split_id] = set(event.action_ids)
                for home in self.of:
                    if home != event.split_id:
                        self.of[home] -= set(event.action_ids)
            case IncidentsMerged():
                self.into[event.merged_id] = event.incident_id
            case CorrectionUndone():
                if event.undone == "merge":
                    del self.into[event.other_id]
                else:
                    self.into[event.other_id] = event.incident_id
                for moved in event.moved:
                    for home in self.of:
                        self.of[home] -= set(moved.action_ids)
                    self.of[moved.incident_id] |= set(moved.action_ids)

    def whole(self, incident: bytes) -> set[bytes]:
        out = set(self.of[incident])
        for gone, into in self.into.items():
            if into == incident:
                out |= self.whole(gone)
        return out


def play(desk: Desk, model: Model, steps: list[tuple[Any, ...]]) -> None:
    n = 0
    for what, *how in [("fail", 0, 0, 0), *steps]:
        desk.now += 10
        incidents = list(model.of)
        if what == "fail":
            n += 1
            error, actor, customer = how
            model.hit[action(n)] = customer
            who = {"actor": f"agent-{actor}", "affected": f"c{customer}"}
            # Errors 0 to 2 are unlike all others; of the rest 3 and 5 are alike but for a host's name.
            text = f"connection to host {'abcdef'[error]} {'refused' if error % 2 else 'reset'} after {n} ms"
            told = desk.tell(
                signal(n, desk.now, fingerprint=f"f{error}", **who) if error < 3 else said(n, text, desk.now, **who)
            )
        elif what == "split":
            one = incidents[how[0] % len(incidents)]
            chosen = [i for i in range(1, n + 1) if how[1] >> (i % 12) & 1 and action(i) in model.whole(one)]
            told = split(desk, one, *chosen)
        elif what == "merge":
            told = merge(desk, incidents[how[0] % len(incidents)], incidents[how[1] % len(incidents)])
        else:
            told = undo(desk, incidents[how[0] % len(incidents)])
        for event in told.events:
            model.told(event)


def check(desk: Desk, model: Model) -> None:
    everything: set[bytes] = set()
    for incident in model.of:
        if incident in model.into:
            assert now(desk, incident).merged_into == model.into[incident]
            continue
        mine = model.whole(incident)
        assert now(desk, incident).failures == len(mine)
        assert now(desk, incident).affected_count == len({model.hit[a] for a in mine})
        assert not everything & mine
        everything |= mine
    assert everything == set(model.hit)


@settings(deadline=None, max_examples=60)
@given(st.lists(STEP, max_size=30))
def test_every_counter_is_a_recount_whatever_people_correct(steps):
    desk, model = Desk(DECIDER), Model()
    play(desk, model, steps)
    check(desk, model)
    assert desk.restored("incidents.commands").snapshot() == desk.engine.snapshot()


@settings(deadline=None, max_examples=40)
@given(st.lists(STEP, max_size=20), st.integers(0, 9), st.integers(0, 9), st.integers(1, 2**12), st.booleans())
def test_a_correction_undone_at_once_leaves_no_trace(steps, one, other, chosen, merged):
    desk, model = Desk(DECIDER), Model()
    play(desk, model, steps)
    before = kept(desk)
    incidents = list(model.of)
    desk.now += 10
    if merged:
        told = merge(desk, incidents[one % len(incidents)], incidents[other % len(incidents)])
    else:
        mine = model.whole(incidents[one % len(incidents)])
        numbers = [i for i in range(1, 60) if chosen >> (i % 12) & 1 and action(i) in mine]
        told = split(desk, incidents[one % len(incidents)], *numbers)
    done = [e for e in told.events if isinstance(e, IncidentSplit | IncidentsMerged)]
    if not done:
        assert kept(desk) == before
        return
    desk.now += 10
    audit = [done[0].split_id] if isinstance(done[0], IncidentSplit) else []
    assert undo(desk, done[0].incident_id).answers[0].code == "accepted"
    assert kept(desk, *audit) == before
