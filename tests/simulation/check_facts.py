"""I1, I2, I6 behind the actions: each failure, change, effect and label is told once to whom it concerns, and to nobody
else; each gap ends once; each command has its answer."""

from __future__ import annotations

from collections import Counter, defaultdict
from typing import Any

from schemas import ids
from schemas.envelope import flags, record_id
from schemas.head import Head
from schemas.ledger import GENESIS, entry_hash, shown
from schemas.messages import incidents as told
from schemas.messages import ordering
from schemas.messages.actions import CHANGE, EFFECT, ERROR, LABEL, RETRYABLE
from schemas.messages.kernel import Answer, ConfigurationAnnounced
from schemas.messages.rml import CaseOpened, EffectEntered, EffectObserved, EffectObservedAgain, LabelObserved
from schemas.record import Record, header
from tests.simulation.facts import Facts, shortened

OURS = b"/mandate/"
BY_PLACE = ("actions.raw", "actions.unique", "actions.ordered", "dead.letters")
GAP_MS = 30_000


def check(facts: Facts) -> None:
    """All of it."""
    _told_once(facts)
    _signals(facts)
    _ledger(facts)
    _gaps(facts)
    _answers(facts)
    _tenants(facts)
    _configuration(facts)


def source(facts: Facts, record: Record) -> str | None:
    """Which processor wrote a record with headers of its own, or None."""
    name = header(record.headers, "ce_source")
    text = name.removeprefix(OURS).decode() if name is not None and name.startswith(OURS) else None
    return text if text in facts.town.rooms else None


def _told_once(facts: Facts) -> None:
    """I2: what a processor says has an id of its own, made of its cause as the design says: kind by kind."""
    # An action that comes back after ten minutes is no longer known: what follows has the ids of the first time.
    admitted = Counter(_cause(record, head) for record, head in facts.actions("actions.ordered"))
    again = {cause for cause, count in admitted.items() if count > 1}
    for topic in facts.town.map.topics:
        seen: Counter[bytes] = Counter()
        # Dead letters are told apart by their coordinates: the same bytes at two places have letters of one id.
        for record, message in facts.said(topic) if topic not in BY_PLACE else ():
            if source(facts, record) is None or isinstance(message, Answer):
                continue
            own = record_id(record)
            assert own is not None  # it has a source, so it has an id
            if ids.parse((header(record.headers, "ce_causationid") or b"").decode()) in again:
                continue
            seen[own] += 1
            _follows(facts, record, own)
        doubled = [ids.text(each) for each, count in seen.items() if count > 1]
        if doubled:
            facts.broken.append(f"I2 {topic}: {len(doubled)} ids twice: {doubled[:4]}")
    for (cause, kind, key), children in facts.children.items():
        wanted = {ids.child_id(cause, kind, key, n) for n in range(len(children))}
        if wanted != {*children}:
            facts.broken.append(f"I9 the ids of {len(children)} {kind} do not follow from {ids.text(cause)}")


def _cause(record: Record, head: Head) -> bytes:
    """What follows from an action is caused by its id; by one of its own where the id is known to be used again."""
    cause = head.event_id
    for flag in flags(record.headers):
        if flag.startswith("id_reused:"):
            cause = ids.derive("reused", cause, flag)
    return cause


def _follows(facts: Facts, record: Record, own: bytes) -> None:
    """Gather ids by what they must be made of: the n-th of its kind from its cause, whatever else that caused."""
    cause = ids.parse((header(record.headers, "ce_causationid") or b"").decode())
    kind = (header(record.headers, "ce_type") or b"").decode().removeprefix("dev.mandate.")
    key = (header(record.headers, "ce_subject") or b"").decode()
    if cause is None or record.topic == "actions.dropped":  # there it is the record's, not what it says
        return
    facts.children.setdefault((cause, kind, key), []).append(own)


def _counted(facts: Facts, name: str, wanted: Counter[Any], found: Counter[Any]) -> None:
    if wanted != found:
        facts.broken.append(
            f"I1/I2 {name}: missing {shortened(sorted((wanted - found).elements())[:3])}, "
            f"too many {shortened(sorted((found - wanted).elements())[:3])}"
        )


def _signals(facts: Facts) -> None:
    """From actions with a trait to signals, from signals to incidents, from changes to changes."""
    wanted: dict[str, Counter[bytes]] = defaultdict(Counter)
    for _, head in facts.actions("actions.ordered"):
        failed = bool(head.traits & ERROR)
        if head.traits & CHANGE and not failed:
            wanted["change"][head.event_id] += 1
        if head.traits & EFFECT:
            wanted["effect"][head.event_id] += 1
        elif head.traits & LABEL:
            wanted["label"][head.event_id] += 1
        if failed:
            wanted["error"][head.event_id] += 1
            if not head.traits & RETRYABLE and facts.types[head.event_id] != "Timeout":
                wanted["at once"][head.event_id] += 1

    def found(topic: str, *kinds: type) -> Counter[bytes]:
        return Counter(m.action_id for _, m in facts.of(topic, *kinds))

    _counted(facts, "changes", wanted["change"], found("incidents.commands", told.ChangeObserved))
    # An action that was admitted again after its window is one change, one failure, one movement all the same.
    _counted(facts, "changes recorded", Counter({*wanted["change"]}), found("incidents.events", told.ChangeRecorded))
    _counted(facts, "effects", wanted["effect"], found("rml.commands", EffectObserved))
    entered = Counter({*wanted["effect"]})
    _counted(facts, "effects entered", entered, found("rml.events", EffectEntered, EffectObservedAgain))
    _counted(facts, "labels", wanted["label"], found("rml.commands", LabelObserved))
    signalled = found("incidents.commands", told.ErrorSignalled)
    lost = wanted["at once"] - signalled
    if lost:
        facts.broken.append(f"I1 {len(lost)} failures without a signal")
    if signalled - wanted["error"]:
        facts.broken.append(f"I2 {len(signalled - wanted['error'])} signals too many")
    held = sum(wanted["error"].values()) - sum(signalled.values())
    tries = sum(m.failed_tries for _, m in facts.of("incidents.commands", told.ErrorSignalled, told.FailureHealed))
    facts.expect("I1 failed tries", sum(wanted["error"].values()), tries)
    facts.expect("I1 failures that vanished", True, held >= 0)


