"""The outside of a run: people's commands find their incident, pages that exist only here are delivered, and what the
processors say is listened to. The rules are issue 5's; `assumptions` of the answer prints them. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from statistics import median_low
from typing import Any

from gateway.whatif.records import Speech
from gateway.whatif.seen import Seen
from processors.host.memory_merge import Later, Written
from processors.kernel.decider import Command, Decider, Decision, View
from schemas.envelope import record_id
from schemas.errors import SchemaError
from schemas.head import Head
from schemas.ids import Id
from schemas.messages.actions import ERROR
from schemas.messages.incidents import ErrorSignalled
from schemas.messages.notifications import PageRequested
from schemas.record import Output, Record

COMMANDS = "incidents.commands"
SAID = ("incidents.events", "rml.events", "notifications.events")
# A channel that delivered nothing in the window: a webhook answers within a fraction of a second.
DELIVERY_MS = 200
DETAIL = "assumed by what-if"


@dataclass(slots=True)
class Deliveries:
    """How long channels took from the request to the proof of delivery, by (kind, address) and by kind."""

    took: dict[tuple[str, str], list[int]] = field(default_factory=dict)

    @classmethod
    def of(cls, seen: Seen) -> Deliveries:
        """As the pages of a run were delivered."""
        out = cls()
        for page in seen.pages.values():
            if page.outcome == "delivered" and page.outcome_at is not None:
                for key in ((page.channel, page.address), (page.channel, "")):
                    out.took.setdefault(key, []).append(page.outcome_at - page.at)
        return out

    def of_channel(self, kind: str, address: str) -> int:
        """The median of the channel's address, else of its kind, else the constant (ms)."""
        times = self.took.get((kind, address)) or self.took.get((kind, ""))
        return median_low(times) if times else DELIVERY_MS


@dataclass(frozen=True, slots=True)
class Unmatched:
    """A person's command that found no incident in the what-if. `incident_id` is the recorded one."""

    command: str
    by: str
    tenant: str
    incident_id: Id
    at: int


@dataclass(slots=True)
class Why:
    """The processors' reasons: of the last decision, and of what became of each failure, report and alert."""

    last: tuple[str, ...] = ()
    of_event: dict[Id, list[str]] = field(default_factory=dict)

    def listening(self, decider: Decider) -> Decider:
        """The same processor, whose reasons are heard."""
        decide = decider.decide

        def heard(command: Command, view: View) -> Decision:
            decision = decide(command, view)
            self.last = decision.reasons
            self._note(decider.name, command.message, decision)
            return decision

        return replace(decider, decide=heard)

    def _note(self, room: str, message: Any, decision: Decision) -> None:
        if isinstance(message, Head):
            if room == "signals" and message.traits & ERROR:
                self._add(message.event_id, room, decision.reasons)
        elif isinstance(message, ErrorSignalled):
            self._add(message.action_id, room, decision.reasons)
        elif room == "signals":
            for event in decision.events:
                if isinstance(event.message, ErrorSignalled):
                    self._add(event.message.action_id, room, decision.reasons)

    def _add(self, event: Id, room: str, reasons: tuple[str, ...]) -> None:
        self.of_event.setdefault(event, []).append(f"{room}: {', '.join(reasons)}")


@dataclass(slots=True)
class Heard:
    """What one run left: everything said, the ids of its page requests, the reasons."""

    seen: Seen = field(default_factory=Seen)
    requests: set[Id] = field(default_factory=set)
    why: Why = field(default_factory=Why)
    unmatched: list[Unmatched] = field(default_factory=list)


class Outside:
    """Plays the outside of one run. Without `baseline` nothing is changed: that is the run under recorded settings."""

    def __init__(
        self,
        speech: Speech,
        heard: Heard,
        baseline: Heard | None = None,
        deliveries: Deliveries | None = None,
        assume_answer_ms: int | None = None,
    ) -> None:
        self._speech = speech
        self._heard = heard
        self._baseline = baseline
        self._deliveries = deliveries or Deliveries()
        self._assume_ms = assume_answer_ms
        self._assumed: set[Id] = set()

    def arriving(self, record: Record, time: int) -> Record | None:
        """A person's command goes to the incident that holds what its incident held at that moment."""
        if self._baseline is None or record.topic != COMMANDS:
            return record
        try:
            message = self._speech.decode(record)
        except SchemaError:
            return record
        incident_id = getattr(message, "incident_id", None)
        if incident_id is None or not hasattr(message, "command_id"):
            return record
        if message.command_id in self._assumed:
            incident = self._heard.seen.incidents.get(incident_id)
            return record if incident is not None and incident.acknowledged_at is None else None
        was = self._baseline.seen.incidents.get(incident_id)
        if was is None:
            return record
        found = self._holding(was.tenant, incident_id, [e for e, at in was.events.items() if at <= time])
        if found is None:
            by = str(getattr(message, "subject", ""))
            self._heard.unmatched.append(Unmatched(type(message).__name__, by, was.tenant, incident_id, time))
            return None
        return record if found == incident_id else self._speech.about(record, message, found)

    def heard(self, written: Written) -> Iterable[Later]:
        """Listen; a page that is asked for in this run only is delivered after its channel's median."""
        output = written.output
        if output.topic not in SAID:
            return ()
        message = self._speech.decode(output)
        request = _id_of(output)
        known = self._baseline is None or request in self._baseline.requests
        self._heard.seen.take(message, self._heard.why.last, known)
        if not isinstance(message, PageRequested):
            return ()
        self._heard.requests.add(request)
        return () if known else self._delivered(message, written.now)

    def _delivered(self, page: PageRequested, now: int) -> list[Later]:
        at = now + self._deliveries.of_channel(page.channel.kind, page.channel.address)
        out = [Later(at, self._speech.outcome(page, "delivered", DETAIL, at))]
        if self._assume_ms is not None:
            answered = at + self._assume_ms
            answer = self._speech.acknowledgement(page, COMMANDS, answered)
            self._assumed.add(_id_of(answer))
            out.append(Later(answered, answer))
        return out

    def _holding(self, tenant: str, incident_id: Id, events: list[Id]) -> Id | None:
        held: Counter[Id] = Counter()
        for event in events:
            holder = self._heard.seen.holder(tenant, event)
            if holder is not None:
                held[holder] += 1
        if not held:
            return None
        numbers: Mapping[Id, int] = {i: self._heard.seen.incidents[i].number for i in held}
        return max(held, key=lambda i: (held[i], i == incident_id, -numbers[i]))


def _id_of(output: Output) -> Id:
    found = record_id(Record(output.topic, 0, 0, 0, None, None, output.headers))
    assert found is not None  # the kernel's writer gives every event an id
    return found
