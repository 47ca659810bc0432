"""Every effect is an entry, once, in one order, with a hash over all before it."""

from __future__ import annotations

from dataclasses import replace
from hashlib import sha256
from typing import Any

import pytest

from processors.rml import DECIDER
from schemas import ledger
from schemas.messages.rml import CaseOpened, EffectEntered, EffectObservedAgain
from tests.support.desk import START, Desk
from tests.support.rml_words import DAY, MINUTE, charge, verify


def test_each_effect_is_the_next_entry_and_its_hash_covers_the_one_before() -> None:
    desk = Desk(DECIDER)
    first = desk.tell(charge(1)).the(EffectEntered)
    second = desk.tell(charge(2, counterparty="customer-18")).the(EffectEntered)
    assert (first.number, second.number) == (1, 2)
    assert first.previous_hash == ledger.GENESIS
    assert second.previous_hash == first.hash
    verify([first, second])


def test_tenants_have_ledgers_of_their_own() -> None:
    desk = Desk(DECIDER)
    told = [desk.tell(charge(n, tenant=tenant)).the(EffectEntered) for n, tenant in enumerate(("a", "b", "a"))]
    assert [e.number for e in told] == [1, 1, 2]
    verify([told[0], told[2]])
    verify([told[1]])
    assert told[0].hash != told[1].hash, "the ledger's name is in the hash"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("number", 7),
        ("entry_id", bytes(16)),
        ("action_id", bytes(16)),
        ("actor", "nobody"),
        ("action_type", "x"),
        ("kind", "refund"),
        ("outcome", "failed"),
        ("amount", "4901"),
        ("amount", None),
        ("currency", "USD"),
        ("counterparty", "customer-18"),
        ("external_reference", None),
        ("resource", "orders/8813"),
        ("reversibility", "reversible"),
        ("event_time", START + 1),
        ("at", START + 1),
    ],
)
def test_a_change_of_any_member_breaks_the_hash(name: str, value: Any) -> None:
    entry = Desk(DECIDER).tell(charge(1)).the(EffectEntered)
    changed = replace(entry, **{name: value})
    assert ledger.entry_hash(ledger.GENESIS, changed.tenant, ledger.shown(changed)) != entry.hash


def test_an_auditor_needs_no_code_of_ours() -> None:
    """One entry and its hash, written out: whoever changes what is hashed breaks every ledger that exists."""
    entry = EffectEntered(
        tenant="acme",
        number=1,
        entry_id=bytes(range(16)),
        action_id=bytes(16),
        actor='a "quoted"\tactor',
        action_type="payments.charge",
        kind="charge",
        outcome="applied",
        amount="4900",
        currency="EUR",
        counterparty="Zoë",
        external_reference=None,
        resource="orders/8812",
        reversibility="compensable",
        event_time=START,
        at=START + 1,
        previous_hash=bytes(32),
        hash=b"",
    )
    expected = (
        '{"action_id":"00000000-0000-0000-0000-000000000000","action_type":"payments.charge",'
        '"actor":"a \\"quoted\\"\\tactor","amount":"4900","at":"2023-11-14T22:13:20.001Z",'
        '"counterparty":"Zoë","currency":"EUR","event_time":"2023-11-14T22:13:20.000Z",'
        '"external_reference":null,"id":"00010203-0405-0607-0809-0a0b0c0d0e0f","kind":"charge","ledger":"acme",'
        '"number":1,"outcome":"applied","resource":"orders/8812","reversibility":"compensable"}'
    ).encode()
    assert ledger.canonical("acme", ledger.shown(entry)) == expected
    by_hand = sha256(b"mandate-ledger-v1\x00" + bytes(32) + expected).digest()
    assert ledger.entry_hash(ledger.GENESIS, "acme", ledger.shown(entry)) == by_hand


def test_what_no_store_can_hold_is_replaced_before_it_is_hashed() -> None:
    told = Desk(DECIDER).tell(charge(1, counterparty="a\x00b", amount="0049", currency="eur"))
    entry = told.the(EffectEntered)
    assert (entry.counterparty, entry.amount, entry.currency) == ("a\ufffdb", "49", "EUR")


@pytest.mark.parametrize("at", [-(2**63), 2**63 - 1], ids=["before all calendars", "after them"])
def test_any_event_time_can_be_entered(at: int) -> None:
    verify([Desk(DECIDER).tell(charge(1, at=at)).the(EffectEntered)])


def test_the_same_action_of_the_same_actor_is_one_movement() -> None:
    desk = Desk(DECIDER)
    desk.tell(charge(1))
    desk.sleep(6 * MINUTE)
    again = desk.tell(charge(1, event_time=START))
    assert (again.events, again.reasons) == ((), ("already_entered",))


def test_the_same_action_id_of_another_actor_is_no_retry() -> None:
    desk = Desk(DECIDER)
    desk.tell(charge(1))
    other = desk.tell(charge(1, actor="checkout-helper-2", external_reference="other"))
    assert other.the(CaseOpened).world == "RML3"


def test_a_movement_told_again_is_counted_and_its_retry_is_not() -> None:
    desk = Desk(DECIDER)
    first = desk.tell(charge(1)).the(EffectEntered)
    desk.now += 1
    counts = [desk.tell(charge(n, actor="webhook", external_reference="ch_1")).the(EffectObservedAgain) for n in (2, 3)]
    assert [(c.number, c.entry_id, c.observations) for c in counts] == [
        (1, first.entry_id, 2),
        (1, first.entry_id, 3),
    ]
    assert desk.tell(charge(2, actor="webhook", external_reference="ch_1")).reasons == ("already_entered",)


def test_what_can_no_longer_be_compared_is_forgotten_and_the_ledger_is_not() -> None:
    desk = Desk(DECIDER)
    for n in range(50):
        desk.tell(charge(n, counterparty=f"customer-{n}"))
    desk.sleep(DAY + DAY // 2 - 1)
    assert len(desk.engine.snapshot()) == 51
    desk.sleep(1)
    assert list(desk.engine.snapshot()) == ["acme/ledger"]
    verify([e for e in desk.history if isinstance(e, EffectEntered)])
    assert desk.tell(charge(99, at=desk.now)).the(EffectEntered).number == 51


def test_what_came_later_is_kept_as_long() -> None:
    desk = Desk(DECIDER)
    desk.tell(charge(1))
    desk.sleep(DAY)
    desk.tell(charge(2, at=desk.now - DAY + MINUTE, external_reference="ch_1"))
    desk.sleep(DAY // 2)
    assert len(desk.engine.snapshot()) == 2
    desk.sleep(DAY)
    assert list(desk.engine.snapshot()) == ["acme/ledger"]


def test_a_part_stays_small_however_often_one_content_comes() -> None:
    desk = Desk(DECIDER)
    long = "x" * 1_024
    for n in range(200):
        desk.tell(charge(n, at=START + n, counterparty=long, resource=long, external_reference=f"{long}{n}"))
    sizes = {key: len(part or b"") for key, part in desk.engine.snapshot().items()}
    assert max(sizes.values()) < 16_384, sizes
