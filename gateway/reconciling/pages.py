"""Every expected page: has it an outcome, was it called off, or did its escalation end without an answer?"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from gateway.reconciling.window import stretch
from processors.host.history import History
from projections.reading import understand
from schemas import ids
from schemas.messages import notifications as said
from schemas.record import Record

TOPIC = "notifications.events"
# No outcome in 10 s: asked again. Five tries of a page and a restart fit into a minute.
ON_THE_WAY_MS = 60_000
# Records understood at once.
STEP = 1_000


@dataclass(slots=True)
class Pages:
    """Pages (notification ids) by what became of them. `missing`: {id, incident, why}.

    `expected` also counts escalations that began and asked for no page at all: those are missing, unless they ended.
    """

    expected: int = 0
    outcomes: int = 0
    exhausted: int = 0
    stopped: int = 0
    on_the_way: int = 0
    missing: list[dict[str, Any]] = field(default_factory=list)


def account(history: History, start: int | None, end: int | None, now: int) -> Pages:
    """Pages requested in the window of times (ms), by what the whole log up to now says of them.

    Memory: an id of each page and incident of the window; people are paged, so there are few. Raises MandateError.
    """
    book = _Book()
    for place, (first, last) in stretch(history, TOPIC, start, end).items():
        batch: list[Record] = []
        # Outcomes come after the window too.
        for record in history.read(place, first, history.bounds(place)[1]):
            batch.append(record)
            if len(batch) == STEP:
                book.read(batch, last)
                batch = []
        book.read(batch, last)
    return book.close(now)


class _Book:
    def __init__(self) -> None:
        # notification id -> (incident id, append time of its first request)
        self._requested: dict[bytes, tuple[bytes, int]] = {}
        self._started: dict[bytes, int] = {}
        self._asked: set[bytes] = set()
        self._told: set[bytes] = set()
        self._exhausted: set[bytes] = set()
        self._stopped: set[bytes] = set()

    def read(self, records: list[Record], last: int) -> None:
        """Records of one place in their order; requests before the position `last` are of the window."""
        for each in understand(records, {TOPIC: TOPIC})[0]:
            inside, event, at = each.record.offset < last, each.message, each.record.append_time
            match event:
                case said.EscalationStarted() if inside:
                    self._started[event.incident_id] = at
                case said.PageRequested():
                    self._asked.add(event.incident_id)
                    if inside:
                        self._requested.setdefault(event.notification_id, (event.incident_id, at))
                case said.PageDelivered() | said.PageFailed():
                    self._told.add(event.notification_id)
                case said.EscalationExhausted():
                    self._exhausted.add(event.incident_id)
                case said.EscalationStopped():
                    self._stopped.add(event.incident_id)

    def close(self, now: int) -> Pages:
        """The account."""
        out = Pages()
        for page, (incident, at) in sorted(self._requested.items()):
            out.expected += 1
            if page in self._told:
                out.outcomes += 1
            else:
                self._without(out, page, incident, at, now, "no_outcome")
        for incident, at in sorted(self._started.items()):
            if incident not in self._asked:
                out.expected += 1
                self._without(out, incident, incident, at, now, "no_page")
        return out

    def _without(self, out: Pages, page: bytes, incident: bytes, at: int, now: int, why: str) -> None:
        if incident in self._exhausted:
            out.exhausted += 1
        elif incident in self._stopped:
            out.stopped += 1
        elif now - at < ON_THE_WAY_MS:
            out.on_the_way += 1
        else:
            out.missing.append({"id": ids.text(page), "at": f"incident {ids.text(incident)}", "why": why})
