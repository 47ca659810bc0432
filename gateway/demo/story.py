"""The script: what each agent sends, when, and what it waits for. A function of (tenant, seed); no clock, no
I/O.

Times pace the story; where one thing must follow another, a gate says so, and a slow machine only stretches
it. The same seed gives the same actions whatever happens meanwhile, so two runs can be compared by their sets
of actions.
"""

from __future__ import annotations

import random
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from gateway.demo import shop
from gateway.demo.routine import Routine
from schemas import ids

Json = dict[str, Any]

# Gates: what must have been seen before a beat is played.
DEPLOYED = "deployed"
ACKNOWLEDGED = "acknowledged"
ROLLED_BACK = "rolled_back"

# When things happen, ms after the start (STORY.md).
TIME_OUT, GAP, DECOY_DEPLOY, DECOY_CONFIG, DEPLOY, BREAK = 3_000, 5_000, 6_000, 7_000, 8_000, 9_000
FIRST_BATCH, WORSE, SECOND_BATCH, ROLL_BACK, STALE, RUBBISH = 10_500, 12_000, 12_500, 26_000, 28_000, 33_000
FIRST_CHARGE, SECOND_CHARGE, REFUND, REFUND_AGAIN = 22_400, 23_000, 24_000, 24_400
ALERT, CONTAIN, RESOLVE, END = 20_000, 31_000, 38_000, 40_000

# The version whose deploy breaks payments: the cause to be found.
BROKEN = "v2.3.1"
BATCH = 50
STALE_ACTIONS = 10
CLOCK_BEHIND_MS = 2 * 3_600_000
RUBBISH_BYTES = 10


@dataclass(frozen=True, slots=True)
class Beat:
    """One request of one agent: sent at `at` ms or later, once `gate` is open. Actions lack only their
    timestamp.

    `skew_ms` is what the agent's clock is behind; `opens` the gate that the acceptance opens; `again` marks
    actions that were sent before and go out unchanged; `scene` names the beat for the narrator.
    """

    at: int
    actions: tuple[Json, ...]
    gate: str | None = None
    opens: str | None = None
    skew_ms: int = 0
    again: bool = False
    scene: str | None = None


@dataclass(frozen=True, slots=True)
class Story:
    """The whole script. `failing` are the ids of the charges that fail, `batch` of the batch that is sent
    twice."""

    tenant: str
    seed: int
    beats: Mapping[str, tuple[Beat, ...]]
    failing: tuple[str, ...]
    batch: tuple[str, ...]
    stale: tuple[str, ...]
    rubbish: bytes

    @property
    def scenes(self) -> Mapping[str, str]:
        """Scene -> id of its (last) action."""
        return {
            beat.scene: str(beat.actions[-1]["id"])
            for beats in self.beats.values()
            for beat in beats
            if beat.scene is not None
        }


def write(tenant: str, seed: int) -> Story:
    """The story of this tenant and seed."""
    author = _Author(tenant, seed)
    beats = {agent: author.of(agent) for agent in shop.SENDERS}
    rubbish = random.Random(f"{seed}/rubbish").randbytes(RUBBISH_BYTES)
    return Story(
        tenant,
        seed,
        beats,
        tuple(author.failing),
        tuple(author.batch),
        tuple(author.stale),
        # Never the 0x00 of a framed record: rubbish must not look like ours by chance.
        b"\xff" + rubbish[1:],
    )


