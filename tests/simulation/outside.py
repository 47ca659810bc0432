"""What comes from outside: agents' actions with all that senders do wrong, people's commands, announcements, alerts.

It keeps receipts: what was written where, and whose it is. The checkers know the truth from these alone.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from random import Random
from typing import Any, Literal

from gateway.whatif.records import Speech
from processors.host.memory import MemoryReader
from processors.host.places import Place
from schemas import codec, ids
from schemas.configuration import canonical, parse_document
from schemas.messages.actions import (
    BACKFILL,
    CHANGE,
    EFFECT,
    ERROR,
    LABEL,
    NO_SEQUENCE,
    RETRY,
    RETRYABLE,
    Action,
    Change,
    Effect,
    ErrorInfo,
    Labels,
)
from schemas.messages.incidents import (
    AcknowledgeIncident,
    AlertObserved,
    ApproveAction,
    AssignCommander,
    AssignIncident,
    ChangeSeverity,
    CloseIncident,
    CommunicateIncident,
    ContainIncident,
    DeclineAction,
    EscalateIncident,
    HandOffIncident,
    IncidentOpened,
    JoinIncident,
    LeaveIncident,
    MarkFalseAlarm,
    MuteIncident,
    ReleaseCommander,
    ReopenIncident,
    ReportProblem,
    RequestRollback,
    ResolveIncident,
    StartPostmortem,
)
from schemas.record import Output
from tests.simulation.documents import ANEW, FIRST, THEMES
from tests.simulation.documents import document as drawn
from tests.simulation.plan import RESOURCES, Plan
from tests.simulation.themes import Seen, asked_of_machines, corrected, told_by_machines
from tests.simulation.town import Town

RAW = "actions.raw"
COMMANDS = "incidents.commands"
# After which a lost answer is tried again, a held action arrives: inside and outside of 5 s, 30 s and 300 s.
DELAYS_MS = (0, 1, 40, 900, 5_000, 20_000, 29_500, 30_500, 299_000, 300_000, 301_500)
# What has no number is known by its id alone, for 300 s.
EDGES_MS = (0, 900, 299_000, 300_000, 301_500)
MOVES = (AcknowledgeIncident, ResolveIncident, ContainIncident, ReopenIncident, CloseIncident)
# What needs no more than the incident, of people who work together; the same weight all together as one of MOVES has.
TOGETHER = (
    MarkFalseAlarm,
    StartPostmortem,
    EscalateIncident,
    JoinIncident,
    LeaveIncident,
    RequestRollback,
    ReleaseCommander,
)


@dataclass(slots=True)
class Receipts:
    """What was sent. `raw`: by (partition, offset) of actions.raw the action, or None for what is no action."""

    raw: dict[tuple[int, int], Action | None] = field(default_factory=dict)
    commands: dict[bytes, list[Any]] = field(default_factory=dict)
    # (tenant, document) -> the newest version, and (input, partition, tenant, document) -> the newest told there.
    newest: dict[tuple[str, str], int] = field(default_factory=dict)
    told: dict[tuple[str, int, str, str], int] = field(default_factory=dict)


def _type(made: int, random: Random) -> str:
    """What an agent does: now and then it writes data. By number, so that the other draws stay what they were."""
    chosen = random.choice(("pay", "find"))
    return {2: "db.write", 5: "bulk_update"}.get(made % 7, chosen)


class Outside:
    """Everybody who writes to the log and is no processor."""

    def __init__(self, town: Town, plan: Plan, random: Random) -> None:
        self.town = town
        self.plan = plan
        self.random = random
        self.receipts = Receipts()
        self.speech = Speech(town.map)
        self._numbers: dict[tuple[str, str, str], int] = {}
        self._actions: list[Action] = []
        self.seen = Seen()
        self._events = MemoryReader(town.log)
        self._events.assign(
            {Place("incidents.events", p): None for p in range(town.map.partitions("incidents.events"))}
        )
        self._told = 0
        # An agent's clock is off by as much, always.
        self._drifts: dict[str, int] = {}

    # --- the agenda ---------------------------------------------------------------------------------------------------

    def begin(self) -> int:
        """Put everything into the agenda; gives the time of the last entry, what is tried again left out."""
        plan, random = self.plan, self.random
        time = self.town.now
        for tenant in plan.tenants:
            self._in(30_000 if plan.configured_late else 0, partial(self._configure, tenant))
        todo: list[Callable[[], None]] = [self.act] * plan.acts
        todo += [self.command] * plan.commands + [self._document] * plan.documents
        todo += [self._theme] * plan.themes + [self._correct] * plan.corrections + [self._burst] * plan.bursts
        random.shuffle(todo)
        for do in todo:
            time += random.choice(plan.apart_ms)
            self.town.on(time, do)
        return time

    def _in(self, ms: int, do: Callable[[], None]) -> None:
        self.town.on(self.town.now + ms, do)

    def _drawn(self, share: int) -> bool:
        return self.random.randrange(100) < share

    # --- agents -------------------------------------------------------------------------------------------------------

    def act(self) -> None:
        """One action, or what goes wrong with one."""
        plan, random = self.plan, self.random
        if self._drawn(plan.poison):
            self._poison()
            return
        action = self._action()
        self._actions.append(action)
        delay = random.choice(DELAYS_MS) if self._drawn(plan.late) else 0
        self._in(delay, lambda: self.send(action)) if delay else self.send(action)
        while self._drawn(plan.again):
            # The answer was lost, or a buffer is sent twice: the same bytes again.
            delay += random.choice(DELAYS_MS if action.session else EDGES_MS)
            self._in(delay, lambda: self.send(action))

    def send(self, action: Action) -> None:
        """Write an action as a producer does; now and then to the wrong partition."""
        key = ids.key_of(action.tenant, action.actor).encode()
        partition = self.random.randrange(self.town.map.partitions(RAW)) if self._drawn(self.plan.strayed) else None
        self._raw(Output(RAW, partition, key, codec.encode(action)), action)

    def _raw(self, output: Output, action: Action | None) -> None:
        placed = self.town.log.append(output)
        self.receipts.raw[placed.partition, placed.offset] = action

    def _action(self) -> Action:
        random, plan = self.random, self.plan
        tenant = random.choice(plan.tenants)
        actor = f"agent/{random.randrange(plan.actors)}"
        session = random.choice(plan.sessions)
        key = (tenant, actor, session)
        number = NO_SEQUENCE
        if session:
            number = self._numbers.get(key, 0) + 1
            number += random.randrange(1, 4) if self._drawn(plan.skipped) else 0
            self._numbers[key] = number
        if actor not in self._drifts:
            self._drifts[actor] = random.choice((0, 0, 0, 250_000, 400_000, -7_200_000))
        now = self.town.now
        made = len(self._actions)
        resource = random.choice(RESOURCES[: plan.resources])
        given = self._content(made)
        content = given.pop("content_key", bytes(16))
        return Action(
            ids.derive("simulated", tenant, made), content, tenant, actor, session, number,
            now + self._drifts[actor], now, given.pop("traits", 0), resource, _type(made, random), **given,
        )  # fmt: skip

    def _content(self, made: int) -> dict[str, Any]:
        random, plan = self.random, self.plan
        if self._drawn(plan.failing):
            attempt = random.choice((1, 1, 2, 3))
            traits = ERROR | random.choice((0, RETRYABLE)) | (RETRY if attempt > 1 else 0)
            traits |= BACKFILL if random.randrange(12) == 0 else 0
            error = ErrorInfo(random.choice(("Timeout", "PaymentError")), f"order {made} waited")
            return {"traits": traits, "error": error, "attempt": attempt, "attempt_limit": 3}
        if not self._drawn(plan.facts):
            return {"traits": random.choice((0, 0, 0, 0, BACKFILL))}
        match random.randrange(3):
            case 0:
                amount = random.choice(("100", "250"))
                effect = Effect("charge", amount, "EUR", "customer", None, "irreversible")
                return {"traits": EFFECT, "effect": effect, "content_key": ids.derive("charge", amount)}
            case 1:
                return {"traits": CHANGE, "change": Change("deploy", "1", "2", f"release {made}")}
            case _:
                return {"traits": LABEL, "labels": Labels("RML3", None)}

    def _poison(self) -> None:
        random = self.random
        action = self._action()
        key = ids.key_of(action.tenant, action.actor).encode()
        value = codec.encode(action)
        bad = random.choice(
            (
                Output(RAW, None, key, None),
                Output(RAW, None, key, b"{}"),
                Output(RAW, None, key, value[: random.randrange(5, 30)]),
                Output(RAW, None, key, b"\x00\x00\x00\xff\xff" + value[5:]),
                Output(RAW, None, ids.key_of("bank", "somebody else").encode(), value),
                Output(RAW, random.randrange(4), None, value),
                Output(RAW, 1, b"\xff\xfe", value),
            )
        )
        self._raw(bad, None)

    # --- people and systems -------------------------------------------------------------------------------------------

    def command(self) -> None:
        """Somebody asks for something, perhaps twice."""
        random = self.random
        self._look()
        tenant = random.choice(self.plan.tenants)
        kind = random.randrange(10)
        if kind == 0:
            self._alert(tenant)
        elif kind == 1 or not self.seen.opened:
            self.say(self._report(tenant))
        else:
            self.say(self._move(random.choice(self.seen.opened[-6:])))

    def _look(self) -> None:
        """At what was said of incidents since the last time."""
        for record in self._events.read(10_000, 0.0).records:
            self.seen.told(self.speech.decode(record))

    def _theme(self) -> None:
        """A machine tells something, or somebody says what he thinks of what machines found."""
        self._look()
        tenant, now, number = self.random.choice(self.plan.tenants), self.town.now, self._numbered()
        if self.random.randrange(3):
            told, record_id = told_by_machines(self.random, tenant, now, number)
            self.town.log.append(self.speech.to_tenant(COMMANDS, told, record_id, "gateway", now))
            if self._drawn(20):
                # The answer was lost: the same fact in a request of its own.
                record_id = ids.derive("told again", record_id)
                self.town.log.append(self.speech.to_tenant(COMMANDS, told, record_id, "gateway", now))
        else:
            self.say(asked_of_machines(self.random, self.seen, tenant, now, number))

    def _correct(self) -> None:
        """Somebody says that the grouping is wrong, and often something fails soon after."""
        self._look()
        wish = corrected(self.random, self.seen, self.random.choice(self.plan.tenants), self.town.now, self._numbered())
        if wish is not None:
            self.say(wish)
        if self._drawn(50):
            self._in(self.random.choice((0, 40, 2_000)), self.act)

    def _burst(self) -> None:
        """Everything at once: more than is usual of anybody."""
        for _ in range(self.random.choice((4, 9))):
            self.act()

    def _numbered(self) -> int:
        self._told += 1
        return self._told

    def acknowledge(self, opened_by: Any) -> None:
        """Who was paged takes the incident: `opened_by` names tenant and incident."""
        at = self.town.now
        wish = ids.derive("taken", opened_by.incident_id, at)
        body = ids.derive("body", opened_by.incident_id)
        self.say(AcknowledgeIncident(opened_by.tenant, wish, body, opened_by.person, opened_by.incident_id, at))

    def say(self, message: Any) -> None:
        """A command through the gateway; where its answer was lost, it is sent again under the same id."""
        self._write(message)
        while self._drawn(30):
            delay = self.random.choice((0, 30, 2_000, 40_000))
            self._in(delay, lambda: self._write(message))

    def _write(self, message: Any) -> None:
        self.receipts.commands.setdefault(message.command_id, []).append(message)
        self.town.log.append(self.speech.to_tenant(COMMANDS, message, message.command_id, "gateway", self.town.now))

    def _move(self, incident: IncidentOpened) -> Any:
        random, now = self.random, self.town.now
        wish = ids.derive("wish", incident.incident_id, now, len(self.receipts.commands))
        # Somebody of another tenant, who has the id from somewhere: that incident is not there for him.
        tenant = random.choice(self.plan.tenants) if self._drawn(10) else incident.tenant
        plain = (tenant, wish, ids.derive("body", wish), random.choice(("ann", "bob")), incident.incident_id, now)
        which = random.randrange(len(MOVES) + 4)
        if which == len(MOVES):
            return AssignIncident(*plain, assignee="cy")
        if which == len(MOVES) + 1:
            return self._together(plain)
        if which > len(MOVES):
            return ChangeSeverity(*plain, severity=random.choice(("SEV1", "SEV2", "SEV4")))
        return MOVES[which](*plain)

    def _together(self, plain: tuple[str, bytes, bytes, str, bytes, int]) -> Any:
        random = self.random
        which = random.randrange(len(TOGETHER) + 5)
        if which < len(TOGETHER):
            kind = TOGETHER[which]
            # Every second one who would leave mutes it: the other draws stay what they were.
            return MuteIncident(*plain, minutes=1) if kind is LeaveIncident and self._told % 2 else kind(*plain)
        if which == len(TOGETHER):
            return HandOffIncident(*plain, to=random.choice(("ann", "bob", "cy")))
        if which == len(TOGETHER) + 1:
            return AssignCommander(*plain, commander=random.choice(("ann", "bob")))
        if which == len(TOGETHER) + 2:
            return CommunicateIncident(*plain, text="we know")
        number = random.randrange(1, 3)
        if which == len(TOGETHER) + 3:
            return ApproveAction(*plain, approval=number)
        return DeclineAction(*plain, approval=number)

    def _report(self, tenant: str) -> ReportProblem:
        now = self.town.now
        wish = ids.derive("report", tenant, now, len(self.receipts.commands))
        resource = self.random.choice(RESOURCES)
        what = ("it does not work", "totals are wrong")[len(self.receipts.commands) % 2]
        return ReportProblem(tenant, wish, wish, "ann", "person", resource, what, None, None, now)

    def _alert(self, tenant: str) -> None:
        now, number = self.town.now, self.random.randrange(3)
        statuses: tuple[Literal["firing", "resolved"], ...] = ("firing", "firing", "resolved")
        status = self.random.choice(statuses)
        alert = AlertObserved(
            tenant, ids.derive("alert", tenant, number), "alertmanager", f"{number:04x}", now, status,
            now if status == "resolved" else None, "ErrorRate", self.random.choice(RESOURCES), "service", "23 % fail",
            None, None, "alertmanager", now,
        )  # fmt: skip
        told = ids.derive("told", tenant, now, self.random.randrange(1 << 30))
        self.town.log.append(self.speech.to_tenant(COMMANDS, alert, told, "gateway", now))

    # --- configuration ------------------------------------------------------------------------------------------------

    def _configure(self, tenant: str) -> None:
        for document in (*FIRST, *(THEMES if self.plan.themes else ())):
            self._announce(tenant, document)

    def _document(self) -> None:
        self._announce(self.random.choice(self.plan.tenants), self.random.choice(ANEW))

    def _announce(self, tenant: str, document: str) -> None:
        """The next version, as the outbox does: to every partition, perhaps late there, perhaps again later."""
        version = self.receipts.newest[tenant, document] = self.receipts.newest.get((tenant, document), 0) + 1
        in_parts = document == "catalog" and self.random.randrange(100) < self.plan.imports
        body = canonical(drawn(self.random, document, version, self.town.now, in_parts))
        parse_document(document, body)
        for output in self.speech.announced(tenant, document, version, body, self.town.now):
            self._tell(output, tenant, document, version)
            while self._drawn(20):
                delay = self.random.choice((0, 800, 60_000))
                self._in(delay, partial(self._tell, output, tenant, document, version))

    def _tell(self, output: Output, tenant: str, document: str, version: int) -> None:
        placed = self.town.log.append(output)
        key = (output.topic, placed.partition, tenant, document)
        self.receipts.told[key] = max(version, self.receipts.told.get(key, 0))
