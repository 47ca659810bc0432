"""Agents of before Action 1.1 and of today write side by side: both are decided alike, and their bytes stay theirs."""

from __future__ import annotations

from schemas import codec, ids
from schemas.messages.actions import Action, ActionDropped, ErrorInfo, Tool
from schemas.record import Output
from tests.support.versions import written_as
from tests.support.world import World

OLD = (1, 0)


def append(world: World, action: Action, value: bytes) -> None:
    world.log.append(Output("actions.raw", None, ids.key_of(action.tenant, action.actor).encode(), value))


def failed(world: World, number: int) -> Action:
    error = ErrorInfo("PaymentError", "no answer")
    tool = Tool("payments.charge", None, f"call-{number}")
    return world.action("checkout", "payments.charge", "payments-service", sequence=number, error=error, tool=tool)


def test_both_versions_open_and_join_one_incident_and_keep_their_bytes() -> None:
    world = World()
    old, new = failed(world, 1), failed(world, 2)
    values = [written_as(old, OLD), codec.encode(new)]
    append(world, old, values[0])
    append(world, new, values[1])
    world.run_to(3)
    assert len(world.incidents()) == 1
    ordered = [r.value for r in world.log.records("actions.ordered")]
    assert ordered == values
    assert codec.id_of(values[0]) != codec.id_of(values[1])
    assert not world.log.records("dead.letters")


def test_the_same_action_sent_again_in_the_newer_version_is_dropped() -> None:
    """An agent that is updated between two attempts of one delivery must not act twice."""
    world = World()
    action = failed(world, 1)
    append(world, action, written_as(action, OLD))
    append(world, action, codec.encode(action))
    world.run_to(1)
    (dropped,) = world.said("actions.dropped", ActionDropped)
    assert (dropped.event_id, dropped.original) == (action.event_id, codec.encode(action))
    assert [r.value for r in world.log.records("actions.ordered")] == [written_as(action, OLD)]