class _Author:
    """Writes agent by agent; each has its own chance, so that a change to one leaves the others as they
    are."""

    def __init__(self, tenant: str, seed: int) -> None:
        self.tenant = tenant
        self.seed = seed
        self.failing: list[str] = []
        self.batch: list[str] = []
        self.stale: list[str] = []

    def of(self, agent: str) -> tuple[Beat, ...]:
        """Routine and script of an agent in the order of time, then numbered: session, sequence, id,
        trace."""
        chance = random.Random(f"{self.seed}/{agent}")
        drafts = _day(agent, chance) if agent in shop.AGENTS else []
        drafts += self._script(agent, chance)
        # A beat behind a gate holds those after it, so gates are in the order of their times too.
        drafts.sort(key=lambda beat: beat.at)
        return self._numbered(agent, drafts, chance)

    def _script(self, agent: str, chance: random.Random) -> list[Beat]:
        if agent in shop.CHECKOUT_HELPERS:
            return _charges(agent, chance) + (_charged_twice() if agent == shop.CHECKOUT_HELPERS[1] else [])
        if agent == "refund-bot":
            return [Beat(REFUND, (_refund("payments.refund"),))]
        if agent == shop.PROVIDER:
            return [Beat(REFUND_AGAIN, (_refund("webhook.refunded"),), scene="refund_again")]
        if agent == "deployer":
            return _deploys()
        if agent == "config-gen":
            summary = "cache.ttl 30 -> 300"
            return [
                Beat(DECOY_CONFIG, (_change("config", "search-service", "30", "300", summary),), scene="decoy_config")
            ]
        if agent == "search-tuner":
            return _time_out()
        if agent == "inventory-planner":
            batch = tuple(_plan(number) for number in range(BATCH))
            return [Beat(FIRST_BATCH, batch), Beat(SECOND_BATCH, batch, again=True, scene="redelivered")]
        if agent == "data-processor":
            late = tuple(_act("records.transform", "user-service") for _ in range(STALE_ACTIONS))
            return [Beat(STALE, late, skew_ms=CLOCK_BEHIND_MS, scene="stale")]
        return []

    def _numbered(self, agent: str, drafts: list[Beat], chance: random.Random) -> tuple[Beat, ...]:
        session = f"{agent}-{self.seed}"
        sequence, skipped, count = 0, agent != "catalog-sync", 0
        out: list[Beat] = []
        first: tuple[Json, ...] = ()
        trace, span_of_trace, left = "", "", 0
        for draft in drafts:
            if draft.again:
                out.append(Beat(draft.at, first, draft.gate, again=True, scene=draft.scene))
                continue
            if not skipped and draft.at >= GAP:
                sequence, skipped = sequence + 1, True
            actions = []
            for draft_action in draft.actions:
                if left == 0:
                    trace, left, span_of_trace = chance.randbytes(16).hex(), chance.randint(2, 6), ""
                sequence, count, left = sequence + 1, count + 1, left - 1
                action = {
                    **draft_action,
                    "id": ids.text(ids.derive("demo", self.tenant, self.seed, agent, count)),
                    "actor": {"id": agent, "version": "1.4.2"},
                    "session": session,
                    "sequence": sequence,
                    "trace_id": trace,
                    "span_id": chance.randbytes(8).hex(),
                }
                if span_of_trace:
                    action["parent_id"] = span_of_trace
                else:
                    span_of_trace = action["id"]
                actions.append(action)
            beat = Beat(draft.at, tuple(actions), draft.gate, draft.opens, draft.skew_ms, scene=draft.scene)
            self._remember(beat)
            if len(actions) == BATCH:
                first = beat.actions
            out.append(beat)
        return tuple(out)

    def _remember(self, beat: Beat) -> None:
        here = [str(action["id"]) for action in beat.actions]
        if len(here) == BATCH:
            self.batch += here
        if beat.skew_ms:
            self.stale += here
        self.failing += [
            str(action["id"]) for action in beat.actions if "error" in action and action["type"] == "payments.charge"
        ]


def _day(agent: str, chance: random.Random) -> list[Beat]:
    routine = Routine(agent, chance)
    return [Beat(at, (routine.action(),)) for at in routine.times(END)]


def _charges(agent: str, chance: random.Random) -> list[Beat]:
    """Charges of one helper: well until 9 s, then 30 %, from 12 s 60 % of them fail, well again after the
    rollback."""
    number = shop.CHECKOUT_HELPERS.index(agent)
    out: list[Beat] = []
    failed = 0
    at = 600 + 200 * number
    while at < END:
        order = 1_000 + chance.randrange(8_000)
        customer = f"customer-{number}-{len(out) + 101}"
        broken = BREAK <= at < ROLL_BACK
        # The first helper's first charge on the broken version always fails: the story needs a beginning.
        fails = broken and (chance.randrange(100) < (60 if at >= WORSE else 30) or (number == 0 and failed == 0))
        waited = 5_000 + chance.randrange(60)
        action = _failed_charge(order, customer, waited) if fails else _charge(order, customer, chance)
        failed += fails
        gate = DEPLOYED if broken else ROLLED_BACK if at >= ROLL_BACK else None
        scene = "first_failure" if fails and failed == 1 and number == 0 else None
        out.append(Beat(at, (action,), gate, scene=scene))
        at += chance.randrange(650, 950)
    return out


