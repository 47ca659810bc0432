"""What would break: after corrections of corrections a failure is counted twice or by nobody, or the undo of the last
leaves a trace of it (seed 11.3)."""

from __future__ import annotations

from schemas.messages.incidents import (
    CorrectionUndone,
    IncidentsMerged,
    IncidentSplit,
    MergeIncident,
    SignalAttached,
    SplitIncident,
    UndoCorrection,
)
from schemas.messages.kernel import Answer
from tests.support.shop import quiet_shop
from tests.support.world import World


def fail(world: World, n: int, actor: str) -> bytes:
    message = f"connection pool exhausted (order {n})"
    found = world.fail(actor, "payments.charge", "payments-service", "PaymentError", message, on_behalf_of=f"c{n}")
    world.run_to(world.now + 1)
    return found


def standing(correction: IncidentSplit | IncidentsMerged | CorrectionUndone) -> dict[int, tuple[int, int]]:
    """(failures, affected) by the incident's number."""
    return {s.number: (s.failures, s.affected_count) for s in correction.incidents}


def test_split_then_merge_then_split_again_and_undo_counts_every_failure_once() -> None:
    world = quiet_shop()
    first = [fail(world, n, "checkout-helper-1") for n in range(3)]
    other = [fail(world, n, "importer") for n in range(3, 5)]
    (one,) = world.incidents()

    # Events 4-5 are a different issue.
    world.command(SplitIncident, "alice", one.incident_id, "1", events=tuple(other), reason="another problem")
    world.run_to(world.now + 1)
    two = world.incidents()[-1]
    split = world.said("incidents.events", IncidentSplit)[-1]
    assert standing(split) == {1: (3, 3), 2: (2, 2)}
    assert (two.split_from, split.action_ids) == (one.incident_id, tuple(other))
    fail(world, 5, "importer")
    assert world.said("incidents.events", SignalAttached)[-1].incident_id == two.incident_id

    # Same root cause after all: 2 becomes an alias of 1, and what comes later follows the correction.
    world.command(MergeIncident, "alice", two.incident_id, "2", into=one.incident_id, reason="same root cause")
    world.run_to(world.now + 1)
    merged = world.said("incidents.events", IncidentsMerged)[-1]
    assert (merged.incident_id, merged.merged_id) == (one.incident_id, two.incident_id)
    assert standing(merged)[1] == (6, 6)
    fail(world, 6, "importer")
    attached = world.said("incidents.events", SignalAttached)[-1]
    assert (attached.incident_id, attached.failures) == (one.incident_id, 7)

    # And split again, by another line: said to the alias, which every command resolves.
    world.command(SplitIncident, "bob", two.incident_id, "3", events=(first[0], other[0]), reason="the first of each")
    world.run_to(world.now + 1)
    again = world.said("incidents.events", IncidentSplit)[-1]
    assert standing(again) == {1: (5, 5), 3: (2, 2)}
    assert (again.incident_id, again.reason) == (one.incident_id, "the first of each")

    world.command(UndoCorrection, "bob", again.split_id, "4", reason="it was one problem")
    world.run_to(world.now + 1)
    undone = world.said("incidents.events", CorrectionUndone)[-1]
    assert standing(undone)[1] == (7, 7)
    answers = [a.code for a in world.said("incidents.events", Answer)]
    assert answers == ["accepted"] * 4
    # Nobody was paged twice for one problem, however often it was cut.
    assert world.paged() == [("alice", 1), ("bob", 2)]
