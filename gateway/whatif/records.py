"""The records that the outside of a run writes, and the reading of what the processors said. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from hashlib import sha256
from typing import Any

from schemas import codec, ids
from schemas.announcing import announcements, place_in
from schemas.envelope import headers_of
from schemas.ids import Id
from schemas.messages.incidents import AcknowledgeIncident
from schemas.messages.notifications import Outcome, PageRequested, ReportOutcome
from schemas.messages.tables import STREAMS
from schemas.partitioning import partition_of
from schemas.record import Output, Record
from schemas.topology import Topology


class Speech:
    """Encodes and decodes the records of one map."""

    def __init__(self, topology: Topology) -> None:
        self.topology = topology
        self._words = {name: codec.Words(STREAMS[t.stream]) for name, t in topology.topics.items()}

    def decode(self, record: Record | Output) -> Any:
        """The message of a record. Raises SchemaError."""
        return self._words[record.topic].decode(record.value)

    def to_tenant(self, topic: str, message: Any, record_id: Id, source: str, at: int) -> Output:
        """A message on the tenant's partition of a topic, as a door writes it."""
        key = ids.key_of(message.tenant)
        headers = headers_of(record_id, type(message).__name__, source, key, at)
        partition = partition_of(key.encode(), self.topology.partitions(topic))
        return Output(topic, partition, key.encode(), codec.encode(message), headers)

    def announced(self, tenant: str, document: str, version: int, body: bytes, at: int) -> list[Output]:
        """One version of a document, announced on every partition that needs it."""
        messages = announcements(tenant, document, version, sha256(body).hexdigest(), body)
        key = ids.key_of(tenant)
        out = []
        for room in self.topology.readers_of_document(document):
            count = self.topology.partitions(room.input)
            one = partition_of(key.encode(), count)
            for partition in range(count) if room.announced == "all" else [one]:
                about = (tenant, document, version, room.input, partition)
                for message in messages:
                    record_id = ids.derive("announced", *about, *place_in(message))
                    headers = headers_of(record_id, type(message).__name__, "gateway", key, at)
                    out.append(Output(room.input, partition, key.encode(), codec.encode(message), headers))
        return out

    def outcome(self, page: PageRequested, outcome: Outcome, detail: str, at: int) -> Output:
        """What became of one attempt of a page, as the effects service reports it."""
        report = ReportOutcome(page.tenant, page.incident_id, page.notification_id, page.attempt, outcome, detail)
        command_id = ids.derive("outcome", page.notification_id, page.attempt)
        return self.to_tenant(self.topology.relay.reports_to, report, command_id, "effects", at)

    def acknowledgement(self, page: PageRequested, topic: str, at: int) -> Output:
        """The assumed answer of the person who was paged."""
        command_id = ids.derive("assumed", page.notification_id)
        body = ids.derive("body", page.person, page.incident_id)
        wish = AcknowledgeIncident(page.tenant, command_id, body, page.person, page.incident_id, at)
        return self.to_tenant(topic, wish, command_id, "gateway", at)

    def about(self, record: Record, message: Any, incident_id: Id) -> Record:
        """The same command, about another incident."""
        value = codec.encode(replace(message, incident_id=incident_id))
        return Record(
            record.topic,
            record.partition,
            record.offset,
            record.append_time,
            record.key,
            value,
            record.headers,
        )


# tenant -> document -> canonical body
Documents = Mapping[str, Mapping[str, bytes]]
