"""Topics of a broker: look, create, change. And where partitions end and groups stand.

Called by `mandate topology plan|apply`, the local stack, the reader and the host's start-up checks. Every
request has a time-out; every answer is awaited. Nothing here decides what is allowed: `topology plan` does.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import Any

from confluent_kafka import (
    ConsumerGroupTopicPartitions,
    IsolationLevel,
    KafkaError,
    KafkaException,
    TopicPartition,
)
from confluent_kafka.admin import AdminClient
from confluent_kafka.admin._config import AlterConfigOpType, ConfigEntry, ConfigResource
from confluent_kafka.admin._listoffsets import EarliestSpec, LatestSpec, OffsetSpec, TimestampSpec
from confluent_kafka.admin._resource import ResourceType
from confluent_kafka.cimpl import NewPartitions, NewTopic

from processors.host import client
from processors.host.errors import Fatal, Transient
from processors.host.places import Ends, Place

# the client's own time-out first, ours only if it never answers
FUTURE_SECONDS = client.REQUEST_SECONDS + 5.0


@dataclass(frozen=True, slots=True)
class TopicState:
    """A topic as the broker has it, or as it shall be. `config` holds only what differs from the broker's
    defaults."""

    name: str
    partitions: int
    replication: int = 1
    config: Mapping[str, str] = field(default_factory=dict)


class Admin:
    """Requests to a broker about topics, ends and groups. Safe for one thread at a time."""

    def __init__(self, bootstrap: str, *, security: client.Security | None = None) -> None:
        self._client = AdminClient(client.unpolled(client.base(bootstrap, security)))

    def names(self) -> frozenset[str]:
        """All topics of the broker, internal ones (`__…`) left out. Also the cheapest proof that it
        answers."""
        found = self._topics()
        return frozenset(name for name in found if not name.startswith("__"))

    def partitions(self, topics: Iterable[str]) -> Mapping[str, int]:
        """Partition count of each of these topics that exists."""
        wanted = frozenset(topics)
        found = self._topics()
        return {name: len(found[name].partitions) for name in sorted(wanted) if name in found}

    def describe(self, names: Sequence[str]) -> Mapping[str, TopicState]:
        """Each of these topics that exists, with the settings that were set for it (not the broker's
        defaults)."""
        found = self._topics()
        present = [name for name in sorted(set(names)) if name in found]
        if not present:
            return {}
        resources = [ConfigResource(ResourceType.TOPIC, name) for name in present]
        configs = {
            resource.name: self._wait(future, f"settings of {resource.name}")
            for resource, future in self._client.describe_configs(
                resources, request_timeout=client.REQUEST_SECONDS
            ).items()
        }
        return {
            name: TopicState(
                name,
                len(found[name].partitions),
                min((len(p.replicas) for p in found[name].partitions.values()), default=1),
                {entry.name: entry.value for entry in configs[name].values() if entry.source == _SET_FOR_TOPIC},
            )
            for name in present
        }

    def create(self, topics: Sequence[TopicState]) -> None:
        """Create these topics; one that exists already is left as it is."""
        if not topics:
            return
        wanted = [
            NewTopic(t.name, num_partitions=t.partitions, replication_factor=t.replication, config=dict(t.config))
            for t in topics
        ]
        futures = self._client.create_topics(
            wanted, request_timeout=client.REQUEST_SECONDS, operation_timeout=client.REQUEST_SECONDS
        )
        for name, future in futures.items():
            self._wait(future, f"creating {name}", allowed=KafkaError.TOPIC_ALREADY_EXISTS)
        self._await_leaders([t.name for t in topics])

    def alter(self, name: str, config: Mapping[str, str | None]) -> None:
        """Set these settings of a topic; None gives one back to the broker's default. Others stay."""
        entries = [
            ConfigEntry(
                key,
                value or "",
                incremental_operation=AlterConfigOpType.SET if value is not None else AlterConfigOpType.DELETE,
            )
            for key, value in sorted(config.items())
        ]
        resource = ConfigResource(ResourceType.TOPIC, name, incremental_configs=entries)
        futures = self._client.incremental_alter_configs([resource], request_timeout=client.REQUEST_SECONDS)
        for future in futures.values():
            self._wait(future, f"changing {name}")

    def grow(self, name: str, partitions: int) -> None:
        """Raise a topic's partition count. The caller makes sure that no key moves by it."""
        futures = self._client.create_partitions(
            [NewPartitions(name, partitions)], request_timeout=client.REQUEST_SECONDS
        )
        for future in futures.values():
            self._wait(future, f"growing {name}")

    def delete(self, names: Sequence[str]) -> None:
        """Delete topics with all they hold; one that does not exist is no error. For tests and `down
        --wipe`."""
        if not names:
            return
        futures = self._client.delete_topics(
            list(names), request_timeout=client.REQUEST_SECONDS, operation_timeout=client.REQUEST_SECONDS
        )
        for name, future in futures.items():
            self._wait(future, f"deleting {name}", allowed=KafkaError.UNKNOWN_TOPIC_OR_PART)

    def ends(self, places: Sequence[Place]) -> Mapping[Place, Ends]:
        """First kept offset, last stable offset and high watermark of each place, asked of the broker now."""
        lows = self._offsets(places, _EARLIEST, IsolationLevel.READ_UNCOMMITTED)
        # Stable before high: a transaction that ends between the two requests then shows as lag, never as
        # negative lag.
        stables = self._offsets(places, _LATEST, IsolationLevel.READ_COMMITTED)
        highs = self._offsets(places, _LATEST, IsolationLevel.READ_UNCOMMITTED)
        return {place: Ends(lows[place], stables[place], highs[place]) for place in places}

    def high_watermarks(self, places: Sequence[Place]) -> Mapping[Place, int]:
        """The high watermark of each place: open and aborted transactions included (read uncommitted)."""
        return self._offsets(places, _LATEST, IsolationLevel.READ_UNCOMMITTED)

    def since(self, place: Place, time_ms: int) -> int | None:
        """The first offset whose record was appended at this time or later; None when there is none."""
        spec = TimestampSpec(time_ms)
        found = self._offsets([place], spec, IsolationLevel.READ_UNCOMMITTED)[place]
        return None if found < 0 else found

    def members(self, group: str) -> tuple[str, ...]:
        """Fixed names (else client ids) of a group's living members."""
        futures = self._client.describe_consumer_groups([group], request_timeout=client.REQUEST_SECONDS)
        found = self._wait(futures[group], f"members of group {group}", allowed=KafkaError.GROUP_ID_NOT_FOUND)
        return tuple(m.group_instance_id or m.client_id for m in found.members) if found is not None else ()

    def move(self, group: str, positions: Mapping[Place, int]) -> None:
        """Set positions of a group that has no living member (offset reset by a person; tests)."""
        places = [TopicPartition(p.topic, p.partition, at) for p, at in positions.items()]
        futures = self._client.alter_consumer_group_offsets(
            [ConsumerGroupTopicPartitions(group, places)], request_timeout=client.REQUEST_SECONDS
        )
        for future in futures.values():
            self._wait(future, f"moving group {group}")

    def delete_before(self, offsets: Mapping[Place, int]) -> None:
        """Delete records below these offsets, as retention would (tests; erasure)."""
        places = [TopicPartition(p.topic, p.partition, at) for p, at in offsets.items()]
        futures = self._client.delete_records(places, request_timeout=client.REQUEST_SECONDS)
        for future in futures.values():
            self._wait(future, "deleting records")

    def close(self) -> None:
        """Forget the broker. (The client has no close of its own; dropping the last reference ends its
        threads.)"""
        del self._client

    def _await_leaders(self, names: Sequence[str]) -> None:
        """Created is not yet served: wait until every partition of these topics has a leader."""
        deadline = time.monotonic() + client.REQUEST_SECONDS
        while True:
            found = self._topics()
            served = all(
                name in found and found[name].partitions and all(p.leader >= 0 for p in found[name].partitions.values())
                for name in names
            )
            if served:
                return
            if time.monotonic() >= deadline:
                raise Transient("topics_not_served", ", ".join(names), "no leader yet", "Ask again.")
            threading.Event().wait(0.05)

    def _topics(self) -> dict[str, Any]:
        # A full request, on purpose: it also replaces what the client remembers of topics that did not exist.
        try:
            return dict(self._client.list_topics(timeout=client.REQUEST_SECONDS).topics)
        except KafkaException as exception:
            client.raise_for(exception, "listing topics")

    def _offsets(self, places: Sequence[Place], spec: OffsetSpec, isolation: IsolationLevel) -> dict[Place, int]:
        if not places:
            return {}
        deadline = time.monotonic() + client.REQUEST_SECONDS
        while True:
            try:
                return self._ask_offsets(places, spec, isolation)
            except (Fatal, Transient) as error:
                # The client remembers who led, and which topic did not exist; looked up anew, that may have
                # changed.
                missing = self._unknown({place.topic for place in places})
                if missing:
                    raise _missing(", ".join(missing)) from error
                if (isinstance(error, Fatal) and error.code != "topic_missing") or time.monotonic() >= deadline:
                    raise
            threading.Event().wait(0.05)

    def _unknown(self, topics: set[str]) -> list[str]:
        try:
            return sorted(topics - self._topics().keys())
        except Transient:
            return []  # nobody there to say so

    def _ask_offsets(self, places: Sequence[Place], spec: OffsetSpec, isolation: IsolationLevel) -> dict[Place, int]:
        futures = self._client.list_offsets(
            {TopicPartition(place.topic, place.partition): spec for place in places},
            isolation_level=isolation,
            request_timeout=client.REQUEST_SECONDS,
        )
        return {
            Place(at.topic, at.partition): self._wait(future, f"ends of {at.topic}[{at.partition}]").offset
            for at, future in futures.items()
        }

    def _wait(self, future: Future[Any], doing: str, *, allowed: int | None = None) -> Any:
        try:
            return future.result(FUTURE_SECONDS)
        except TimeoutError as late:
            raise Transient("broker_silent", doing, "no answer in time", "Check that the broker is up.") from late
        except KafkaException as exception:
            error = client.error_of(exception)
            if allowed is not None and error.code() == allowed:
                return None
            if error.code() == KafkaError.UNKNOWN_TOPIC_OR_PART:
                raise _missing(doing) from exception
            if error.code() == KafkaError._NOENT:
                raise Transient("no_leader", doing, error.str(), "Ask again.") from exception
            raise client.classify(error, doing) from exception


def _missing(what: str) -> Fatal:
    return Fatal("topic_missing", what, "the broker has no such topic", "Run `mandate topology apply`.")


# confluent_kafka.admin re-exports these without declaring them, hence the imports from its inner modules.
_EARLIEST: OffsetSpec = EarliestSpec()  # type: ignore[no-untyped-call]  # the client declares no type
_LATEST: OffsetSpec = LatestSpec()  # type: ignore[no-untyped-call]  # the client declares no type
_SET_FOR_TOPIC = 1  # confluent_kafka.admin.ConfigSource.DYNAMIC_TOPIC_CONFIG; entries carry the number
