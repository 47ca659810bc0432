"""decide, for rates: how many tries of a dependency, or of what heals by retries, failed within a window (12.1, 12.2).

A window of log time is twelve buckets: the one that runs, and those before it. Counted by the head alone.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import cast

from processors.kernel.decider import Command, Event, SetTimer, View
from processors.signals.events import TallyKept
from processors.signals.significance import needed, percent, rate, words
from processors.signals.state import Bucket, Tally, dependency_part, tries_part
from schemas.head import Head
from schemas.ids import key_of
from schemas.messages.actions import ERROR
from schemas.messages.incidents.flooding import DependencyCounted
from schemas.signal_rules import Dependency, Intermittent, covers

BUCKETS = 12
FORGET = "forget_tally"
Counts = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Rated:
    """A tally after one action: what follows for the state, and whether the dependency is elevated now."""

    events: tuple[Event, ...]
    timers: tuple[SetTimer, ...]
    reasons: tuple[str, ...]
    elevated: bool
    words: str
    tries: int
    failures: int


def width_ms(window_s: int) -> int:
    """The length of a bucket."""
    return window_s * 1_000 // BUCKETS


def totals(tally: Tally) -> Counts:
    """Tries and failures within the window that ends with the tally's running bucket."""
    kept = [b for b in tally.older if b.number > tally.number - BUCKETS]
    return tally.tries + sum(b.tries for b in kept), tally.failures + sum(b.failures for b in kept)


def counted(tally: Tally, now: int, failed: bool) -> tuple[Tally, bool]:
    """The tally with one try more, and whether a bucket ended."""
    number = now // tally.width_ms
    older, tries, failures = tally.older, tally.tries, tally.failures
    rolled = number != tally.number
    if rolled:
        before = (*older, Bucket(tally.number, tries, failures))
        older = tuple(b for b in before if b.tries and b.number > number - BUCKETS)
        tries = failures = 0
    return Tally(tally.name, tally.width_ms, tally.elevated, number, tries + 1, failures + int(failed), older), rolled


def of_dependency(command: Command, head: Head, view: View, dependency: Dependency) -> Rated:
    """One try more of a dependency. It is judged at a failure and when a bucket has ended."""
    part = dependency_part(key_of(head.tenant), dependency.name)
    width = width_ms(dependency.baseline_window_s)
    known = cast("Tally | None", view.get(part))
    timers: tuple[SetTimer, ...] = ()
    if known is None or known.width_ms != width:
        number = command.now // width
        known = Tally(dependency.name, width, False, number, 0, 0, ())
        timers = (SetTimer(part, FORGET, (number + BUCKETS + 1) * width),)
    failed = bool(head.traits & ERROR)
    tally, rolled = counted(known, command.now, failed)
    tries, failures = totals(tally)
    expected, alert = dependency.expected_per_mille, dependency.alert_per_mille
    least = needed(tries, expected, alert) if failed or rolled else 0
    elevated = failures >= least if failed or rolled else known.elevated
    said = words(dependency.name, tries, failures, dependency.baseline_window_s, expected, alert, elevated)
    after = Tally(tally.name, width, elevated, tally.number, tally.tries, tally.failures, tally.older)
    events = [Event(command.key, TallyKept(part, after))]
    reasons: tuple[str, ...] = ()
    if elevated != known.elevated or (rolled and failures):
        assert command.record is not None
        fact = DependencyCounted(
            tenant=head.tenant,
            dependency=dependency.name,
            partition=command.record.partition,
            tries=tries,
            failures=failures,
            window_s=dependency.baseline_window_s,
            expected_per_mille=expected,
            alert_per_mille=alert,
            fewest=least,
            elevated=elevated,
            words=said,
            at=command.now,
        )
        events.append(Event(key_of(head.tenant), fact))
        reasons = ("dependency_elevated" if elevated else "dependency_counted",)
    return Rated(tuple(events), timers, reasons, elevated, said, tries, failures)


def of_tries(command: Command, head: Head, view: View, settings: Intermittent, begin: bool) -> Rated | None:
    """One try more of a resource and type some of whose failures heal; None where nothing is counted.

    `begin`: this failure waits for its next try, so counting begins if it has not.
    """
    part = tries_part(command.key, head.type)
    known = cast("Tally | None", view.get(part))
    width = width_ms(settings.window_s)
    timers: tuple[SetTimer, ...] = ()
    if known is None or known.width_ms != width:
        if not begin and known is None:
            return None
        number = command.now // width
        known = Tally("", width, False, number, 0, 0, ())
        timers = (SetTimer(part, FORGET, (number + BUCKETS + 1) * width),)
    tally, _ = counted(known, command.now, bool(head.traits & ERROR))
    tries, failures = totals(tally)
    over = bool(settings.tries) and tries >= settings.tries and failures * 1_000 > settings.threshold_per_mille * tries
    said = f"{percent(failures, tries)} of {tries:,} tries failed in {settings.window_s} s"
    limit = rate(settings.threshold_per_mille)
    said += f", more than {limit}" if over else f" (an incident above {limit} of at least {settings.tries:,})"
    return Rated((Event(command.key, TallyKept(part, tally)),), timers, (), over, said, tries, failures)


def meant(settings: Intermittent, resource: str, error_type: str) -> bool:
    """Whether failures of this type on this resource are counted."""
    if not settings.tries:
        return False
    return not settings.only or any(
        covers(s.resource, resource) and s.error_type in ("", error_type) for s in settings.only
    )


def forgotten_at(tally: Tally) -> int:
    """When a tally to which nothing is added is over."""
    return (tally.number + BUCKETS + 1) * tally.width_ms
