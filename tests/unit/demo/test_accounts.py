"""Accounts are differences of sets: nothing is missing, nothing is too many, and a lost answer is told
apart."""

from __future__ import annotations

from gateway.demo.accounts import Accepted, settle


def at(offset):
    return ("actions.raw", 0, offset)


def test_each_receipt_is_a_row_a_drop_or_a_dead_letter():
    receipts = [Accepted("a", at(0)), Accepted("b", at(1)), Accepted("a", at(2)), Accepted(None, at(3))]
    found = settle(receipts, {"a", "b"}, {at(2): "a"}, [at(3)], set(), {"a"})
    assert found.unaccounted == ()
    assert found.dropped == {"redelivered": 1}
    assert found.accepted == 4 == found.timeline_rows + 1 + found.dead_letters


def test_a_second_sending_without_a_drop_is_missing_although_its_id_has_a_row():
    found = settle([Accepted("a", at(0)), Accepted("a", at(2))], {"a"}, {}, [], set(), {"a"})
    assert found.unaccounted == ("a",)


def test_what_nobody_accepted_is_too_many():
    found = settle([Accepted("a", at(0))], {"a", "ghost"}, {at(9): "other"}, [at(8)], set(), set())
    assert sorted(found.unaccounted) == ["actions.raw-0-8", "ghost", "other"]


def test_a_lost_answer_is_an_accepted_record_and_no_redelivery():
    # "a" was written, its answer got lost; it was sent again, and that one has the receipt and was dropped.
    found = settle([Accepted("a", at(1))], {"a"}, {at(1): "a"}, [], {"a"}, set())
    assert found.unaccounted == ()
    assert found.dropped == {"redelivered": 0, "answer_lost": 1}
    assert found.accepted == 2 == found.timeline_rows + 1


def test_a_batch_whose_answer_got_lost_still_has_one_redelivery_per_action():
    drops = {at(1): "a", at(2): "a"}
    found = settle([Accepted("a", at(1)), Accepted("a", at(2))], {"a"}, drops, [], {"a"}, {"a"})
    assert found.dropped == {"redelivered": 1, "answer_lost": 1}
    assert found.unaccounted == ()
    assert found.accepted == 3


def test_a_drop_of_an_action_that_was_sent_once_shows_as_one_too_many():
    found = settle([Accepted("a", at(0))], set(), {at(0): "a"}, [], set(), set())
    assert found.dropped == {"redelivered": 1}


def test_an_action_that_never_arrived_is_named():
    assert settle([Accepted("a", at(0))], set(), {}, [], set(), set()).unaccounted == ("a",)
    assert settle([Accepted(None, at(7))], set(), {}, [], set(), set()).unaccounted == ("actions.raw-0-7",)
