"""I5: whoever had to be told was asked for, every page has an outcome, and nothing waited shorter than it had to."""

from __future__ import annotations

from collections import Counter, defaultdict
from typing import Any

from schemas import ids
from schemas.messages.incidents import CorrectionUndone, IncidentOpened, IncidentReopened, MaintenanceOver
from schemas.messages.incidents.flooding import FloodSuspected
from schemas.messages.notifications import (
    EscalationExhausted,
    EscalationStarted,
    EscalationStopped,
    NotifyIncident,
    PageDelivered,
    PageFailed,
    PageHanded,
    PageRequested,
    ReportOutcome,
)
from schemas.record import Record
from tests.simulation.facts import Facts

EVENTS = "notifications.events"
COMMANDS = "notifications.commands"
# What the documents of the simulation leave at its default.
OUTCOME_WAIT_MS = 10_000


def check(facts: Facts) -> None:
    """All of it."""
    _somebody_is_told(facts)
    _pages_end(facts)
    _waits(facts)


def _somebody_is_told(facts: Facts) -> None:
    """Each incident that is not of the past reaches notifications once, and its escalation comes to an end."""
    opened = Counter(found for _, m in facts.said("incidents.events") if (found := _to_be_told(m)) is not None)
    notified = Counter((m.tenant, m.incident_id) for _, m in facts.of(COMMANDS, NotifyIncident) if m.why == "opened")
    facts.expect("I1/I2 incidents to be told", opened, notified)
    ended = {m.incident_id for _, m in facts.of(EVENTS, EscalationStopped, EscalationExhausted)}
    started = {m.incident_id for _, m in facts.of(EVENTS, EscalationStarted)}
    # Who is told of a flood has a day to look at it: it must have begun, and its page has an outcome (below).
    flagged = {m.flood_id for _, m in facts.of("incidents.events", FloodSuspected)} & started
    facts.expect("I5 escalations without an end", [], [ids.text(i) for i in sorted(started - ended - flagged)])
    quiet = _nobody_is_paged(facts) | flagged
    untold = [ids.text(i) for _, i in sorted(opened) if i not in ended | quiet]
    facts.expect("I5 incidents that nobody was told of", [], untold)


def _to_be_told(event: Any) -> tuple[str, bytes] | None:
    """Who and what must reach notifications by this event; nothing that is of the past."""
    match event:
        case IncidentOpened(historical=False) | IncidentReopened(historical=False) | MaintenanceOver(raised=False):
            return event.tenant, event.incident_id
        case FloodSuspected() if event.security_owner:
            return event.tenant, event.flood_id
        case CorrectionUndone(undone="merge"):
            other = next(s for s in event.incidents if s.incident_id == event.other_id)
            return None if other.historical else (event.tenant, other.incident_id)
    return None


def _nobody_is_paged(facts: Facts) -> set[bytes]:
    """What is silent: opened in a maintenance window that nothing has broken since, or somebody has it already."""
    found: set[bytes] = set()
    for _, m in facts.of(COMMANDS, NotifyIncident):
        if m.in_maintenance is not None or m.responder:
            found.add(m.incident_id)
        else:
            found.discard(m.incident_id)
    return found


def _pages_end(facts: Facts) -> None:
    """Attempts count from 1; the last has an outcome, or nobody waits for it any more; delivered is said once."""
    attempts: dict[bytes, list[int]] = defaultdict(list)
    asked: dict[bytes, tuple[Record, PageRequested]] = {}
    for record, m in facts.of(EVENTS, PageRequested):
        attempts[m.notification_id].append(m.attempt)
        asked[m.notification_id] = record, m
    delivered = Counter(m.notification_id for _, m in facts.of(EVENTS, PageDelivered))
    failed = Counter((m.notification_id, m.attempt) for _, m in facts.of(EVENTS, PageFailed))
    stopped = {(r.partition, m.incident_id): r.offset for r, m in facts.of(EVENTS, EscalationStopped)}
    for page, numbers in attempts.items():
        facts.expect(f"I2 attempts of {ids.text(page)}", list(range(1, len(numbers) + 1)), numbers)
        last = (page, numbers[-1])
        record, request = asked[page]
        cancelled = stopped.get((record.partition, request.incident_id), -1) > record.offset
        if not delivered[page] and not failed[last] and not cancelled:
            facts.broken.append(f"I5 {ids.text(page)}, attempt {numbers[-1]}, has no outcome")
    facts.expect("I2 delivered twice", [], [ids.text(p) for p, count in delivered.items() if count > 1])
    facts.expect("I2 failed twice", [], [ids.text(p) for (p, _), count in failed.items() if count > 1])
    unreached = {*delivered} - facts.pages.reached
    facts.expect("I5 called delivered and never arrived", [], [ids.text(p) for p in sorted(unreached)])
    reported = {(m.notification_id, m.attempt) for _, m in facts.of(COMMANDS, ReportOutcome)}
    silent = [ids.text(page) for page, _ in sorted(facts.pages.taken - reported)]
    facts.expect("I5 taken up by the hands, and nothing was heard of it", [], silent)
    told = {m.notification_id for _, m in facts.of(COMMANDS, ReportOutcome) if m.outcome == "delivered"}
    facts.expect("I5 arrived, and nobody said so", [], [ids.text(p) for p in sorted(told - {*delivered})])


def _waits(facts: Facts) -> None:
    """Nobody is taken for silent before the request could leave: waits begin when it is read back (KERNEL 11)."""
    handed: dict[tuple[bytes, int], int] = {}
    last: dict[int, int] = defaultdict(int)
    for record, m in facts.said(COMMANDS):
        # Log time does not go back, whatever the broker's clock does.
        last[record.partition] = max(last[record.partition], record.append_time)
        if isinstance(m, PageHanded):
            handed[m.notification_id, m.attempt] = last[record.partition]
    for _, m in facts.of(EVENTS, PageFailed):
        if m.outcome != "no_outcome":
            continue
        at = handed.get((m.notification_id, m.attempt))
        if at is None:
            facts.broken.append(f"I5 {ids.text(m.notification_id)} was given up before it was handed over")
        elif m.at < at + OUTCOME_WAIT_MS:
            facts.broken.append(
                f"I5 {ids.text(m.notification_id)} was given up {m.at - at} ms after it was handed over"
            )
