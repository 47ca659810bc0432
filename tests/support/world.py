"""The whole pipeline in one process on virtual time: six processors on the log in memory, hands that page, a
clock.

Scenario tests say what arrives and when (`at`, `act`, `acknowledge`), let time pass (`run_to`), and read what
came out of the topics (`said`). Processors, kernel, loop and transport are the real ones; only the outside
is played: `hands` is asked for every page and answers with its outcome, as the effects service does.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from gateway.whatif.records import Speech
from processors.host.clock import ManualClock
from processors.host.loop import LoopSettings, RoomLoop
from processors.host.memory import MemoryReader, MemoryTransport
from processors.host.memory_log import MemoryLog
from processors.host.metrics import Metrics, RoomMetrics
from processors.host.places import Place
from processors.host.transport import SlotSpec
from processors.kernel.runnable import runnables
from processors.rooms import DECIDERS
from schemas import codec, ids, topology
from schemas.configuration import canonical, check_tenant, parse_document
from schemas.messages.actions import (
    CHANGE,
    EFFECT,
    ERROR,
    GENERATED_ID,
    NO_SEQUENCE,
    RETRY,
    RETRYABLE,
    Action,
    Change,
    Effect,
    ErrorInfo,
)
from schemas.messages.incidents import AcknowledgeIncident, ContainIncident, IncidentOpened, ResolveIncident
from schemas.messages.kernel import ConfigurationAnnounced
from schemas.messages.notifications import Outcome, PageRequested
from schemas.partitioning import partition_of
from schemas.record import Output, Record

START_MS = 1_700_000_000_000
STEP_MS = 50  # how finely time passes; a page is asked for and answered within a few of these
M = TypeVar("M")
Hands = Callable[[PageRequested], tuple[Outcome, str] | None]


def delivered(_: PageRequested) -> tuple[Outcome, str]:
    """Hands that reach everybody."""
    return "delivered", "200"


class World:
    """One tenant's whole pipeline. Times are seconds after the start of the story."""

    def __init__(self, tenant: str = "shop", hands: Hands = delivered) -> None:
        self.tenant = tenant
        self.hands = hands
        self.map = topology.load()
        self.clock = ManualClock(START_MS)
        self.log = MemoryLog(self.clock, {t.name: t.partitions for t in self.map.topics.values()})
        self.transport = MemoryTransport(self.log)
        self.rooms = runnables(self.map, DECIDERS)
        self.loops: dict[str, RoomLoop] = {}
        self._open: dict[str, Any] = {}
        for name in self.rooms:
            self.start(name)
        self._pages = MemoryReader(self.log)
        self._pages.assign({Place(self.map.relay.source, p): None for p in self._range(self.map.relay.source)})
        self._numbers: dict[str, int] = {}
        self._versions: dict[str, int] = {}
        self._documents: dict[str, Any] = {}
        self._acted = 0

    def _range(self, topic: str) -> range:
        return range(self.map.partitions(topic))

    # --- processes
    # ----------------------------------------------------------------------------------------------

    def start(self, name: str) -> None:
        """A new process of this processor's one slot; the one before, if any, is gone as by SIGKILL."""
        if name in self._open:
            self._open[name].kill()
        room = self.rooms[name]
        limits = {t.name: t.max_bytes for t in self.map.topics.values()}
        slot = self.transport.open(SlotSpec(name, room.input, room.changelog, 0, room.outputs))
        self._open[name] = slot
        metrics = RoomMetrics(Metrics(), name)
        ticker = self.transport.ticker()
        self.loops[name] = RoomLoop(
            room, slot, ticker, self.clock, metrics, limits, LoopSettings(tick_hold_seconds=0.0)
        )

    # --- time
    # ---------------------------------------------------------------------------------------------------

    @property
    def now(self) -> float:
        """Seconds since the start."""
        return (self.clock.wall_ms() - START_MS) / 1000

    def run_to(self, second: float) -> None:
        """Let time pass until `second`, everybody working."""
        while self.now < second:
            self.turn()
            self.clock.advance(STEP_MS)
        self.turn()

    def turn(self) -> None:
        """One turn of every processor and of the hands."""
        for loop in self.loops.values():
            loop.step(0.0)
        for record in self._pages.read(1_000, 0.0).records:
            message = decode(record)
            if isinstance(message, PageRequested):
                self._page(message)

    def _page(self, page: PageRequested) -> None:
        outcome = self.hands(page)
        if outcome is None:
            return
        self.log.append(SPEECH.outcome(page, outcome[0], outcome[1], self.clock.wall_ms()))

    # --- what comes in
    # ------------------------------------------------------------------------------------------

    def configure(self, **documents: dict[str, Any]) -> None:
        """Announce documents on every partition that needs them, as the gateway's outbox does."""
        parsed = {name: parse_document(name, canonical(body)) for name, body in documents.items()}
        self._documents |= parsed
        check_tenant(self._documents)
        for name, body in documents.items():
            version = self._versions[name] = self._versions.get(name, 0) + 1
            message = ConfigurationAnnounced(self.tenant, name, version, f"v{version}", canonical(body))
            for room in self.map.readers_of_document(name):
                key = ids.key_of(self.tenant).encode()
                tenant_partition = partition_of(key, self.map.partitions(room.input))
                for p in self._range(room.input) if room.announced == "all" else [tenant_partition]:
                    # Without an id of its own, as the golden logs have it.
                    self.log.append(Output(room.input, p, key, codec.encode(message)))

    def act(self, actor: str, kind: str, resource: str, **given: Any) -> bytes:
        """An agent's action through the door; returns its event id. A sequence is counted unless one is
        given."""
        action = self.action(actor, kind, resource, **given)
        self.append(action)
        return action.event_id

    def action(self, actor: str, kind: str, resource: str, **given: Any) -> Action:
        """An action with what the gateway adds: times, traits, ids."""
        session = given.pop("session", "s1")
        number = given.pop("sequence", None)
        if number is None:
            number = self._numbers.get(f"{actor}/{session}", 0) + 1
        if number != NO_SEQUENCE:
            self._numbers[f"{actor}/{session}"] = max(number, self._numbers.get(f"{actor}/{session}", 0))
        now = self.clock.wall_ms()
        event_time = given.pop("timestamp", now)
        traits = given.pop("traits", 0)
        traits |= ERROR if given.get("error") else 0
        traits |= EFFECT if given.get("effect") else 0
        traits |= CHANGE if given.get("change") else 0
        traits |= RETRYABLE if given.pop("retryable", False) else 0
        traits |= RETRY if given.get("attempt", 1) > 1 else 0
        event_id = given.pop("id", None)
        if event_id is None:
            self._acted += 1
            event_id = ids.derive("world", actor, session, number, self._acted)
        if isinstance(event_id, str):
            event_id = ids.given_id(self.tenant, actor, event_id)
        effect = given.get("effect")
        content = bytes(16)
        if effect is not None:
            content = ids.derive(
                effect.kind, effect.counterparty or "", effect.currency or "", effect.amount or "", resource
            )
        return Action(
            event_id, content, self.tenant, actor, session, number, event_time, now, traits, resource, kind, **given
        )

    def append(self, action: Action, partition: int | None = None) -> None:
        """Write an action as a producer would; `partition` overrules the right one."""
        key = ids.key_of(action.tenant, action.actor).encode()
        self.log.append(Output("actions.raw", partition, key, codec.encode(action)))

    def fail(self, actor: str, kind: str, resource: str, error: str, message: str, **given: Any) -> bytes:
        """A failed action."""
        return self.act(actor, kind, resource, error=ErrorInfo(error, message), **given)

    def acknowledge(self, subject: str, incident: bytes, key: str = "") -> bytes:
        """A person acknowledges; returns the command's id."""
        return self.command(AcknowledgeIncident, subject, incident, key)

    def resolve(self, subject: str, incident: bytes, key: str = "") -> bytes:
        """A person resolves; returns the command's id."""
        return self.command(ResolveIncident, subject, incident, key)

    def contain(self, subject: str, incident: bytes, key: str = "") -> bytes:
        """A person says that the harm has stopped; returns the command's id."""
        return self.command(ContainIncident, subject, incident, key)

    def tell(self, topic: str, message: Any, record_id: bytes) -> None:
        """A fact of another system, as the gateway writes it."""
        self._send(topic, message, record_id, "gateway")

    def command(self, kind: type, subject: str, incident: bytes, key: str = "", **given: Any) -> bytes:
        """Any command of a person to an incident, `given` what it says besides; returns the command's id."""
        command_id = ids.derive("command", self.tenant, kind.__name__, subject, incident, key)
        body = ids.derive("body", subject, incident)
        message = kind(self.tenant, command_id, body, subject, incident, self.clock.wall_ms(), **given)
        self._send("incidents.commands", message, command_id, "gateway")
        return command_id

    def _send(self, topic: str, message: Any, record_id: bytes, source: str) -> None:
        self.log.append(SPEECH.to_tenant(topic, message, record_id, source, self.clock.wall_ms()))

    # --- what came out
    # ------------------------------------------------------------------------------------------

    def said(self, topic: str, kind: type[M]) -> list[M]:
        """All messages of one class on a topic, in log order."""
        return [m for m in (decode(r) for r in self.log.records(topic)) if isinstance(m, kind)]

    def incidents(self) -> list[IncidentOpened]:
        """All incidents that opened."""
        return self.said("incidents.events", IncidentOpened)

    def paged(self) -> list[tuple[str, int]]:
        """(person, step) of every page that was requested, first attempts only."""
        return [(p.person, p.step) for p in self.said("notifications.events", PageRequested) if p.attempt == 1]


SPEECH = Speech(topology.load())


def decode(record: Record) -> Any:
    """The message of a record."""
    return SPEECH.decode(record)


__all__ = ["CHANGE", "GENERATED_ID", "NO_SEQUENCE", "Change", "Effect", "World", "decode", "delivered"]
