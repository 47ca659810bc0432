"""The kernel's properties (KERNEL, last section), on random logs."""

from __future__ import annotations

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from processors.kernel.engine import Engine
from schemas import codec
from schemas.envelope import record_id
from schemas.ids import derive
from schemas.messages.kernel import Answer, ConfigurationAnnounced, Tick
from schemas.record import Output, Record
from tests.support import tally
from tests.support.tally import Add, Break, Reset, announcement, record

ROOM = tally.room()
Log = list[Record]

_message = st.one_of(
    st.builds(Add, st.sampled_from(["t", "u"]), st.sampled_from(["a", "b", "c"]), st.integers(1, 5)),
    st.just(Tick()),
    st.builds(Break, st.just("t")),
    st.builds(
        lambda n, b: Reset("t", derive("c", n), derive("b", b), "alice", "a"), st.integers(0, 3), st.integers(0, 1)
    ),
    st.builds(announcement, st.sampled_from(["t", "u"]), st.integers(1, 4), st.integers(1, 9)),
)


@st.composite
def logs(draw: st.DrawFn) -> Log:
    """A log: mixed messages, append times with ties, jumps and (rarely) steps back."""
    out, now = [], 0
    for offset, message in enumerate(draw(st.lists(_message, max_size=30))):
        now = max(0, now + draw(st.sampled_from([0, 0, 1, 300, 1_000, 2_500, 7_000])))
        out.append(record(offset, now, message))
    return out


def run(log: Log, cuts: frozenset[int] = frozenset(), budget: int = 2_000) -> tuple[list[Output], list[Output], Engine]:
    """Outputs, changelog and engine of a log, with a transaction's end after each offset in `cuts`."""
    engine = Engine(ROOM, 0)
    outputs: list[Output] = []
    changelog: list[Output] = []
    for r in log:
        while True:
            step = engine.advance(r, budget, redo=True)
            outputs += step.outputs
            if step.consumed:
                break
            changelog += engine.flush(r.offset)
        if r.offset in cuts:
            changelog += engine.flush(r.offset + 1)
    changelog += engine.flush(len(log))
    return outputs, changelog, engine


def restored(changelog: list[Output]) -> Engine:
    engine = Engine(ROOM, 0)
    for i, o in enumerate(changelog):
        engine.load(Record(o.topic, 0, i, 0, o.key, o.value, o.headers))
    engine.ready()
    return engine


def compacted(changelog: list[Output]) -> list[Output]:
    """The last value per key, in the order of those last values, as the log cleaner leaves it."""
    last = {o.key: i for i, o in enumerate(changelog)}
    return [o for i, o in enumerate(changelog) if last[o.key] == i]


@settings(max_examples=150, deadline=None)
@given(logs(), st.frozensets(st.integers(0, 29)), st.sampled_from([1, 7, 2_000]))
def test_batches_split_anywhere_give_the_same_bytes(log: Log, cuts: frozenset[int], budget: int) -> None:
    whole, _, one = run(log)
    split, _, other = run(log, cuts, budget)
    assert split == whole
    assert other.snapshot() == one.snapshot()


@settings(max_examples=150, deadline=None)
@given(logs(), st.data())
def test_crash_and_restore_at_any_boundary_gives_the_same_bytes(log: Log, data: st.DataObject) -> None:
    at = data.draw(st.integers(0, len(log)))
    squeeze = data.draw(st.booleans())
    whole, _, _ = run(log)
    first, changelog, _ = run(log[:at], frozenset(range(0, at, 3)), 7)
    engine = restored(compacted(changelog) if squeeze else changelog)
    rest: list[Output] = []
    for r in log[at:]:
        rest += engine.advance(r, redo=True).outputs
    assert first + rest == whole


@settings(max_examples=100, deadline=None)
@given(logs())
def test_live_state_equals_restored_state(log: Log) -> None:
    _, changelog, live = run(log, frozenset(range(0, 30, 4)))
    engine = restored(compacted(changelog))
    assert engine.snapshot() == live.snapshot()
    assert engine.earliest_due() == live.earliest_due()
    assert engine.last_now == live.last_now


def _renumbered(messages: list[tuple[int, Any, int]]) -> Log:
    """Records from (append time, message, original offset); ids follow the original offset, so ticks shift none."""
    out = []
    for offset, (now, message, origin) in enumerate(messages):
        r = record(origin, now, message)
        out.append(Record(r.topic, 0, offset, now, r.key, r.value, r.headers))
    return out


@settings(max_examples=150, deadline=None)
@given(logs(), st.data())
def test_ticks_removed_doubled_or_delayed_change_nothing(log: Log, data: st.DataObject) -> None:
    words = ROOM.words
    plain = [(r.append_time, words.decode(r.value), r.offset) for r in log]
    end = (10**7, Tick(), 10_000)
    # Dead letters name positions, which ticks shift; so this log has none.
    without = [m for m in plain if not isinstance(m[1], Tick | Break)] + [end]
    ticked: list[tuple[int, Any, int]] = []
    for m in without:
        for i in range(data.draw(st.integers(0, 2))):
            before = ticked[-1][0] if ticked else 0
            ticked.append((data.draw(st.integers(before, m[0])), Tick(), 20_000 + i))
        ticked.append(m)
    one, _, a = run(_renumbered(without))
    two, _, b = run(_renumbered(ticked))
    assert two == one
    assert a.snapshot() == b.snapshot()


@settings(max_examples=100, deadline=None)
@given(logs())
def test_derived_ids_are_unique(log: Log) -> None:
    outputs, _, _ = run(log)
    # Answers are left out: one that is given again is the same record by design.
    ids = [record_id(Record(o.topic, 0, 0, 0, o.key, o.value, o.headers)) for o in outputs if not is_answer(o)]
    assert len(set(ids)) == len(ids)


def is_answer(output: Output) -> bool:
    return codec.id_of(output.value) in codec.schema_ids(Answer)


@settings(max_examples=60, deadline=None)
@given(logs())
def test_an_older_configuration_announced_again_changes_nothing(log: Log) -> None:
    head = [(0, announcement("t", 9, 3), 30_000), (0, announcement("u", 9, 3), 30_001)]
    plain = [(r.append_time, ROOM.words.decode(r.value), r.offset) for r in log]
    plain = [m for m in plain if not isinstance(m[1], Break)]
    with_old, _, a = run(_renumbered(head + plain))
    # A record moves time whatever it says, so an announcement is replaced by a tick, not taken out.
    kept = [(now, Tick() if isinstance(m, ConfigurationAnnounced) else m, origin) for now, m, origin in plain]
    without, _, b = run(_renumbered(head + kept))
    assert with_old == without
    assert a.snapshot() == b.snapshot()
