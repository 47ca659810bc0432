"""given / when / then for one processor: exact, ordered, and without a way to pass by forgetting something.

    spec = Spec(DECIDER)
    spec.given(command, command)                              history; its decisions are not compared
    spec.check(when=command, then=[event], reasons=("…",))    one decision, compared whole
    spec.check(when=Until(now), then=[event])                 time passes: every firing up to `now`
    spec.refused(when=command, code="wrong_key")              a `Refuse`; the state must stay as it was

`then` is compared in order and in full: an `Event` with key, raw bytes and headers, anything else with the message.
Timers are compared whenever `timers` is given, and a decision that sets timers without it fails too.
State is kept by the kernel's own store, decisions are staged by the kernel's own rules, and after every decision each
changed part must survive its encoding and fit the limit of a part.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, cast

from processors.kernel.decider import CancelTimer, Command, Decider, Decision, Event, Refuse, SetTimer, TimerDue
from processors.kernel.engine import MAX_PART_BYTES
from processors.kernel.room import Room
from processors.kernel.staging import stage
from processors.kernel.store import Overlay, Store
from schemas import codec, ids
from schemas.messages.kernel import ConfigurationAnnounced


@dataclass(frozen=True)
class Until:
    """Time passes to `now` (ms of log time) and nothing else arrives; what is due fires."""

    now: int


@dataclass(frozen=True)
class _Bare:
    """What staging needs of a room."""

    decider: Decider
    answered: frozenset[type]
    reactions: tuple[Any, ...] = ()


class Spec:
    """One processor over one partition of its input, in memory. `answered`: its commands of people."""

    def __init__(self, decider: Decider, answered: Sequence[type] = ()) -> None:
        self.decider = decider
        self._room = cast(Room, _Bare(decider, frozenset(answered)))
        self._store = Store(decider.parts, decider.index)
        self._words = codec.Words(decider.parts)
        self._announced: list[ConfigurationAnnounced] = []
        self.now = 0

    # --- given ----------------------------------------------------------------------------------------------------

    def config(self, tenant: str, document: str, body: bytes) -> None:
        """Put a configuration document in force."""
        announced = ConfigurationAnnounced(tenant, document, len(self._announced) + 1, "", body)
        self._announced.append(announced)
        assert self._store.announce(announced)

    def given(self, *history: Command | Until) -> list[Event]:
        """Decide the history; what is due fires before each. A refusal in it is an error of the test."""
        out: list[Event] = []
        for step in history:
            for decision in self._fire(step.now):
                out += decision.events
            if isinstance(step, Command):
                out += self._decide(step).events
        return out

    # --- when, then -----------------------------------------------------------------------------------------------

    def check(
        self,
        *,
        when: Command | Until,
        then: Sequence[Any],
        reasons: Sequence[str] | None = None,
        timers: Sequence[SetTimer | CancelTimer] = (),
        answer: str | None = None,
    ) -> list[Event]:
        """Decide one command (or let time pass) and compare the outcome whole. Returns the events."""
        if isinstance(when, Until):
            decisions = self._fire(when.now)
        else:
            due = self._store.earliest()
            if due is not None and due[0] <= when.now:
                raise AssertionError(f"timer {due} is due before this command: check it first with Until({due[0]})")
            decisions = [self._decide(when)]
        events = [e for d in decisions for e in d.events]
        _same("events", [_shown(e, x) for e, x in _paired(events, then)], list(then))
        _same("timers", [t for d in decisions for t in d.timers], list(timers))
        _same("answer", [d.answer for d in decisions if d.answer is not None], [answer] if answer else [])
        if reasons is not None:
            _same("reasons", [r for d in decisions for r in d.reasons], list(reasons))
        return events

    def refused(self, *, when: Command, code: str) -> None:
        """The command must be refused with this code."""
        try:
            decision = stage(self._room, self._store, when).decision
        except Refuse as verdict:
            _same("refusal", [verdict.code, bool(verdict.why)], [code, True])
            return
        raise AssertionError(f"expected the refusal {code}, got {decision}")

    # --- looking at the state -------------------------------------------------------------------------------------

    def part(self, key: str) -> Any | None:
        """A part of the state."""
        return self._store.get(key)

    def parts(self, prefix: str = "") -> dict[str, Any]:
        """All parts whose key begins with `prefix`, in order."""
        return dict(Overlay(self._store).scan(prefix))

    def earliest_due(self) -> int | None:
        """When the next timer is due, or None."""
        found = self._store.earliest()
        return found[0] if found else None

    def restore(self) -> None:
        """Throw the state away and restore it from what the changelog would hold."""
        kept = Store(self.decider.parts, self.decider.index)
        for key in self._store.keys(""):
            kept.load(key.encode(), self._store.encode(key))
        kept.loaded()
        for announced in self._announced:
            kept.announce(announced)
        self._store = kept

    # --- deciding -------------------------------------------------------------------------------------------------

    def _fire(self, now: int) -> list[Decision]:
        out = []
        while (due := self._store.earliest()) is not None and due[0] <= now:
            at, part, name = due
            origin = self._store.timers(part)[name][1]
            self._store.set_timers(part, {n: t for n, t in self._store.timers(part).items() if n != name})
            firing = Command(ids.firing_id(origin, part, name, at), part, at, TimerDue(part, name, at))
            out.append(self._decide(firing))
        self._moved(now)
        return out

    def _decide(self, command: Command) -> Decision:
        self._moved(command.now)
        staged = stage(self._room, self._store, command)
        for key, part in staged.changes.items():
            if part is not None:
                raw = codec.encode(part)
                _same(f"part {key} after its encoding", [self._words.decode(raw)], [part])
                assert len(raw) <= MAX_PART_BYTES, f"part {key} has {len(raw)} bytes"
            self._store.put(key, part)
        for key, timers in staged.timers.items():
            self._store.set_timers(key, timers)
        return staged.decision

    def _moved(self, now: int) -> None:
        assert now >= self.now, f"log time goes back from {self.now} to {now}: an error of the test"
        self.now = now


def _paired(events: list[Event], then: Sequence[Any]) -> list[tuple[Event, Any]]:
    """Each event with what is expected in its place; a missing expectation is None."""
    return [(e, then[i] if i < len(then) else None) for i, e in enumerate(events)]


def _shown(event: Event, expected: Any) -> Any:
    """The whole event where an Event is expected, else its message."""
    return event if isinstance(expected, Event) else event.message


def _same(what: str, found: list[Any], expected: list[Any]) -> None:
    typed = [(type(f), f) for f in found]
    if typed != [(type(e), e) for e in expected]:
        lines = [f"{what} differ"]
        for i in range(max(len(found), len(expected))):
            f = found[i] if i < len(found) else "(nothing)"
            e = expected[i] if i < len(expected) else "(nothing)"
            mark = " " if i < min(len(found), len(expected)) and (type(f), f) == (type(e), e) else ">"
            lines += [f"{mark} {i} found    {f!r}", f"{mark} {i} expected {e!r}"]
        raise AssertionError("\n".join(lines))
