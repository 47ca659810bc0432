"""Observations over a fake sender: values are exact on the log, and nonsense is refused with a code."""

from __future__ import annotations

from typing import Any

import pytest

from schemas import codec
from schemas.messages.incidents import COMMANDS, ObservationReported
from tests.unit.gateway.conftest import NOW, bearer

AGENT = bearer("agent-of-shop")
WORDS = codec.Words(COMMANDS)
ONE: dict[str, Any] = {"name": "spend", "resource": "warehouse", "value": "12.5", "actor": "importer-1", "unit": "EUR"}


async def tell(client, body: Any, who=AGENT) -> tuple[int, Any]:
    async with client.post("/v1/observations", headers=who, json=body) as answer:
        return answer.status, await answer.json()


async def raw(client, body: str) -> tuple[int, Any]:
    headers = AGENT | {"Content-Type": "application/json"}
    async with client.post("/v1/observations", headers=headers, data=body) as answer:
        return answer.status, await answer.json()


async def test_an_observation_is_on_the_log_in_millionths(client, sender) -> None:
    status, answer = await tell(client, ONE)
    assert (status, answer["results"][0]["value"]) == (202, "12.5")
    (told,) = (WORDS.decode(output.value) for output in sender.sent)
    assert isinstance(told, ObservationReported)
    assert (told.tenant, told.value, told.event_time, told.actor) == ("shop", 12_500_000, NOW, "importer-1")


async def test_a_number_of_json_is_exact_too(client, sender) -> None:
    await raw(client, '{"name": "x", "resource": "r", "value": 0.30000000000000004}')
    assert WORDS.decode(sender.sent[0].value).value == 300_000


async def test_the_same_number_of_the_same_time_is_the_same_observation(client, sender) -> None:
    for _ in range(2):
        await tell(client, ONE | {"time": "2026-11-22T04:00:00Z"})
    one, again = (WORDS.decode(output.value).observation_id for output in sender.sent)
    assert one == again


async def test_two_observations_without_a_time_are_two(client, sender) -> None:
    for _ in range(2):
        await tell(client, ONE)
    one, other = (WORDS.decode(output.value).observation_id for output in sender.sent)
    assert one != other


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"value": None}, "field_required"),
        ({"value": True}, "field_not_a_number"),
        ({"value": "NaN"}, "field_not_a_number"),
        ({"value": "Infinity"}, "field_not_a_number"),
        ({"value": "1e13"}, "field_not_a_number"),
        ({"value": "1e999999999"}, "field_not_a_number"),
        ({"value": {"a": 1}}, "field_not_a_number"),
        ({"name": ""}, "field_required"),
        ({"resource": 5}, "field_not_text"),
        ({"time": "yesterday"}, "field_malformed"),
    ],
)
async def test_nonsense_is_refused_with_its_code(client, sender, changes, code) -> None:
    status, answer = await tell(client, ONE | changes)
    assert (status, answer["code"]) == (422, code)
    assert not sender.sent


@pytest.mark.parametrize("value", ["NaN", "Infinity", "1e400", "9" * 5_000])
async def test_numbers_that_are_none_never_give_a_5xx(client, sender, value) -> None:
    status, _ = await raw(client, f'{{"name": "x", "resource": "r", "value": {value}}}')
    assert 400 <= status < 500
    assert not sender.sent


async def test_a_batch_has_a_result_each_and_a_limit(client, sender) -> None:
    status, answer = await tell(client, [ONE, ONE | {"value": "x"}])
    assert (status, [r["status"] for r in answer["results"]]) == (202, [202, 422])
    status, answer = await tell(client, [ONE] * 1_001)
    assert (status, answer["code"]) == (413, "batch_too_large")
    assert len(sender.sent) == 1


async def test_a_log_that_does_not_answer_is_503_as_a_whole(client, sender) -> None:
    sender.behaviours = ["failed"]
    status, answer = await tell(client, [ONE, ONE])
    assert status == 503
    assert [r["status"] for r in answer["results"]] == [503, 202]
