"""Replay: what was recorded, through today's code, compared byte for byte (KERNEL 25, DESIGN 5).

    totals = verify(room, history, Window())      one processor, all its partitions

Called by `mandate replay` and tests. It reads a History and writes nothing anywhere: no producer, no network of its
own. The recorded transactions of all partitions and the records of all output topics are merged by append time, so that
what waits for its counterpart stays small however long the history is.
"""

from __future__ import annotations

import gc
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from processors.host.history import History
from processors.host.history import since as since_time
from processors.host.lists import lists_of
from processors.host.places import Place
from processors.host.replay_feed import FOREVER, Feed, Window
from processors.host.replay_log import Failures, failures
from processors.host.replay_match import Matcher, Totals
from processors.kernel.room import Room
from schemas.record import Record
from schemas.topology import DEAD_LETTERS

# Outputs are read this much log time after the transaction that wrote them was replayed: append times are given by the
# clocks of several brokers. A host stops when a clock is 5 s ahead; twice that.
SLACK_MS = 10_000
# A transaction's marker reaches each partition on its own: one changelog may show a transaction that an output
# partition does not show yet. Asked again this often, 2 s in all.
ASK_AGAIN = 20
ASK_SECONDS = 0.1
# A recorded transaction makes about ten objects a record; at 150 bytes each that is 15 MB (loading.calm_collector).
TRACKED_OBJECTS = 100_000


@dataclass(slots=True)
class _Output:
    """One output place being read: what was read last, and how much of it was handed over."""

    place: Place
    lists: Iterator[Sequence[Record]]
    end: int
    records: Sequence[Record]
    at: int = 0

    @property
    def key(self) -> int | None:
        """When its next record's turn is."""
        return self.records[self.at].append_time + SLACK_MS if self.at < len(self.records) else None

    def take(self, limit: int) -> Sequence[Record]:
        """Records up to the turn `limit`, at least one, of those read last."""
        records, at = self.records, self.at
        stop = len(records)
        if records[-1].append_time + SLACK_MS > limit:
            stop = next((i for i in range(at + 1, stop) if records[i].append_time + SLACK_MS > limit), stop)
        taken = records[at:stop]
        self.at = stop
        if stop == len(records):
            self.records, self.at = next(self.lists, ()), 0
        return taken


def outputs_of(room: Room) -> tuple[str, ...]:
    """Every topic the processor writes to, its changelog left out, by name."""
    reactions = (reaction.topic for reaction in room.reactions)
    return tuple(sorted({*room.spec.writes.values(), *reactions, DEAD_LETTERS}))


def verify(room: Room, history: History, window: Window, progress: Callable[[int], None] = lambda _: None) -> Totals:
    """Replay one processor and compare. `progress` is told how many records were fed since it was told last.

    Raises MandateError for a history that cannot be read or has holes, naming place and position.
    """
    totals = Totals()
    with _calm():
        _verify(room, history, window, totals, progress)
    return totals


@contextmanager
def _calm() -> Iterator[None]:
    """Keep the collector of circles from looking through records all the time: there are none among them."""
    before = gc.get_threshold()
    gc.set_threshold(TRACKED_OBJECTS, *before[1:])
    try:
        yield
    finally:
        gc.set_threshold(*before)


def _verify(room: Room, history: History, window: Window, totals: Totals, progress: Callable[[int], None]) -> None:
    matcher = Matcher(room, totals)
    partitions = range(history.partitions(room.changelog))
    # In this order: whatever a changelog shows is in the outputs, and whatever an output shows is in the inputs.
    changelogs = {p: history.bounds(Place(room.changelog, p))[1] for p in partitions}
    places = [Place(topic, p) for topic in outputs_of(room) for p in range(history.partitions(topic))]
    ends = {place: history.bounds(place) for place in places}
    known = failures(history, room)
    feeds = [Feed(room, p, history, window, known.get(p, Failures()), changelogs[p], totals) for p in partitions]
    since = -1 if window.since is None else window.since - SLACK_MS
    outputs = [_open(history, place, *ends[place], since) for place in places]
    _merge(feeds, outputs, matcher, progress)
    if matcher.missing():
        _ask_again(history, outputs, matcher)
    begin = since if window.since is None else max([window.since, *(f.began for f in feeds)]) + SLACK_MS
    matcher.finish(begin, FOREVER if window.until is None else window.until)


def _open(history: History, place: Place, low: int, end: int, since: int) -> _Output:
    start = low if since < 0 else since_time(history, place, since)
    lists = lists_of(history, place, start, end)
    return _Output(place, lists, end, next(lists, ()))


def _merge(feeds: list[Feed], outputs: list[_Output], matcher: Matcher, progress: Callable[[int], None]) -> None:
    told = 0
    while True:
        turns = [(feed.key, 0, i) for i, feed in enumerate(feeds)] + [(o.key, 1, i) for i, o in enumerate(outputs)]
        waiting = sorted((key, kind, i) for key, kind, i in turns if key is not None)
        # Inputs that nobody says were decided are of use only while there are outputs that may be theirs.
        if not any(kind == 1 for _, kind, _ in waiting) and not any(feed.required for feed in feeds):
            break
        _, kind, index = waiting[0]
        if kind == 0:
            feeds[index].step(matcher.replayed)
        else:
            limit = waiting[1][0] if len(waiting) > 1 else FOREVER
            _read(outputs[index], matcher, limit)
        if matcher.totals.records != told:
            progress(matcher.totals.records - told)
            told = matcher.totals.records


def _read(output: _Output, matcher: Matcher, limit: int) -> None:
    """Hand over this place's records up to the turn of the next, at least one."""
    while True:
        matcher.recorded(output.place, output.take(limit))
        if output.key is None or output.key > limit:
            return


def _ask_again(history: History, outputs: list[_Output], matcher: Matcher) -> None:
    for _ in range(ASK_AGAIN):
        missing = matcher.missing()
        if not missing:
            return
        moved = False
        for output in outputs:
            if output.place not in missing:
                continue
            end = history.bounds(output.place)[1]
            if end > output.end:
                moved = True
                matcher.recorded(output.place, list(history.read(output.place, output.end, end)))
                output.end = end
        if not moved:
            threading.Event().wait(ASK_SECONDS)
