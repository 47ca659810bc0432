"""Whatever a gateway answers, every action reaches it under one id, in order, and nothing is told wrongly."""

from __future__ import annotations

import json
from collections import Counter

from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.client.actions import Numbers
from gateway.client.engine import Engine
from gateway.client.errors import Refused
from gateway.client.pending import Pending
from gateway.client.policy import Policy
from gateway.client.store import Memory
from gateway.client.wire import Answer, Receipt

# What one try may meet. `lost`: written, and the answer does not come; `half`: some items are taken, some are not.
TRIES = st.sampled_from(["ok", "away", "lost", "cut", "busy", "slow_down", "half", "barred", "odd"])
POLICY = Policy(batch_actions=4)


class Gateway:
    """Keeps what it has written, as a log would, and answers as the script says."""

    def __init__(self, script, wrong):
        self.script, self.wrong = list(script), wrong
        self.written: list[dict] = []
        self.promised: set[str] = set()

    def post(self, body):
        actions = json.loads(body)["actions"]
        mood = self.script.pop(0) if self.script else "ok"
        if mood == "away":
            return Answer(None, b"refused")
        if mood in ("slow_down", "barred"):
            return Answer({"slow_down": 429, "barred": 401}[mood], b"{}", retry_after=3.0)
        results = [self._take(a, mood == "half" and n % 2 == 1) for n, a in enumerate(actions)]
        data = json.dumps({"results": results}).encode()
        if mood == "lost":
            return Answer(None, b"reset")
        if mood == "cut":
            return Answer(202, data[: len(data) // 2])
        if mood == "busy":
            return Answer(503, b'{"code": "send_failed"}')
        if mood == "odd":
            return Answer(202, json.dumps({"results": results[1:]}).encode())
        self.promised |= {r["event_id"] for r in results if r["status"] == 202}
        return Answer(202, data)

    def _take(self, action, refuses):
        if action["id"] in self.wrong:
            return {"status": 422, "problem": {"code": "field_required"}}
        if refuses:
            return {"status": 503}
        self.written.append(action)
        return {"status": 202, "event_id": action["id"], "topic": "t", "partition": 0, "offset": len(self.written)}

    def close(self):
        pass


@settings(max_examples=300)
@given(
    script=st.lists(TRIES, max_size=25),
    bursts=st.lists(st.integers(1, 6), min_size=1, max_size=6),
    wrong=st.sets(st.integers(0, 20), max_size=3),
)
def test_every_action_arrives_and_its_first_arrival_is_in_order_unless_refused_by_item(script, bursts, wrong):
    gateway = Gateway(script, {str(n) for n in wrong})
    now: list[float] = [0.0]
    told: list[Refused] = []
    engine = Engine([Memory(1_000_000)], gateway, POLICY, clock=lambda: now[0], on_refused=told.append)
    numbers = Numbers("s")
    pendings: list[Pending] = []
    for burst in bursts:
        first = len(pendings)
        drafts = [{"id": str(first + n), "actor": "a", "type": "t", "resource": "r"} for n in range(burst)]
        pendings += engine.add(drafts, numbers)
        now[0] += engine.tick() or 0.0
    for _ in range(500):
        wait = engine.tick()
        if wait is None:
            break
        now[0] += wait
    ids = [str(n) for n in range(len(pendings))]
    assert engine.waiting == 0
    # Nothing is lost, nothing is made up, and each id was always said with the same bytes.
    assert {a["id"] for a in gateway.written} == set(ids) - gateway.wrong
    assert len({json.dumps(a) for a in gateway.written}) == len({a["id"] for a in gateway.written})
    assert [a["sequence"] for a in (p.action for p in pendings)] == list(range(1, len(ids) + 1))
    # A receipt is given for what the gateway has promised, a refusal for what it will never take.
    ends = [p.waiter() for p in pendings]
    assert {ids[n] for n, e in enumerate(ends) if isinstance(e.exception(0), Refused)} == set(ids) & gateway.wrong
    assert {
        e.result(0).event_id for e in ends if isinstance(e.exception(0) or e.result(0), Receipt)
    } == gateway.promised
    # What was written twice is marked, so that accounts can be drawn up.
    twice = {i for i, count in Counter(a["id"] for a in gateway.written).items() if count > 1}
    assert twice <= {p.id for p in pendings if p.resent}
    # Without halves the log is in order of handing over.
    if "half" not in script:
        order = list(dict.fromkeys(a["id"] for a in gateway.written))
        assert order == sorted(order, key=int)
