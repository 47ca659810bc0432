"""What would break: a processor killed in the middle of the story changes who is paged, or an account."""

from __future__ import annotations

import pytest

from processors.host.memory import Killed
from schemas.messages.actions import ActionDropped
from schemas.messages.incidents import IncidentResolved, SignalAttached
from schemas.messages.notifications import PageRequested
from schemas.messages.ordering import SequenceGapDeclared
from tests.support.shop import Shop

ROOMS = ("dedup", "ordering", "signals", "incidents", "notifications")


def outcome(shop: Shop) -> object:
    """What must not depend on crashes: people, steps, incidents, counts, id sets."""
    world = shop.world
    return (
        world.paged(),
        [(i.number, i.resource, i.fingerprint) for i in world.incidents()],
        [m.action_id for m in world.said("incidents.events", SignalAttached)],
        [r.failures for r in world.said("incidents.events", IncidentResolved)],
        [(g.actor, g.first, g.last) for g in world.said("ordering.events", SequenceGapDeclared)],
        sorted(d.event_id for d in world.said("actions.dropped", ActionDropped)),
        shop.accounts(),
        len({p.notification_id for p in world.said("notifications.events", PageRequested)}),
    )


@pytest.fixture(scope="module")
def undisturbed() -> object:
    shop = Shop()
    shop.play(44.0)
    return outcome(shop)


@pytest.mark.parametrize("room", ROOMS)
@pytest.mark.parametrize("point", ["produce", "commit", "committed"])
def test_given_a_kill_of_one_processor_then_the_outcome_is_the_same(undisturbed: object, room: str, point: str) -> None:
    shop = Shop()
    world = shop.world
    left = 3

    def kill(reached: str, member: str) -> None:
        nonlocal left
        if left and reached == point and room in member and world.now > 10 * (4 - left):
            left -= 1
            raise Killed("SIGKILL")

    world.transport.hook = kill
    turn = world.turn

    def turn_and_restart() -> None:
        try:
            turn()
        except Killed:
            world.start(room)

    world.turn = turn_and_restart  # type: ignore[method-assign]  # the supervisor of this test
    shop.play(44.0)
    assert left == 0
    assert outcome(shop) == undisturbed
