"""I1, I2, I3 for actions: what was sent, by the receipts alone, against what the topics hold.

The rule of admission is written here once more, in the words of the design and on nothing but what was sent: a checker
that asked the processor would agree with its mistakes.
"""

from __future__ import annotations

from collections import Counter, defaultdict

from schemas import ids
from schemas.envelope import flags
from schemas.head import read_head
from schemas.messages.actions import BACKFILL, Action, ActionDropped
from schemas.messages.kernel import DeadLetter
from schemas.partitioning import partition_of
from tests.simulation.facts import Facts, difference
from tests.simulation.outside import RAW

WINDOW_S = 300


def check(facts: Facts) -> None:
    """All of it."""
    wanted, fates = expected(facts)
    _fates(facts, fates)
    _admitted(facts, wanted)
    _passed_on(facts)
    _order_is_flagged(facts)


def expected(facts: Facts) -> tuple[dict[bytes, list[bytes]], dict[tuple[int, int], str]]:
    """What must be admitted, per key in order, and the fate of every coordinate of actions.raw."""
    count = facts.log.partitions(RAW)
    wanted: dict[bytes, list[bytes]] = defaultdict(list)
    fates: dict[tuple[int, int], str] = {}
    first: dict[tuple[bytes, bytes], int] = {}
    numbers: set[tuple[bytes, str, int]] = set()
    last = dict.fromkeys(range(count), 0)
    for record in facts.records(RAW):
        last[record.partition] = max(last[record.partition], record.append_time)
        second = last[record.partition] // 1000
        place = (record.partition, record.offset)
        moved = "rerouted" in flags(record.headers)
        if place not in facts.receipts.raw and not moved:
            continue  # a tick
        action = _of(facts, record.value) if moved else facts.receipts.raw[place]
        key = record.key or b""
        if action is None:
            fates[place] = "dead"
            continue
        if partition_of(key, count) != record.partition:
            fates[place] = "dead" if moved else "rerouted"
            continue
        known = first.get((key, action.event_id))
        numbered = (key, action.session, action.sequence)
        counts = bool(action.session) and action.sequence >= 0
        if (known is not None and second - known < WINDOW_S) or (counts and numbered in numbers):
            fates[place] = "dropped"
            continue
        first[key, action.event_id] = second
        if counts:
            numbers.add(numbered)
        fates[place] = "admitted"
        wanted[key].append(action.event_id)
    return wanted, fates


def _of(facts: Facts, value: bytes | None) -> Action | None:
    wanted = read_head(value or b"").event_id
    return next(a for a in facts.receipts.raw.values() if a is not None and a.event_id == wanted)


def _fates(facts: Facts, fates: dict[tuple[int, int], str]) -> None:
    """Every coordinate has one fate: dropped and dead ones are named by their coordinates, the rest is by ids below."""
    for name, topic, kind in (("dropped", "actions.dropped", ActionDropped), ("dead", "dead.letters", DeadLetter)):
        told = Counter((m.partition, m.offset) for _, m in facts.of(topic, kind) if m.topic == RAW)
        wanted = Counter(place for place, fate in fates.items() if fate == name)
        if told != wanted:
            facts.broken.append(
                f"I1/I2 {topic}: not told {sorted((wanted - told).elements())[:5]}, "
                f"told without cause {sorted((told - wanted).elements())[:5]}"
            )
    moved = Counter(head.event_id for r, head in facts.actions(RAW) if "rerouted" in flags(r.headers))
    sent: Counter[bytes] = Counter()
    for place, fate in fates.items():
        action = facts.receipts.raw.get(place)
        if fate == "rerouted" and action is not None:
            sent[action.event_id] += 1
    facts.expect("I1/I2 rerouted", sent, moved)


def _admitted(facts: Facts, wanted: dict[bytes, list[bytes]]) -> None:
    """Exactly what the receipts say, in the order in which it was sent, per key."""
    found: dict[bytes, list[bytes]] = defaultdict(list)
    for record, head in facts.actions("actions.unique"):
        found[record.key or b""].append(head.event_id)
    for key in sorted({*wanted, *found}):
        differs = difference(wanted.get(key, []), found.get(key, []))
        if differs:
            facts.broken.append(f"I1/I2/I3 actions.unique of {key!r}: {differs}")


def _passed_on(facts: Facts) -> None:
    """What ordering passes on is what it got, per actor and resource in the same order."""
    before: dict[tuple[str, str, str], list[bytes]] = defaultdict(list)
    after: dict[tuple[str, str, str], list[bytes]] = defaultdict(list)
    for into, topic in ((before, "actions.unique"), (after, "actions.ordered")):
        for record, head in facts.actions(topic):
            into[head.tenant, head.actor, head.resource].append(head.event_id)
            if topic == "actions.ordered" and record.key != ids.key_of(head.tenant, head.resource).encode():
                facts.broken.append(f"I6 {topic}: {record.key!r} holds an action of {head.tenant}/{head.resource}")
    for key in sorted({*before, *after}):
        differs = difference(before.get(key, []), after.get(key, []))
        if differs:
            facts.broken.append(f"I1/I2/I3 actions.ordered of {key}: {differs}")


def _order_is_flagged(facts: Facts) -> None:
    """I3: of a session, what comes after a higher number is flagged late, and what leaves numbers out, gap."""
    words: dict[bytes, list[set[str]]] = defaultdict(list)
    for record, head in facts.actions("actions.ordered"):
        words[head.event_id].append({*flags(record.headers)} & {"late", "gap"})
    highest: dict[tuple[str, str, str], int] = {}
    for _, head in facts.actions("actions.unique"):
        said = words[head.event_id]
        if not said:
            continue  # told above
        mine = said.pop(0)
        if head.sequence < 0 or head.traits & BACKFILL:
            continue
        key = (head.tenant, head.actor, head.session)
        before = highest.get(key)
        wanted: set[str] = set()
        if before is not None and head.sequence <= before:
            wanted = {"late"}
        elif before is not None and head.sequence > before + 1:
            wanted = {"gap"}
        highest[key] = head.sequence if before is None else max(before, head.sequence)
        facts.expect(f"I3 flags of {key} {head.sequence}", wanted, mine)
