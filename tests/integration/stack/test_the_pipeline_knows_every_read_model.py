"""GET /v1/pipeline on the whole stack: where every processor and read model stands is known, none is left out."""

from __future__ import annotations

from typing import Any

from gateway.demo.pager import Pager
from schemas import topology
from tests.support.fix_whole import Whole
from tests.support.tenants import failure
from tests.support.waiting import auntil

KNOWN_S = 60.0


async def test_after_an_incident_every_processor_and_read_model_is_ok(stack: Whole, pager: Pager) -> None:
    declared = topology.load()
    tenant = await stack.tenant("healthy", pager)
    async with tenant.client() as agent, tenant.client("alice") as alice:
        await agent.send([failure("somewhere")])

        async def told() -> Any:
            answer = await alice.get("/v1/pipeline")
            states = {x["name"]: x["state"] for x in (*answer["processors"], *answer["read_models"])}
            # rml may not have had anything to decide; what matters is that it can be asked.
            return answer if set(states.values()) <= {"ok", "not_started"} and answer["pages"]["delivered"] else None

        answer = await auntil(told, KNOWN_S, "a pipeline that keeps up")
    assert {x["name"] for x in answer["read_models"]} == set(declared.projections)
    assert {x["name"] for x in answer["processors"]} == {*declared.rooms, "effects"}
    assert (answer["account"]["accepted"], answer["account"]["unaccounted"]) == (1, 0)
    assert answer["pages"]["requested"] == 1
