"""A person's command over a real broker: its answer comes back through the tail; without one there is an address."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator

import pytest

from gateway.http import commands
from processors.host.places import Place
from processors.host.reader import LogReader
from processors.host.sender import Sender
from schemas import codec, ids
from schemas.messages.incidents import AcknowledgeIncident, CommandRefused, ResolveIncident
from schemas.messages.kernel import Answer
from schemas.record import Output
from tests.support.waiting import auntil

INCIDENT = ids.text(bytes(range(16)))
WORDS = codec.Words((AcknowledgeIncident, ResolveIncident))
ASKED = frozenset(codec.schema_id(c) for c in (AcknowledgeIncident, ResolveIncident))
EVENT = bytes(range(16, 32))


class Processor:
    """Answers what it reads on incidents.commands: acknowledge is accepted, resolve refused; `mute` says nothing."""

    def __init__(self, bootstrap: str, partitions: int) -> None:
        self.mute = False
        self.heard: list[AcknowledgeIncident | ResolveIncident] = []
        self._reader = LogReader(bootstrap, name="test-processor")
        places = [Place("incidents.commands", p) for p in range(partitions)]
        self._reader.assign({p: e.high for p, e in self._reader.ends(places).items()})
        self._bootstrap = bootstrap
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._run()))
        self._thread.start()

    def stop(self) -> None:
        self._stopping.set()
        self._thread.join()
        self._reader.close()

    async def _run(self) -> None:
        sender = Sender(self._bootstrap, name="test-processor")
        sender.start()
        while not self._stopping.is_set():
            for record in (await asyncio.to_thread(self._reader.read, 100, 0.1)).records:
                if codec.id_of(record.value) not in ASKED:
                    continue  # the tenant's configuration is announced here too
                message = WORDS.decode(record.value)
                self.heard.append(message)
                for said in () if self.mute else self._answer(message):
                    await sender.send(Output("incidents.events", record.partition, record.key, codec.encode(said)))
        await sender.close()

    def _answer(self, message):
        if isinstance(message, AcknowledgeIncident):
            return (Answer(message.tenant, message.command_id, "accepted", ("first",), (EVENT,)),)
        refused = CommandRefused(
            message.tenant,
            message.command_id,
            message.subject,
            message.incident_id,
            "ResolveIncident",
            "already_resolved",
            "It was resolved by bob.",
            "Nothing is left to do.",
            1,
        )
        return refused, Answer(message.tenant, message.command_id, "already_resolved", (), ())


@pytest.fixture
def processor(topics, declared) -> Iterator[Processor]:
    found = Processor(topics, declared.partitions("incidents.commands"))
    yield found
    found.stop()


async def test_a_command_and_its_answer(gateway, processor, monkeypatch) -> None:
    # After a second the address is the answer, on a busy machine too: here the answer itself is looked at.
    monkeypatch.setattr(commands, "ANSWER_S", 60.0)
    tenant = await gateway.tenant()
    path = f"/v1/incidents/{INCIDENT}"
    status, body, _ = await gateway.ask("POST", f"{path}/acknowledge", f"alice-{tenant}", Idempotency_Key="k")
    (heard,) = processor.heard
    assert (heard.tenant, heard.subject, ids.text(heard.incident_id)) == (tenant, "alice", INCIDENT)
    assert (status, body["code"], body["events"]) == (200, "accepted", [ids.text(EVENT)])
    assert body["command_id"] == ids.text(ids.derive("command", tenant, "k"))
    status, known, _ = await gateway.ask("GET", f"/v1/commands/{body['command_id']}", f"alice-{tenant}")
    assert (status, known["state"], known["code"]) == (200, "answered", "accepted"), (
        "the tail is ahead of the read model"
    )

    status, problem, _ = await gateway.ask("POST", f"{path}/resolve", f"alice-{tenant}", {"note": "done"})
    assert (status, problem["code"], problem["detail"]) == (409, "already_resolved", "It was resolved by bob.")
    status, known, _ = await gateway.ask("GET", f"/v1/commands/{problem['command_id']}", f"alice-{tenant}")
    assert (known["state"], known["why"]) == ("answered", "It was resolved by bob.")


async def test_another_tenant_learns_nothing_of_a_command(gateway, processor) -> None:
    one, two = await gateway.tenant(), await gateway.tenant()
    _, body, _ = await gateway.ask("POST", f"/v1/incidents/{INCIDENT}/acknowledge", f"alice-{one}")
    status, known, _ = await gateway.ask("GET", f"/v1/commands/{body['command_id']}", f"alice-{two}")
    assert (status, known["state"], known["code"]) == (200, "pending", None)


async def test_many_at_once_get_each_their_own(gateway, processor) -> None:
    tenant = await gateway.tenant()
    verbs = ["acknowledge", "resolve"] * 20
    answers = await asyncio.gather(
        *(
            gateway.ask("POST", f"/v1/incidents/{INCIDENT}/{verb}", f"alice-{tenant}", Idempotency_Key=str(n))
            for n, verb in enumerate(verbs)
        )
    )
    for n, (verb, (status, body, _)) in enumerate(zip(verbs, answers, strict=True)):
        if status == 202:  # a machine under load may need more than the second
            continue
        assert status == (200 if verb == "acknowledge" else 409)
        assert body["command_id"] == ids.text(ids.derive("command", tenant, str(n)))


async def test_without_an_answer_there_is_an_address_and_later_the_answer(gateway, processor) -> None:
    tenant = await gateway.tenant()
    processor.mute = True
    path, key = f"/v1/incidents/{INCIDENT}/acknowledge", "late"
    status, body, _ = await gateway.ask("POST", path, f"alice-{tenant}", Idempotency_Key=key)
    assert status == 202
    assert (await gateway.ask("GET", body["command"], f"alice-{tenant}"))[1]["state"] == "pending"
    processor.mute = False

    async def answered():
        return (await gateway.ask("POST", path, f"alice-{tenant}", Idempotency_Key=key))[0] == 200

    await auntil(answered, 20, "the answer")
    assert (await gateway.ask("GET", body["command"], f"alice-{tenant}"))[1]["state"] == "answered"
    assert len({m.command_id for m in processor.heard}) == 1


async def test_an_incident_that_is_not_there(gateway, processor) -> None:
    tenant = await gateway.tenant()
    for name in ("INC-7", "INC-999999999999999999", "INC-99999999999999999999", "nonsense", "%00", "INC-1%20"):
        status, problem, _ = await gateway.ask("POST", f"/v1/incidents/{name}/acknowledge", f"alice-{tenant}")
        assert (status, problem["code"]) == (404, "incident_unknown"), name
    assert processor.heard == []
