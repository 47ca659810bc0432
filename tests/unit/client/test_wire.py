"""What an answer of the gateway means for each action: believed only if it is whole."""

from __future__ import annotations

import json

import pytest

from gateway.client.wire import Answer, Later, Receipt, Refusal, body, judge

ACCEPTED = {"status": 202, "event_id": "e", "topic": "actions.raw", "partition": 1, "offset": 7}
BUSY = {"status": 503, "problem": {"code": "send_failed"}}
WRONG = {"status": 422, "problem": {"code": "field_required"}}


def answer(status, plain, **more):
    return Answer(status, json.dumps(plain).encode(), **more)


def test_the_body_is_the_lines_as_they_are():
    assert json.loads(body([b'{"id":"1"}', b'{"id":"2"}'])) == {"actions": [{"id": "1"}, {"id": "2"}]}


def test_each_item_has_its_own_outcome():
    judged = judge(answer(202, {"results": [ACCEPTED, BUSY, {"status": 429}, WRONG]}), 4)
    assert judged.outcomes == (
        Receipt("e", "actions.raw", 1, 7),
        Later({"code": "send_failed"}, written=True),
        Later({"code": "http_429", "status": 429}, written=False),
        Refusal({"code": "field_required"}),
    )


def test_a_batch_of_refusals_only_names_each():
    judged = judge(answer(422, {"code": "batch_refused", "results": [WRONG, WRONG]}), 2)
    assert judged.outcomes == (Refusal({"code": "field_required"}),) * 2


@pytest.mark.parametrize(
    "untrustworthy",
    [
        Answer(None, b"ConnectionResetError"),
        Answer(202, b""),
        Answer(202, b'{"results": [{"status": 202, "ev'),
        Answer(202, b"<html>welcome</html>"),
        Answer(202, b"[" * 100_000),
        answer(202, {"results": [ACCEPTED]}),
        answer(202, {"results": [ACCEPTED, ACCEPTED, ACCEPTED]}),
        answer(202, {"results": [ACCEPTED, {"status": 202}]}),
        answer(202, {"results": [ACCEPTED, "yes"]}),
        answer(202, {"results": {"0": ACCEPTED, "1": ACCEPTED}}),
        answer(200, {"results": [ACCEPTED, ACCEPTED]}),
        answer(500, {"code": "internal"}),
        answer(503, {"code": "store_unavailable", "results": [WRONG, BUSY]}),
    ],
)
def test_whatever_is_not_whole_may_have_been_written_and_is_sent_again(untrustworthy):
    outcomes = judge(untrustworthy, 2).outcomes
    assert outcomes is not None
    assert all(isinstance(o, Later) and o.written for o in outcomes)


def test_too_many_requests_says_that_nothing_was_written():
    outcomes = judge(answer(429, {"code": "gateway_busy"}), 1).outcomes
    assert outcomes == (Later({"code": "gateway_busy"}, written=False),)


@pytest.mark.parametrize("status", [400, 413, 422])
def test_a_request_that_cannot_be_read_is_to_be_divided(status):
    judged = judge(answer(status, {"code": "body_not_json"}), 2)
    assert (judged.outcomes, judged.unreadable) == (None, True)


@pytest.mark.parametrize("status", [301, 401, 403, 404, 405, 415])
def test_not_being_let_in_is_no_fault_of_the_actions(status):
    judged = judge(answer(status, {}), 2)
    assert (judged.outcomes, judged.unreadable, judged.problem["code"]) == (None, False, f"http_{status}")
