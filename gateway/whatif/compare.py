"""The difference between two runs in what people care about, and how true the baseline is to the record. Pure.

Incidents are matched by the events that they hold, one to one, most in common first; pages by their incident, person,
channel and step. Only what happened inside the window counts.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

from gateway.whatif.seen import Case, Incident, Page, Seen
from schemas.ids import Id

# A page that moved by less did not move: the pipeline's own latency (a tick comes up to a quarter of a second late).
MOVED_MS = 250
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Fidelity:
    """Shares (0-1) of what was recorded that the baseline has too; counts beside; the largest difference in time."""

    incidents: float
    pages: float
    cases: float
    counts: Mapping[str, tuple[int, int]]
    apart_ms: int

    @property
    def whole(self) -> bool:
        """Nothing recorded is missing."""
        return all(found == recorded for found, recorded in self.counts.values())


@dataclass(frozen=True, slots=True)
class Pair:
    """An incident before and after; one side is None where it exists on the other only. `label` is its name."""

    label: str
    before: Incident | None
    after: Incident | None


@dataclass(frozen=True, slots=True)
class MovedPage:
    """A page that exists on both sides, at another time or on another channel."""

    before: Page
    after: Page

    @property
    def by_ms(self) -> int:
        """How much later it would have come; negative: earlier."""
        return self.after.at - self.before.at


@dataclass(slots=True)
class Difference:
    """Everything that differs. `named` and `named_after` say what an incident of the baseline and of the what-if is
    called: the same cause gives both the same id, though what they hold may differ."""

    pairs: list[Pair]
    named: dict[Id, str]
    named_after: dict[Id, str]
    gained: list[Pair] = field(default_factory=list)
    lost: list[Pair] = field(default_factory=list)
    regrouped: list[Pair] = field(default_factory=list)
    pages_added: list[Page] = field(default_factory=list)
    pages_removed: list[Page] = field(default_factory=list)
    pages_moved: list[MovedPage] = field(default_factory=list)
    pages_same: int = 0
    cases_gained: list[Case] = field(default_factory=list)
    cases_lost: list[Case] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Window:
    """From when to when (ms, inclusive)."""

    start: int
    end: int

    def holds(self, at: int) -> bool:
        """Whether a time lies inside."""
        return self.start <= at <= self.end


# --- is the baseline true?
# ------------------------------------------------------------------------------------------------------


def fidelity(record: Seen, baseline: Seen, window: Window) -> Fidelity:
    """How much of the record the baseline has: incidents by their events, pages by (incident, person, channel, step),
    cases by their actions."""
    sets = Counter((i.tenant, i.within(window.start, window.end)) for i in baseline.incidents.values())
    incidents = _found([(i.tenant, i.within(window.start, window.end)) for i in _incidents(record, window)], sets)
    kept = Counter(_page_key(p) for p in baseline.pages.values() if window.holds(p.at))
    pages = _found([_page_key(p) for p in _pages(record, window)], kept)
    known = Counter((c.tenant, frozenset(c.actions)) for c in baseline.cases.values())
    cases = _found([(c.tenant, frozenset(c.actions)) for c in record.cases.values() if window.holds(c.at)], known)
    counts = {"incidents": incidents, "pages": pages, "cases": cases}
    return Fidelity(_share(incidents), _share(pages), _share(cases), counts, _apart(record, baseline, window))


def _found(wanted: Sequence[T], there: Counter[T]) -> tuple[int, int]:
    left = Counter(there)
    found = 0
    for key in wanted:
        if left[key] > 0:
            left[key] -= 1
            found += 1
    return found, len(wanted)


def _share(counts: tuple[int, int]) -> float:
    found, recorded = counts
    return found / recorded if recorded else 1.0


def _apart(record: Seen, baseline: Seen, window: Window) -> int:
    """The largest difference in time of a page that both have."""
    both = [
        (p, baseline.pages[p.notification_id]) for p in _pages(record, window) if p.notification_id in baseline.pages
    ]
    return max((abs(one.at - other.at) for one, other in both), default=0)


def _page_key(page: Page) -> tuple[str, Id, str, str, int]:
    return page.tenant, page.incident_id, page.person, f"{page.channel} {page.address}", page.step


def _incidents(seen: Seen, window: Window) -> list[Incident]:
    found = [i for i in seen.incidents.values() if i.within(window.start, window.end)]
    return sorted(found, key=lambda i: (i.tenant, i.number))


def _pages(seen: Seen, window: Window) -> list[Page]:
    return sorted((p for p in seen.pages.values() if window.holds(p.at)), key=lambda p: (p.at, p.notification_id))


# --- what differs
# ------------------------------------------------------------------------------------------------------


def difference(before: Seen, after: Seen, window: Window, *, with_tenant: bool, only: str | None = None) -> Difference:
    """What the what-if changes. `with_tenant` puts the tenant before each label; `only` keeps one incident's label."""
    pairs = _pairs(_incidents(before, window), _incidents(after, window), window, with_tenant)
    if only is not None:
        pairs = [p for p in pairs if p.label == only or _of_family(p, only, pairs, window)]
    named = {p.before.incident_id: p.label for p in pairs if p.before is not None}
    named_after = {p.after.incident_id: p.label for p in pairs if p.after is not None}
    out = Difference(pairs, named, named_after)
    for pair in pairs:
        if pair.before is None:
            out.gained.append(pair)
        elif pair.after is None:
            out.lost.append(pair)
        elif _events(pair.before, window) != _events(pair.after, window):
            out.regrouped.append(pair)
    olds, news = _pages(before, window), _pages(after, window)
    if only is not None:
        olds = [p for p in olds if p.incident_id in named]
        news = [p for p in news if p.incident_id in named_after]
    _match_pages(
        [(named.get(p.incident_id, ""), p) for p in olds],
        [(named_after.get(p.incident_id, ""), p) for p in news],
        out,
    )
    if only is None:
        out.cases_gained, out.cases_lost = _cases(before, after, window)
    return out