def _charge(order: int, customer: str, chance: random.Random) -> Json:
    return {
        "type": "payments.charge",
        "resource": "payments-service",
        "on_behalf_of": customer,
        "result": "captured",
        "effect": _moved(
            "payment.captured",
            str(990 + 100 * chance.randrange(120)),
            customer,
            f"ch_{order}_{customer}",
            "compensable",
        ),
    }


def _charged_twice() -> list[Beat]:
    """The answer to the first charge got lost, so the helper makes a second one: new id, new reference, same order."""
    first, second = (
        {
            "type": "payments.charge",
            "resource": "payments-service",
            "on_behalf_of": "customer-8812",
            "parameters": {"order": 8812},
            "result": "captured",
            "effect": _moved("payment.captured", "4900", "customer-8812", reference, "compensable"),
        }
        for reference in ("ch_8812_a", "ch_8812_b")
    )
    return [Beat(FIRST_CHARGE, (first,), DEPLOYED), Beat(SECOND_CHARGE, (second,), DEPLOYED, scene="second_charge")]


def _refund(kind: str) -> Json:
    """One refund, as the bot or the provider tells it: the reference is the same."""
    return {
        "type": kind,
        "resource": "payments-service",
        "on_behalf_of": "customer-77",
        "result": "refunded",
        "effect": _moved("payment.refunded", "1900", "customer-77", "re_77", "irreversible"),
    }


def _moved(kind: str, amount: str, customer: str, reference: str, reversibility: str) -> Json:
    return {
        "kind": kind,
        "amount": amount,
        "currency": "EUR",
        "counterparty": customer,
        "external_reference": reference,
        "reversibility": reversibility,
    }


def _failed_charge(order: int, customer: str, waited: int) -> Json:
    message = f"connection pool exhausted (order {order}, waited {waited} ms)"
    return {
        "type": "payments.charge",
        "resource": "payments-service",
        "on_behalf_of": customer,
        "error": {"type": "PaymentError", "message": message},
    }


def _deploys() -> list[Beat]:
    decoy = _change("deploy", "notification-service", "v1.8.4", "v1.9.0", "new templates")
    bad = _change("deploy", "payments-service", "v2.3.0", BROKEN, "connection pool size 10 -> 5")
    back = _change("deploy", "payments-service", BROKEN, "v2.3.0", "rollback on Bob's request")
    return [
        Beat(DECOY_DEPLOY, (decoy,), scene="decoy_deploy"),
        Beat(DEPLOY, (bad,), opens=DEPLOYED, scene="deploy"),
        Beat(ROLL_BACK, (back,), gate=ACKNOWLEDGED, opens=ROLLED_BACK, scene="rollback"),
    ]


def _time_out() -> list[Beat]:
    query = _act("search.query", "search-service")
    error = {"type": "TimeoutError", "message": "no answer within 800 ms"}
    failed = query | {"error": error, "retryable": True, "attempt": 1, "attempt_limit": 3}
    again = query | {"attempt": 2, "attempt_limit": 3, "result": "12 hits"}
    return [Beat(TIME_OUT, (failed,), scene="time_out"), Beat(TIME_OUT + 400, (again,), scene="healed")]


def _plan(number: int) -> Json:
    return _act("stock.plan", "inventory-service") | {"parameters": {"sku": f"SKU-{4_000 + number}"}}


def _act(kind: str, resource: str) -> Json:
    return {"type": kind, "resource": resource}


def _change(kind: str, resource: str, before: str, after: str, summary: str) -> Json:
    change = {"kind": kind, "before": before, "after": after, "summary": summary}
    return {"type": f"{kind}.apply", "resource": resource, "change": change, "result": "applied"}
