"""The engine on a clock of the test's own, with a gateway of a few lines: what is sent when, and who is told what."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from gateway.client import NotTaken, Refused, Undelivered
from gateway.client.actions import Numbers
from gateway.client.engine import Engine
from gateway.client.policy import ACTION_BYTES_MAX, DEFAULT
from gateway.client.store import Memory
from gateway.client.wire import Answer


def accept(actions):
    return [
        {"status": 202, "event_id": a["id"], "topic": "t", "partition": 0, "offset": n} for n, a in enumerate(actions)
    ]


class World:
    """An engine, its clock and its gateway; `script` holds an answer (or a function of the actions) for each try."""

    def __init__(self, *script, policy=DEFAULT, limit=10_000_000, stores=(), on_refused=None):
        self.now = 0.0
        self.script = list(script)
        self.bodies: list[bytes] = []
        self.tried_at: list[float] = []
        self.numbers = Numbers("s1")
        self.own = Memory(limit)
        self.engine = Engine([*stores, self.own], self, policy, clock=lambda: self.now, on_refused=on_refused)

    def post(self, body):
        self.bodies.append(body)
        self.tried_at.append(round(self.now, 3))
        answer = self.script.pop(0) if self.script else accept
        if isinstance(answer, Answer):
            return answer
        return Answer(202, json.dumps({"results": answer(json.loads(body)["actions"])}).encode())

    def close(self):
        pass

    def add(self, *names, **more):
        drafts = [{"id": n, "actor": "a", "type": "t", "resource": "r", **more} for n in names]
        return self.engine.add(drafts, self.numbers)

    def run(self, seconds=1_000.0):
        """Let time pass until nothing waits; a tick that says when it is due is believed."""
        end = self.now + seconds
        while (wait := self.engine.tick()) is not None and self.now + wait <= end:
            self.now += wait

    def sent(self):
        return [[a["id"] for a in json.loads(body)["actions"]] for body in self.bodies]


AWAY = Answer(None, b"ConnectionRefusedError")


def test_actions_wait_for_company_and_go_out_in_one_request():
    world = World()
    world.add("1")
    assert world.engine.tick() == DEFAULT.linger_s
    world.now = 0.04
    world.add("2", "3")
    assert world.bodies == []
    world.run()
    assert (world.sent(), world.tried_at) == ([["1", "2", "3"]], [DEFAULT.linger_s])


def test_a_full_batch_and_a_caller_who_waits_do_not_linger():
    world = World(policy=replace(DEFAULT, batch_actions=2))
    world.add("1", "2")
    assert world.engine.tick() is None
    (pending,) = world.add("3")
    waiter = pending.waiter()
    world.engine.tick()
    assert waiter.result(0).event_id == "3"
    assert (world.sent(), world.tried_at) == ([["1", "2"], ["3"]], [0.0, 0.0])


def test_batches_keep_order_and_stay_within_count_and_bytes():
    world = World(policy=replace(DEFAULT, batch_actions=3))
    world.add(*map(str, range(7)))
    world.run()
    assert world.sent() == [["0", "1", "2"], ["3", "4", "5"], ["6"]]
    world = World(policy=replace(DEFAULT, batch_bytes=1_000))
    world.add("1", "2", "3", "4", result="x" * 400)
    world.run()
    assert world.sent() == [["1", "2"], ["3", "4"]]


def test_every_try_is_the_same_bytes_and_the_waits_are_the_seeds():
    world = World(*[AWAY] * 12)
    (pending,) = world.add("1")
    world.run()
    assert len(world.bodies) == 13
    assert len(set(world.bodies)) == 1
    waits = [round(b - a, 3) for a, b in zip(world.tried_at, world.tried_at[1:], strict=False)]
    assert waits == [0.1, 0.2, 0.4, 0.8, 1.6, 1.6, 1.6, 1.6, 1.6, 30.0, 30.0, 30.0]
    assert pending.resent
    assert pending.waiter().result(0).event_id == "1"


def test_a_retry_after_is_waited_for_and_nothing_written_is_not_resent():
    world = World(Answer(429, b"{}", retry_after=7.0))
    (pending,) = world.add("1")
    world.run()
    assert world.tried_at == [0.05, 7.05]
    assert not pending.resent


def test_only_what_was_not_taken_goes_out_again_and_a_refusal_never_does():
    def mixed(actions):
        return [accept(actions)[0], {"status": 503}, {"status": 422, "problem": {"code": "field_required"}}]

    told: list[Refused] = []
    world = World(mixed, on_refused=told.append)
    pendings = world.add("1", "2", "3")
    world.run()
    assert world.sent() == [["1", "2", "3"], ["2"]]
    assert [p.waiter().result(0).event_id for p in pendings[:2]] == ["1", "2"]
    with pytest.raises(Refused) as refused:
        pendings[2].waiter().result(0)
    assert (refused.value.code, refused.value.action["id"]) == ("field_required", "3")
    assert [r.action["id"] for r in told] == ["3"]
    assert world.engine.waiting == 0


def test_whoever_asked_for_the_receipt_is_the_one_who_is_told():
    told: list[Refused] = []
    world = World(lambda actions: [{"status": 409}], on_refused=told.append)
    (pending,) = world.add("1")
    waiter = pending.waiter()
    world.run()
    assert isinstance(waiter.exception(0), Refused)
    assert told == []


def test_refusals_that_nobody_asked_about_are_raised_at_the_end():
    world = World(lambda actions: [{"status": 422, "problem": {"code": "field_required"}} for _ in actions])
    world.add("1", "2")
    world.run()
    with pytest.raises(Refused) as refused:
        world.engine.complain()
    assert (refused.value.action["id"], refused.value.others) == ("1", 1)
    world.engine.complain()


def test_a_refusal_that_was_looked_at_is_not_raised_again():
    world = World(lambda actions: [{"status": 422}])
    (pending,) = world.add("1")
    world.run()
    assert isinstance(pending.waiter().exception(0), Refused)
    world.engine.complain()


def test_one_action_that_spoils_the_request_is_found_and_the_others_arrive():
    world = World(policy=replace(DEFAULT, batch_actions=8))
    real = world.post

    def post(body):
        if b'"spoil"' in body:
            world.bodies.append(body)
            return Answer(400, b'{"code": "body_not_json"}')
        return real(body)

    world.post = post  # type: ignore[method-assign]  # the gateway of this test alone
    pendings = world.add("1", "2", "3", "4", "5") + world.add("6", result="spoil") + world.add("7", "8")
    world.run()
    ends = [p.waiter().exception(0) for p in pendings]
    assert [e is None for e in ends] == [True] * 5 + [False] + [True] * 2
    assert isinstance(ends[5], Refused)
    assert len(world.bodies) <= 10


def test_a_gateway_that_does_not_let_us_in_is_said_at_once_and_everything_stays():
    world = World(*[Answer(401, b'{"code": "token_unknown", "detail": "nobody has it"}')])
    (pending,) = world.add("1")
    waiter = pending.waiter()
    world.engine.tick()
    assert waiter.exception(0).code == "token_unknown"
    with pytest.raises(Undelivered) as left:
        world.engine.flush(0)
    assert (left.value.code, left.value.waiting) == ("token_unknown", 1)
    again = pending.waiter()
    world.run()
    assert again.result(0).event_id == "1"


def test_a_full_store_says_so_keeps_nothing_of_it_and_uses_no_number():
    world = World(*[AWAY] * 3, limit=200)
    world.add("1")
    with pytest.raises(NotTaken) as full:
        world.add("2", "3")
    assert full.value.code == "spill_full"
    world.run()
    world.add("4")
    world.run()
    numbers = {a["id"]: a["sequence"] for body in world.bodies for a in json.loads(body)["actions"]}
    assert numbers == {"1": 1, "4": 2}


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({"result": "x" * (ACTION_BYTES_MAX + 1)}, "action_too_large"),
        ({"parameters": {"of": object()}}, "action_unsendable"),
        ({"parameters": {"of": float("nan")}}, "action_unsendable"),
        ({"result": "\ud800"}, "action_unsendable"),
    ],
)
def test_what_can_never_be_sent_is_refused_to_the_caller(fields, code):
    world = World()
    with pytest.raises(NotTaken) as caught:
        world.add("1", **fields)
    assert caught.value.code == code
    world.add("2")
    world.run()
    assert json.loads(world.bodies[0])["actions"][0]["sequence"] == 1


def test_each_actor_has_its_own_numbers_and_a_session_that_is_given_stays():
    world = World()
    world.add("1", "2")
    world.add("3", actor="b")
    world.add("4", actor={"id": "b", "version": "2"})
    world.add("5", session="mine", sequence=70)
    world.add("6")
    world.run()
    said = [(a["id"], a["session"], a["sequence"]) for body in world.bodies for a in json.loads(body)["actions"]]
    assert said == [
        ("1", "s1", 1),
        ("2", "s1", 2),
        ("3", "s1", 1),
        ("4", "s1", 2),
        ("5", "mine", 70),
        ("6", "s1", 3),
    ]


def test_what_others_left_behind_goes_out_first():
    left = Memory(1_000)
    left.append([b'{"id":"old-1"}', b'{"id":"old-2"}'], durable=False)
    world = World(stores=[left])
    world.add("1")
    world.run()
    assert world.sent() == [["old-1", "old-2"], ["1"]]


def test_a_caller_who_gave_up_waiting_hurts_nobody():
    world = World()
    (pending,) = world.add("1")
    pending.waiter().cancel()
    world.run()
    assert pending.waiter().result(0).event_id == "1"


def test_a_closed_client_takes_nothing():
    world = World()
    world.engine.stop()
    with pytest.raises(NotTaken) as closed:
        world.add("1")
    assert closed.value.code == "client_closed"