def _events(incident: Incident, window: Window) -> frozenset[Id]:
    return incident.within(window.start, window.end)


def _of_family(pair: Pair, only: str, pairs: Sequence[Pair], window: Window) -> bool:
    """Whether this incident of the what-if took events of the one that was asked for."""
    asked = next((p.before for p in pairs if p.label == only), None)
    if asked is None or pair.after is None:
        return False
    return bool(_events(asked, window) & _events(pair.after, window))


def _pairs(before: list[Incident], after: list[Incident], window: Window, with_tenant: bool) -> list[Pair]:
    def called(incident: Incident, name: str) -> str:
        return f"{incident.tenant}/{name}" if with_tenant else name

    holder: dict[tuple[str, Id], list[Incident]] = defaultdict(list)
    for new in after:
        for event in sorted(_events(new, window)):
            holder[new.tenant, event].append(new)
    shared: list[tuple[int, bool, int, int, Incident, Incident]] = []
    for old in before:
        common: Counter[Id] = Counter()
        by_id: dict[Id, Incident] = {}
        for event in sorted(_events(old, window)):
            for new in holder[old.tenant, event]:
                common[new.incident_id] += 1
                by_id[new.incident_id] = new
        for found, count in common.items():
            same = found == old.incident_id
            shared.append((-count, not same, old.number, by_id[found].number, old, by_id[found]))
    shared.sort(key=lambda s: s[:4])
    match: dict[Id, Incident] = {}
    taken: set[Id] = set()
    for *_, old, new in shared:
        if old.incident_id not in match and new.incident_id not in taken:
            match[old.incident_id] = new
            taken.add(new.incident_id)
    pairs = [Pair(called(i, f"INC-{i.number}"), i, match.get(i.incident_id)) for i in before]
    news = [i for i in after if i.incident_id not in taken]
    return pairs + [Pair(called(i, f"new-{n}"), None, i) for n, i in enumerate(news, 1)]


# From the most alike to the least: the very same page (of the same cause, whatever its incident holds now); the same of
# its incident; another round or reason; another step; another channel.
_LIKE: tuple[Callable[[str, Page], tuple[object, ...]], ...] = (
    lambda label, p: (p.notification_id, p.person),
    lambda label, p: (label, p.person, p.channel, p.address, p.step, p.round, p.why),
    lambda label, p: (label, p.person, p.channel, p.address, p.step),
    lambda label, p: (label, p.person, p.channel, p.address),
    lambda label, p: (label, p.person),
)


def _match_pages(before: list[tuple[str, Page]], after: list[tuple[str, Page]], out: Difference) -> None:
    matched: list[MovedPage] = []
    for like in _LIKE:
        waiting: dict[tuple[object, ...], list[Page]] = defaultdict(list)
        for label, page in after:
            waiting[page.tenant, *like(label, page)].append(page)
        rest: list[tuple[str, Page]] = []
        gone: set[Id] = set()
        for label, page in before:
            queue = waiting.get((page.tenant, *like(label, page)))
            if queue and label:
                found = queue.pop(0)
                gone.add(found.notification_id)
                matched.append(MovedPage(page, found))
            else:
                rest.append((label, page))
        before, after = rest, [(label, p) for label, p in after if p.notification_id not in gone]
    for pair in sorted(matched, key=lambda m: (m.before.at, m.before.notification_id)):
        other = (pair.before.channel, pair.before.address) != (pair.after.channel, pair.after.address)
        if abs(pair.by_ms) >= MOVED_MS or other:
            out.pages_moved.append(pair)
        else:
            out.pages_same += 1
    out.pages_removed = [p for _, p in before]
    out.pages_added = [p for _, p in after]


def _cases(before: Seen, after: Seen, window: Window) -> tuple[list[Case], list[Case]]:
    """RML-3 cases of the what-if that share no action with one of the baseline, and the other way."""
    olds = [c for c in before.cases.values() if window.holds(c.at) and c.world == "RML3"]
    news = [c for c in after.cases.values() if window.holds(c.at) and c.world == "RML3"]
    return _alone(news, olds), _alone(olds, news)


def _alone(cases: Iterable[Case], others: Iterable[Case]) -> list[Case]:
    known = {(c.tenant, action) for c in others for action in sorted(c.actions)}
    return [c for c in cases if not any((c.tenant, action) in known for action in c.actions)]


# --- what a page costs whom, and how fast somebody was there
# ------------------------------------------------------------------------------------------------------


def load(seen: Seen, window: Window) -> dict[tuple[str, int], int]:
    """Pages by (person, day): days since 1970 in UTC."""
    return dict(Counter((p.person, p.at // 86_400_000) for p in _pages(seen, window)))


MILESTONES = ("detected", "first_page", "acknowledged", "contained", "resolved")


def intervention(incident: Incident) -> dict[str, float | None]:
    """Seconds after the first failure of each milestone; None when it never came."""
    times = (
        incident.opened_at,
        incident.first_page_at,
        incident.acknowledged_at,
        incident.contained_at,
        incident.resolved_at,
    )
    return {
        name: None if at is None else (at - incident.first_failure_at) / 1000
        for name, at in zip(MILESTONES, times, strict=True)
    }
