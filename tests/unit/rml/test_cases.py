"""When two effects alike are a suspected second charge, and what a label says."""

from __future__ import annotations

from typing import Any

import pytest

from processors.rml import DECIDER
from schemas.ids import derive
from schemas.messages.rml import CaseEntriesAdded, CaseOpened, EffectEntered, EffectObservedAgain
from tests.support.desk import START, Desk, Told
from tests.support.rml_words import DAY, MINUTE, charge, label


def after_a_charge(second: Any, **first: Any) -> Told:
    desk = Desk(DECIDER)
    desk.tell(charge(1, **first))
    return desk.tell(second)


@pytest.mark.parametrize(
    "second",
    [
        charge(2),
        charge(2, actor="checkout-helper-2"),
        charge(2, external_reference=None),
        charge(2, external_reference=""),
        charge(2, at=START + 6 * MINUTE),
        charge(2, at=START - 6 * MINUTE),
        charge(2, at=START + DAY - 1),
        charge(2, amount="04900", currency="eur"),
        charge(2, label_world="RML1"),
    ],
    ids=[
        "again",
        "by another actor",
        "without a reference",
        "with an empty reference",
        "six minutes later",
        "of six minutes before, told later",
        "just within the window",
        "spelled otherwise",
        "with a label that says it is nothing",
    ],
)
def test_given_a_charge_then_one_more_alike_is_a_suspected_second_charge(second: Any) -> None:
    case = after_a_charge(second).the(CaseOpened)
    assert (case.number, case.world, case.reason) == (1, "RML3", "second_charge")
    assert [e.number for e in case.entries] == [1, 2]


@pytest.mark.parametrize(
    "second",
    [
        charge(2, counterparty="customer-18"),
        charge(2, counterparty=None),
        charge(2, amount="4901"),
        charge(2, amount="-4900"),
        charge(2, currency="USD"),
        charge(2, kind="refund"),
        charge(2, resource="orders/8813"),
        charge(2, tenant="other"),
        charge(2, at=START + DAY),
        charge(2, at=START - DAY),
        charge(2, at=START + 30 * DAY),
        charge(2, succeeded=False, error_type="PaymentError"),
    ],
    ids=[
        "another customer",
        "nobody named",
        "another amount",
        "the other way",
        "another currency",
        "another kind",
        "another resource",
        "another tenant",
        "after the window",
        "before the window",
        "a month later",
        "one that failed",
    ],
)
def test_given_a_charge_then_another_thing_is_no_case(second: Any) -> None:
    assert after_a_charge(second).kinds == ("EffectEntered",)


@pytest.mark.parametrize("amount", [None, "0", "-0", "000"])
def test_effects_that_move_no_money_are_no_second_charge(amount: str | None) -> None:
    assert after_a_charge(charge(2, amount=amount), amount=amount).kinds == ("EffectEntered",)


def test_the_same_reference_is_one_movement_told_twice() -> None:
    told = after_a_charge(charge(2, actor="webhook", external_reference="ch_1"))
    assert told.kinds == ("EffectObservedAgain",)
    assert told.the(EffectObservedAgain).observations == 2


def test_the_same_reference_after_the_window_is_an_entry_of_its_own() -> None:
    assert after_a_charge(charge(2, at=START + DAY, external_reference="ch_1")).kinds == ("EffectEntered",)


def test_a_failed_charge_does_not_hide_the_one_that_succeeded() -> None:
    told = after_a_charge(charge(2, external_reference="ch_1"), succeeded=False)
    assert told.kinds == ("EffectEntered",)


def test_an_error_that_leaves_it_open_counts_as_moved() -> None:
    desk = Desk(DECIDER)
    desk.configure("rml", {"uncertain_errors": ["Timeout"]})
    lost = desk.tell(charge(1, external_reference=None, succeeded=False, error_type="Timeout"))
    assert lost.the(EffectEntered).outcome == "unknown"
    assert desk.tell(charge(2)).the(CaseOpened).reason == "second_charge"


def test_a_configured_window_decides() -> None:
    desk = Desk(DECIDER)
    desk.configure("rml", {"window_s": 60})
    desk.tell(charge(1))
    assert desk.tell(charge(2, at=START + MINUTE)).kinds == ("EffectEntered",)
    assert [e.number for e in desk.tell(charge(3, at=START + 2 * MINUTE - 1)).the(CaseOpened).entries] == [2, 3]


def test_a_third_charge_joins_the_case() -> None:
    desk = Desk(DECIDER)
    desk.tell(charge(1))
    case = desk.tell(charge(2)).the(CaseOpened)
    joined = desk.tell(charge(3))
    added = joined.the(CaseEntriesAdded)
    assert (added.case_id, added.number, [e.number for e in added.entries]) == (case.case_id, 1, [3])
    assert joined.reasons == ("entered", "another_charge")