def _ledger(facts: Facts) -> None:
    """Numbers of incidents, cases and entries have no holes and no repeats; the ledger's hashes chain."""
    for topic, kind in (
        ("incidents.events", told.IncidentOpened),
        ("rml.events", EffectEntered),
        ("rml.events", CaseOpened),
    ):
        numbers: dict[str, list[int]] = defaultdict(list)
        for _, message in facts.of(topic, kind):
            numbers[message.tenant].append(message.number)
        for tenant, given in numbers.items():
            facts.expect(f"I1/I2 {kind.__name__} of {tenant}", list(range(1, len(given) + 1)), given)
    last: dict[str, bytes] = {}
    for _, entry in facts.of("rml.events", EffectEntered):
        wanted = entry_hash(last.get(entry.tenant, GENESIS), entry.tenant, shown(entry))
        facts.expect(f"I2 ledger of {entry.tenant} at {entry.number}", wanted, entry.hash)
        last[entry.tenant] = entry.hash


def _gaps(facts: Facts) -> None:
    """Each gap that opened was filled within its 30 s or declared at their end, to the millisecond of log time."""
    Gap = tuple[str, str, str, int, int]
    opened: dict[Gap, list[int]] = defaultdict(list)
    ended: dict[Gap, list[int]] = defaultdict(list)
    for _, m in facts.said("ordering.events"):
        if isinstance(m, ordering.ClockDriftDetected):
            continue
        gap = (m.tenant, m.actor, m.session, m.first, m.last)
        (opened if isinstance(m, ordering.SequenceGapOpened) else ended)[gap].append(m.at)
        if isinstance(m, ordering.SequenceGapDeclared):
            facts.expect(f"I3 gap {gap} declared", m.opened_at + GAP_MS, m.at)
        if isinstance(m, ordering.SequenceGapFilled):
            facts.expect(f"I3 gap {gap} filled in time", True, m.late_ms < GAP_MS)
    for gap in {*opened, *ended}:
        facts.expect(f"I1/I2 ends of gap {gap}", len(opened[gap]), len(ended[gap]))


def _answers(facts: Facts) -> None:
    """I1/I2: as many answers as a command was sent, all the same."""
    answers: dict[bytes, list[Answer]] = defaultdict(list)
    for _, m in facts.of("incidents.events", Answer):
        answers[m.command_id].append(m)
    for command_id, sent in facts.receipts.commands.items():
        found = answers.pop(command_id, [])
        facts.expect(f"I1 answers to {ids.text(command_id)}", len(sent), len(found))
        if len(set(found)) > 1:
            facts.broken.append(f"I2 {ids.text(command_id)} was answered {shortened(found)}")
    facts.expect("I2 answers that nobody asked for", [], list(answers))


def _tenants(facts: Facts) -> None:
    """I6: what is in a record belongs to the tenant of its key, and what it speaks of does, too."""
    owners: dict[bytes, str] = {}
    for topic in ("incidents.commands", "incidents.events", "notifications.commands", "notifications.events",
                  "rml.commands", "rml.events", "ordering.events", "actions.dropped"):  # fmt: skip
        for record, m in facts.said(topic):
            tenant = getattr(m, "tenant", None)
            if tenant is None:
                continue
            first = (record.key or b"").decode().split("/")[0]
            facts.expect(f"I6 the key of {topic}@{record.offset}", ids.key_of(tenant), first)
            for name in ("incident_id", "action_id", "event_id"):
                value = getattr(m, name, None)
                owner = (owners if name == "incident_id" else facts.owners).get(value or b"")
                if owner is not None and owner != tenant and not _asked(facts, m):
                    facts.broken.append(
                        f"I6 {topic}@{record.offset}: {owner}'s {name} in {tenant}'s {type(m).__name__}"
                    )
            if isinstance(m, told.IncidentOpened):
                owners[m.incident_id] = tenant


def _asked(facts: Facts, message: Any) -> bool:
    """Somebody may ask for what is not his, and be refused."""
    return isinstance(message, told.CommandRefused) or getattr(message, "command_id", None) in facts.receipts.commands


def _configuration(facts: Facts) -> None:
    """In force is the newest version that was told, on every partition."""
    for name, room in facts.town.rooms.items():
        found: dict[tuple[int, str, str], int] = {}
        for record, m in facts.of(room.changelog, ConfigurationAnnounced):
            found[record.partition, m.tenant, m.document] = m.version
        wanted = {
            (partition, tenant, document): version
            for (topic, partition, tenant, document), version in facts.receipts.told.items()
            if topic == room.input
        }
        facts.expect(f"I2 configuration of {name}", wanted, found)
