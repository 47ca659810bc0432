"""Random effects, tellings, labels and times through rml, with checkers over all that it said."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from processors.kernel.engine import Engine
from processors.rml import DECIDER
from processors.rml.rules import SLACK_MS
from schemas.messages.rml import CaseEntriesAdded, CaseOpened, EffectEntered, EffectObserved, EffectObservedAgain
from schemas.record import Output, Record
from tests.support.desk import Desk
from tests.support.rml_words import MINUTE, charge, label, verify

WINDOW_S = 600
WINDOW_MS = WINDOW_S * 1000

# Few of everything, so that things meet: a telling is new, or one of the last ones sent again.
_effect = st.tuples(
    st.just("effect"),
    st.sampled_from([0] * 6 + [1, 2]),
    st.sampled_from(["a", "a", "b"]),
    st.sampled_from(["c-1", "c-1", "c-2", None]),
    st.sampled_from(["4900", "4900", "04900", "100", None, "0"]),
    st.sampled_from([None, "", "r1", "r2", "r3"]),
    st.sampled_from([0, 0, 0, -1, -9, -10, 5]),
    st.sampled_from(["applied", "applied", "applied", "failed", "unknown"]),
    st.sampled_from([None, None, None, "RML3", "RML1"]),
)
_step = st.one_of(
    _effect,
    _effect,
    _effect,
    st.tuples(st.just("label"), st.integers(0, 3)),
    st.tuples(st.just("sleep"), st.sampled_from([1, MINUTE, 9 * MINUTE, WINDOW_MS, WINDOW_MS + SLACK_MS])),
)
_steps = st.lists(_step, max_size=40)


def play(steps: Sequence[tuple[Any, ...]], restores: frozenset[int] = frozenset()) -> tuple[Desk, list[EffectObserved]]:
    """A desk on which these steps happened, thrown away and restored after some; and the effects as they were told."""
    desk = Desk(DECIDER)
    desk.configure("rml", {"window_s": WINDOW_S, "uncertain_errors": ["Timeout"]})
    told: list[EffectObserved] = []
    for i, (what, *how) in enumerate(steps):
        if what == "sleep":
            desk.sleep(how[0])
        elif what == "label":
            desk.tell(label(how[0], event_time=desk.now))
        else:
            told.append(_effect_of(desk, told, *how))
            desk.tell(told[-1])
        if i in restores:
            desk.engines["rml.commands"] = desk.restored("rml.commands")
    return desk, told


def _effect_of(desk: Desk, told: list[EffectObserved], again: int, *how: Any) -> EffectObserved:
    if again and len(told) >= again:
        return told[-again]
    actor, customer, amount, reference, minutes, what, world = how
    error = {"applied": None, "failed": "PaymentError", "unknown": "Timeout"}[what]
    return charge(
        1_000 + len(told),
        at=desk.now + minutes * MINUTE,
        actor=actor,
        counterparty=customer,
        amount=amount,
        external_reference=reference,
        succeeded=error is None,
        error_type=error,
        label_world=world,
    )


def said(desk: Desk, kind: type) -> list[Any]:
    return [e for e in desk.history if isinstance(e, kind)]


def alike(a: EffectEntered, b: EffectEntered) -> bool:
    """Written anew, without the processor's own rules."""
    same = (a.kind, a.counterparty, a.currency, a.amount, a.resource) == (
        b.kind,
        b.counterparty,
        b.currency,
        b.amount,
        b.resource,
    )
    return same and abs(a.event_time - b.event_time) < WINDOW_MS


def money(entry: EffectEntered) -> bool:
    return entry.amount not in (None, "0") and entry.outcome != "failed"


def check(desk: Desk, told: list[EffectObserved]) -> None:
    """One entry or one further telling for each telling; every suspicion is in a case, and no case is without one."""
    entries: list[EffectEntered] = said(desk, EffectEntered)
    verify(entries)
    by_number = {e.number: e for e in entries}
    tellings = [(e.actor, e.action_id) for e in (*entries, *said(desk, EffectObservedAgain))]
    assert set(tellings) == {(e.actor, e.action_id) for e in told}
    for again in said(desk, EffectObservedAgain):
        entry = by_number[again.number]
        assert entry.external_reference == again.external_reference != ""
        assert (entry.entry_id, entry.amount) == (again.entry_id, again.amount)
    cases: dict[int, set[int]] = {}
    opened: list[CaseOpened] = said(desk, CaseOpened)
    assert [c.number for c in opened] == list(range(1, len(opened) + 1))
    for case in opened:
        assert case.world == "RML3"
        if case.reason == "second_charge":
            assert len(case.entries) >= 2
            cases[case.number] = {e.number for e in case.entries}
    for added in said(desk, CaseEntriesAdded):
        new = {e.number for e in added.entries}
        assert not new & cases[added.number], "named twice in one case"
        cases[added.number] |= new
    for numbers in cases.values():
        named = [by_number[n] for n in numbers]
        assert all(money(e) for e in named)
        for entry in named:
            assert any(alike(entry, other) for other in named if other is not entry)
    for a, b in combinations(entries, 2):
        if money(a) and money(b) and alike(a, b):
            assert any(a.number in c for c in cases.values()), "a suspected second charge without a case"
            assert any(b.number in c for c in cases.values()), "a suspected second charge without a case"


@settings(deadline=None, max_examples=200)
@given(_steps)
def test_every_effect_is_accounted_for_and_every_suspicion_is_in_a_case(steps):
    # No sleep beyond what is kept: after that a telling sent again is a new one, and two far ones are not compared.
    short = [s for s in steps if s[0] != "sleep" or s[1] <= WINDOW_MS]
    check(*play(short))


@settings(deadline=None, max_examples=100)
@given(_steps, st.frozensets(st.integers(0, 39), max_size=4))
def test_a_restart_anywhere_changes_nothing(steps, restores):
    desk, _ = play(steps)
    again, _ = play(steps, restores)
    assert again.history == desk.history
    assert again.engine.snapshot() == desk.engine.snapshot()
    restored = desk.restored("rml.commands")
    assert restored.snapshot() == desk.engine.snapshot()
    assert restored.earliest_due() == desk.engine.earliest_due()


@settings(deadline=None, max_examples=50)
@given(_steps, st.frozensets(st.integers(0, 39)))
def test_batches_split_anywhere_give_the_same_bytes(steps, cuts):
    desk, _ = play(steps)
    live = desk.engine
    log = desk.log["rml.commands"]
    once, split = Engine(live.room, 0), Engine(live.room, 0)
    whole = [o for record in log for o in once.advance(record).outputs]
    parts, changelog = list[Output](), list[Output]()
    for record in log:
        parts += split.advance(record).outputs
        if record.offset in cuts:
            changelog += split.flush(record.offset + 1)
            split = Engine(live.room, 0)
            for i, o in enumerate(changelog):
                split.load(Record(o.topic, 0, i, 0, o.key, o.value, o.headers))
            split.ready()
    assert parts == whole
    once.flush(len(log))
    split.flush(len(log))
    assert split.snapshot() == once.snapshot() == live.snapshot()


@settings(deadline=None, max_examples=100)
@given(_steps)
def test_however_long_ago_the_hashes_verify_and_what_is_kept_is_bounded(steps):
    desk, _ = play(steps)
    verify(said(desk, EffectEntered))
    desk.sleep(2 * (WINDOW_MS + SLACK_MS))
    kept = list(desk.engine.snapshot())
    assert kept in ([], ["acme/ledger"])
    assert desk.engine.earliest_due() is None