def test_a_charge_between_two_that_were_far_apart_names_all_three() -> None:
    desk = Desk(DECIDER)
    desk.tell(charge(1))
    desk.tell(charge(2, at=START + DAY))
    case = desk.tell(charge(3, at=START + DAY // 2)).the(CaseOpened)
    assert [e.number for e in case.entries] == [1, 2, 3]


def test_a_charge_near_to_one_outside_the_case_brings_it_in() -> None:
    desk = Desk(DECIDER)
    desk.tell(charge(1))
    desk.tell(charge(2))
    desk.tell(charge(3, at=START + DAY))
    added = desk.tell(charge(4, at=START + DAY // 2)).the(CaseEntriesAdded)
    assert [e.number for e in added.entries] == [3, 4]


def test_a_charge_that_is_near_to_none_of_a_case_opens_one_of_its_own() -> None:
    desk = Desk(DECIDER)
    for n, at in enumerate((0, 1, DAY + 1), start=1):
        desk.tell(charge(n, at=START + at))
    case = desk.tell(charge(4, at=START + DAY + 2)).the(CaseOpened)
    assert (case.number, [e.number for e in case.entries]) == (2, [3, 4])


def test_a_charge_near_two_cases_joins_the_newer() -> None:
    desk = Desk(DECIDER)
    for n, at in enumerate((0, 1, DAY + 1, DAY + 2), start=1):
        desk.tell(charge(n, at=START + at))
    added = desk.tell(charge(5, at=START + DAY // 2)).the(CaseEntriesAdded)
    assert (added.number, [e.number for e in added.entries]) == (2, [5])


def test_of_very_many_charges_alike_the_newest_are_compared() -> None:
    desk = Desk(DECIDER)
    for n in range(1, 101):
        desk.tell(charge(n))
    assert desk.tell(charge(101, external_reference="ch_100")).the(EffectObservedAgain).number == 100
    assert desk.tell(charge(102, external_reference="ch_1")).the(CaseEntriesAdded).number == 1


def test_a_movement_told_again_in_a_case_stays_in_it() -> None:
    desk = Desk(DECIDER)
    desk.tell(charge(1))
    desk.tell(charge(2))
    desk.tell(charge(3, external_reference="ch_2"))
    assert [e.number for e in desk.tell(charge(4)).the(CaseEntriesAdded).entries] == [3]


def test_the_entries_of_a_case_are_named_with_their_hashes() -> None:
    desk = Desk(DECIDER)
    entries = [desk.tell(charge(1)).the(EffectEntered)]
    told = desk.tell(charge(2))
    entries.append(told.the(EffectEntered))
    named = told.the(CaseOpened).entries
    assert [(n.number, n.entry_id, n.hash) for n in named] == [(e.number, e.entry_id, e.hash) for e in entries]


def test_why_is_one_sentence_with_what_who_and_when() -> None:
    case = after_a_charge(charge(2, at=START + 6 * MINUTE, external_reference=None)).the(CaseOpened)
    assert case.why == (
        "charge of 4900 EUR (minor units) with customer-17 on orders/8812 came twice within 24 h:"
        " entries 1 and 2, 360 s apart; an external reference is missing, so they are not known to be one movement."
    )


# --- labels -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("world", "action", "opens"),
    [
        ("RML3", None, True),
        ("RML-3", None, True),
        (" rml_3 ", None, True),
        (None, "escalate-history", True),
        ("RML1", "Escalate-History", True),
        ("RML2", None, False),
        ("RML33", None, False),
        (None, "start-compensation", False),
        (None, None, False),
    ],
)
def test_a_label_opens_a_case_when_it_says_history(world: str | None, action: str | None, opens: bool) -> None:
    told = Desk(DECIDER).tell(label(1, label_world=world, label_action=action))
    assert told.kinds == (("CaseOpened",) if opens else ())
    if opens:
        case = told.the(CaseOpened)
        assert (case.world, case.reason, case.entries, case.amount) == ("RML3", "label", (), None)


def test_a_labelled_action_told_again_opens_no_second_case() -> None:
    desk = Desk(DECIDER)
    desk.tell(label(1))
    assert desk.tell(label(1)).reasons == ("already_labelled",)
    assert desk.tell(label(2)).the(CaseOpened).number == 2
    desk.sleep(2 * DAY)
    assert list(desk.engine.snapshot()) == ["acme/ledger"]


def test_a_labelled_effect_is_an_entry_and_a_case_that_names_it() -> None:
    told = Desk(DECIDER).tell(charge(1, label_action="escalate-history"))
    assert told.kinds == ("EffectEntered", "CaseOpened")
    case = told.the(CaseOpened)
    assert (case.reason, [e.number for e in case.entries], case.amount) == ("label", [1], "4900")


def test_a_labelled_second_charge_is_one_case() -> None:
    told = after_a_charge(charge(2, label_world="RML3"))
    assert told.kinds == ("EffectEntered", "CaseOpened")
    assert told.the(CaseOpened).reason == "second_charge"


def test_a_label_on_a_movement_told_again_names_its_entry() -> None:
    told = after_a_charge(charge(2, external_reference="ch_1", label_world="RML3"))
    assert told.kinds == ("EffectObservedAgain", "CaseOpened")
    assert [e.number for e in told.the(CaseOpened).entries] == [1]


def test_long_texts_are_clipped_where_the_case_speaks() -> None:
    told = Desk(DECIDER).tell(label(1, label_action="escalate-history", label_world="w" * 10_000, actor="a" * 10_000))
    case = told.the(CaseOpened)
    assert len(case.why) < 1_200
    assert case.label_world == "w" * 200


def test_after_a_restart_the_second_charge_is_still_suspected() -> None:
    desk = Desk(DECIDER)
    desk.tell(charge(1))
    restored = desk.restored("rml.commands")
    assert restored.snapshot() == desk.engine.snapshot()
    desk.engines["rml.commands"] = restored
    assert desk.tell(charge(2, action_id=derive("other"))).the(CaseOpened).number == 1
