"""Resets, silence, half answers and refusals of a real server: every action arrives, once counted, under its one id."""

from __future__ import annotations

import asyncio
import threading
from dataclasses import replace
from pathlib import Path

import pytest

from gateway.client import AsyncClient, Client, NotTaken, Policy, Refused, Undelivered, Unusable
from tests.support.rude import Rude
from tests.support.waiting import until

# As the real one, but for the waits, which are the business of the unit tests.
QUICK = Policy(first_wait_s=0.005, breaker_s=0.05, request_s=60.0, linger_s=0.005, flush_s=120.0)
# Where an answer never comes. A good one may be given up too, when the machine is busy: then there is a request more.
HASTY = replace(QUICK, request_s=0.3)
SILENT = ("hang", "dribble")
RECEIPT_S = 120.0


@pytest.mark.parametrize("word", ["reset", "lost", "half", "cut", *SILENT, "503", "429", "500", "some"])
def test_each_kind_of_bad_answer_is_outlived(word: str, tmp_path: Path) -> None:
    with (
        Rude(word, word, word, "accept") as gateway,
        Client(gateway.url, "t", actor="a", spill=tmp_path, policy=HASTY if word in SILENT else QUICK) as client,
    ):
        pendings = client.submit([{"type": "t", "resource": "r"} for _ in range(4)])
        receipts = [pending.receipt(RECEIPT_S) for pending in pendings]
        assert [r.event_id for r in receipts] == [p.id for p in pendings]
        assert set(gateway.ids) == {p.id for p in pendings}
        assert len(gateway.bodies) == 4 if word not in ("some", *SILENT) else len(gateway.bodies) >= 3
    assert list(tmp_path.glob("*/*")) == [], "what was delivered leaves nothing behind"


def test_a_gateway_that_hangs_up_between_two_requests_costs_one_more_try(tmp_path: Path) -> None:
    with (
        Rude("goodbye", "accept") as gateway,
        Client(gateway.url, "t", actor="a", spill=tmp_path, policy=QUICK) as client,
    ):
        receipts = [client.action("t", "r").receipt(RECEIPT_S) for _ in range(2)]
        assert gateway.ids == [receipt.event_id for receipt in receipts]
        assert len(gateway.written) == 2


def test_many_threads_share_one_client_and_the_numbers_have_no_hole(tmp_path: Path) -> None:
    with Rude("503", "lost", "accept") as gateway:
        with Client(gateway.url, "t", actor="a", spill=tmp_path, policy=QUICK) as client:

            def work() -> None:
                for _ in range(50):
                    client.action("t", "r")

            threads = [threading.Thread(target=work) for _ in range(4)]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
        first = {str(a["id"]): int(a["sequence"]) for a in gateway.written}
        assert [first[i] for i in gateway.ids] == list(range(1, 201)), "in order, without a hole"
        assert {a["session"] for a in gateway.written} == {client.session}


def test_a_refused_action_is_told_to_its_caller_and_the_others_go_on(tmp_path: Path) -> None:
    with Rude() as gateway, Client(gateway.url, "t", actor="a", spill=tmp_path, policy=QUICK) as client:
        good, bad, other = client.submit([{"type": t, "resource": "r"} for t in ("t", "wrong", "t")])
        assert good.receipt(RECEIPT_S).event_id == good.id
        with pytest.raises(Refused) as refused:
            bad.receipt(RECEIPT_S)
        assert (refused.value.code, refused.value.field) == ("field_required", "type")
        assert other.receipt(RECEIPT_S).event_id == other.id
        assert len(gateway.bodies) == 1


def test_the_end_of_the_block_raises_a_refusal_that_nobody_looked_at(tmp_path: Path) -> None:
    with (
        Rude() as gateway,
        pytest.raises(Refused) as refused,
        Client(gateway.url, "t", actor="a", spill=tmp_path, policy=QUICK) as client,
    ):
        client.action("wrong", "r")
    assert refused.value.code == "field_required"


def test_a_wrong_token_is_said_at_once_and_the_actions_stay(tmp_path: Path) -> None:
    with Rude("401") as gateway:
        client = Client(gateway.url, "t", actor="a", spill=tmp_path, policy=QUICK)
        pending = client.action("t", "r")
        with pytest.raises(Undelivered) as caught:
            pending.receipt(RECEIPT_S)
        assert caught.value.code == "code_401"
        with pytest.raises(Undelivered):
            client.close()
        gateway.script[:] = ["accept"]
        with Client(gateway.url, "the right one", actor="a", spill=tmp_path, policy=QUICK) as next_one:
            next_one.flush()
        assert gateway.ids == [pending.id]


def test_a_client_in_memory_says_what_is_lost_at_its_end(tmp_path: Path) -> None:
    client = Client("http://127.0.0.1:9", "t", actor="a", spill=None, policy=replace(QUICK, breaker_failures=1))
    client.action("t", "r")
    until(lambda: client.circuit == "open", 20, "the first try to fail")
    with pytest.raises(Undelivered) as left:
        client.close(0.1)
    assert (left.value.code, left.value.waiting) == ("gateway_away", 1)
    with pytest.raises(NotTaken) as closed:
        client.action("t", "r")
    assert closed.value.code == "client_closed"


async def test_the_client_for_asyncio_does_the_same(tmp_path: Path) -> None:
    with Rude("reset", "half", "accept") as gateway:
        async with AsyncClient(gateway.url, "t", actor="a", spill=tmp_path, policy=QUICK) as client:
            pendings = [await client.action("t", "r", result=str(n)) for n in range(3)]
            receipts = await asyncio.gather(*(pending.receipt(RECEIPT_S) for pending in pendings))
            assert [r.event_id for r in receipts] == [p.id for p in pendings]
            (bad,) = await client.submit([{"type": "wrong", "resource": "r"}])
            with pytest.raises(Refused):
                await bad.receipt(RECEIPT_S)
            gateway.script[:] = ["hang"]
            late = await client.action("t", "r")
            with pytest.raises(Undelivered) as waiting:
                await late.receipt(0.05)
            assert waiting.value.code == "still_waiting"
            gateway.script[:] = ["accept"]
            gateway.let_go.set()
            await client.flush()
        assert gateway.ids == [p.id for p in (*pendings, late)]


def test_a_circuit_that_is_open_is_closed_by_one_good_answer(tmp_path: Path) -> None:
    policy = Policy(first_wait_s=0.001, breaker_failures=3, breaker_s=0.2, linger_s=0.001, flush_s=120.0)
    with Rude("503") as gateway, Client(gateway.url, "t", actor="a", spill=tmp_path, policy=policy) as client:
        pending = client.action("t", "r")
        until(lambda: client.circuit == "open", 20, "the circuit to open")
        gateway.script[:] = ["accept"]
        assert pending.receipt(RECEIPT_S).event_id == pending.id
        until(lambda: client.circuit == "closed", 20, "the circuit to close")


@pytest.mark.parametrize("url", ["127.0.0.1:8080", "ftp://x", "http://", "http://[", "http://x:port"])
def test_an_address_that_is_none_is_said_before_anything_is_kept(url: str, tmp_path: Path) -> None:
    with pytest.raises(Unusable) as caught:
        Client(url, "t", actor="a", spill=tmp_path)
    assert caught.value.code == "url_malformed"
    assert list(tmp_path.iterdir()) == []
