"""The pictures of the report as numbers: axes, lanes per person, incidents before and after, load. Pure.

Every picture is 1,030 units wide; what a template writes down are rounded coordinates, so the same answer gives the
same bytes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from gateway.whatif.answer import Answer
from gateway.whatif.compare import MovedPage, Pair, load
from gateway.whatif.seen import Incident, Page, Seen
from gateway.whatif.sentences import clock, length
from processors.incidents.rules import clip
from schemas.envelope import rfc3339

LEFT, RIGHT = 160, 990
# Letters of a person beside a lane; the whole name is in the marks' titles.
PERSON_LETTERS = 15
LANE = 64
# A label of a page needs so much room; the words of every page are in its title.
LABEL_WIDTH = 92
WIDTH = 1_030
# Pictures of single incidents: more are not looked at; the list of differences has all.
INCIDENTS_MAX = 5
LANES_MAX = 40
_STEPS_S = (1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1_800, 3_600, 7_200, 21_600, 43_200, 86_400, 172_800, 604_800)
TICKS_MAX = 9
DAY_MS = 86_400_000


@dataclass(frozen=True, slots=True)
class Tick:
    """One line of the axis."""

    x: int
    words: str


@dataclass(frozen=True, slots=True)
class Axis:
    """Times to places; `bands` are (x, width) of every other day."""

    start: int
    end: int
    ticks: tuple[Tick, ...]
    bands: tuple[tuple[int, int], ...]

    def x(self, at: int) -> int:
        """Where a time is."""
        return LEFT + (RIGHT - LEFT) * (at - self.start) // max(1, self.end - self.start)


@dataclass(frozen=True, slots=True)
class Mark:
    """One page. `kind` is was, is or gone; `words` are its title, `label` what is written beside it ("" for none)."""

    x: int
    kind: str
    words: str
    label: str = ""


@dataclass(frozen=True, slots=True)
class Lane:
    """One person. `links` join the same page before and after: (x before, x after)."""

    person: str
    y: int
    marks: tuple[Mark, ...]
    links: tuple[tuple[int, int], ...]


@dataclass(frozen=True, slots=True)
class Lanes:
    """Everybody who was or would have been paged."""

    axis: Axis
    lanes: tuple[Lane, ...]
    more: int

    @property
    def height(self) -> int:
        """Of the whole picture."""
        return 34 + LANE * len(self.lanes)


@dataclass(frozen=True, slots=True)
class Row:
    """One incident on one side: coloured stretches (tone, x, width) and pages."""

    words: str
    stretches: tuple[tuple[int, int, int], ...]
    marks: tuple[Mark, ...]


@dataclass(frozen=True, slots=True)
class Zoom:
    """One incident before and after; `shifts` are (x before, x after, words) of pages that moved."""

    label: str
    title: str
    axis: Axis
    rows: tuple[Row, ...]
    shifts: tuple[tuple[int, int, str], ...]
    description: str


@dataclass(frozen=True, slots=True)
class Load:
    """Pages of one person: before and after, whole and by day; `was_width` and `is_width` of 100."""

    person: str
    before: int
    after: int
    days: tuple[tuple[int, int], ...]
    was_width: int
    is_width: int

    @property
    def change(self) -> str:
        """In words: −40 %, new, +2."""
        if self.before == self.after:
            return "same"
        if not self.before:
            return f"+{self.after}"
        share = 100 * (self.after - self.before) // self.before
        return f"{'+' if share > 0 else '−'}{abs(share)} %"


def axis(start: int, end: int) -> Axis:
    """An axis over a stretch of time (ms), with round times."""
    step = next((s for s in _STEPS_S if (end - start) // (s * 1_000) < TICKS_MAX), _STEPS_S[-1]) * 1_000
    bare = Axis(start, end, (), ())
    first = -(-start // step) * step
    ticks = tuple(Tick(bare.x(at), _tick(at, step)) for at in range(first, end + 1, step))
    days = range(-(-start // DAY_MS), end // DAY_MS + 1)
    edges = [start, *(d * DAY_MS for d in days), end]
    pieces = list(pairwise(edges))
    bands = tuple((bare.x(a), bare.x(b) - bare.x(a)) for i, (a, b) in enumerate(pieces) if i % 2 == 0)
    return Axis(start, end, ticks, bands if len(pieces) > 1 else ())


def _tick(at: int, step: int) -> str:
    if step >= DAY_MS:
        return rfc3339(at)[5:10]
    return clock(at) if step < 60_000 else clock(at)[:5]


def _stretch(times: Sequence[int]) -> tuple[int, int]:
    """From the first to the last time with a margin on both sides."""
    first, last = min(times), max(times)
    margin = max(2_000, (last - first) // 20)
    return first - margin, last + margin


def lanes(answer: Answer) -> Lanes | None:
    """Who was and would have been paged; None when nobody."""
    window = answer.window
    before = [p for p in answer.before.pages.values() if window.holds(p.at)]
    after = [p for p in answer.after.pages.values() if window.holds(p.at)]
    if not before and not after:
        return None
    line = axis(*_stretch([p.at for p in (*before, *after)]))
    people = sorted({p.person for p in (*before, *after)})
    moved = {m.before.notification_id: m.after.notification_id for m in answer.found.pages_moved}
    gone = {p.notification_id for p in answer.found.pages_removed}
    by_id = {p.notification_id: p for p in after}
    out = []
    for number, person in enumerate(people[:LANES_MAX]):
        marks = []
        links = []
        for page in (p for p in before if p.person == person):
            marks.append(Mark(line.x(page.at), "was", _page_words(page)))
            twin = by_id.get(moved.get(page.notification_id, page.notification_id))
            if page.notification_id in gone:
                marks.append(Mark(line.x(page.at), "gone", f"not paged: {_page_words(page)}"))
            elif twin is not None:
                links.append((line.x(page.at), line.x(twin.at)))
        marks += [Mark(line.x(p.at), "is", _page_words(p)) for p in after if p.person == person]
        out.append(Lane(clip(person, PERSON_LETTERS), 28 + LANE * number, tuple(marks), tuple(links)))
    return Lanes(line, tuple(out), max(0, len(people) - LANES_MAX))


def _page_words(page: Page) -> str:
    return f"@{page.person} paged at {clock(page.at)} by {page.channel}, step {page.step}"


def zooms(answer: Answer) -> list[Zoom]:
    """The incidents with the clearest changes, one picture each."""
    heavy = _heaviest(answer)
    return [_zoom(answer, pair) for pair in heavy[:INCIDENTS_MAX]]


def _heaviest(answer: Answer) -> list[Pair]:
    weight: dict[str, int] = {}
    found = answer.found
    for pair in (*found.lost, *found.gained, *found.regrouped):
        weight[pair.label] = weight.get(pair.label, 0) + 1_000
    for moved in found.pages_moved:
        label = found.named_after.get(moved.after.incident_id, "")
        weight[label] = weight.get(label, 0) + max(1, abs(moved.by_ms) // 1_000)
    for page in found.pages_added:
        weight[found.named_after.get(page.incident_id, "")] = weight.get(page.person, 0) + 10
    for page in found.pages_removed:
        weight[found.named.get(page.incident_id, "")] = weight.get(page.person, 0) + 10
    chosen = [p for p in found.pairs if p.label in weight]
    return sorted(chosen, key=lambda p: -weight[p.label])


def _zoom(answer: Answer, pair: Pair) -> Zoom:
    sides = [
        ("before", pair.before, answer.before, "was"),
        ("after", pair.after, answer.after, "is"),
    ]
    end = answer.window.end
    times = [t for _, i, seen, _ in sides if i is not None for t in _times(i, _pages_of(answer, seen, i))]
    line = axis(*_stretch(times))
    rows = [_row(answer, words, i, seen, kind, line, min(end, line.end)) for words, i, seen, kind in sides]
    moved = [m for m in answer.found.pages_moved if _of(m, pair)]
    shifts = tuple((line.x(m.before.at), line.x(m.after.at), _shift(m)) for m in moved[:3])
    shown = pair.before or pair.after
    assert shown is not None  # a pair has a side
    told = "; ".join(f"@{m.after.person} {_shift(m)}" for m in moved) or "no page moves"
    return Zoom(pair.label, shown.title, line, tuple(rows), shifts, f"{pair.label}, before and after: {told}.")


def _of(moved: MovedPage, pair: Pair) -> bool:
    return pair.after is not None and moved.after.incident_id == pair.after.incident_id


def _shift(moved: MovedPage) -> str:
    return f"{length(moved.by_ms)} {'earlier' if moved.by_ms < 0 else 'later'}"


def _times(incident: Incident, pages: list[Page]) -> list[int]:
    marks = (incident.first_page_at, incident.acknowledged_at, incident.contained_at, incident.resolved_at)
    return [incident.opened_at, *(t for t in marks if t is not None), *(p.at for p in pages)]


def _pages_of(answer: Answer, seen: Seen, incident: Incident) -> list[Page]:
    found = [p for p in seen.pages.values() if p.incident_id == incident.incident_id and answer.window.holds(p.at)]
    return sorted(found, key=lambda p: p.at)


def _row(answer: Answer, words: str, incident: Incident | None, seen: Seen, kind: str, line: Axis, end: int) -> Row:
    if incident is None:
        return Row(words, (), ())
    over = incident.resolved_at if incident.resolved_at is not None else end
    stages = (
        (1, incident.first_failure_at),
        (2, incident.opened_at),
        (3, incident.first_page_at),
        (4, incident.acknowledged_at),
        (5, incident.contained_at),
    )
    reached = [(tone, max(at, line.start)) for tone, at in stages if at is not None]
    edges = [*(at for _, at in reached), max(over, reached[-1][1])]
    stretches = tuple(
        (tone, line.x(at), line.x(until) - line.x(at))
        for (tone, at), until in zip(reached, edges[1:], strict=True)
        if line.x(until) > line.x(at)
    )
    pages = _pages_of(answer, seen, incident)
    # A label needs room up to the next mark, and to the edge.
    nexts = [*(line.x(p.at) for p in pages[1:]), WIDTH]
    marks = []
    for page, following in zip(pages, nexts, strict=True):
        person = clip(page.person, PERSON_LETTERS)
        label = f"@{person} paged" if following - line.x(page.at) >= LABEL_WIDTH else ""
        marks.append(Mark(line.x(page.at), kind, _page_words(page), label))
    return Row(words, stretches, tuple(marks))


def loads(answer: Answer) -> tuple[list[int], list[Load]]:
    """The days (since 1970, UTC) and everybody's pages; the last row is all together."""
    before, after = load(answer.before, answer.window), load(answer.after, answer.window)
    days = sorted({day for _, day in (*before, *after)})
    people = sorted({person for person, _ in (*before, *after)})
    table = {p: [(before.get((p, d), 0), after.get((p, d), 0)) for d in days] for p in people}
    most = max((max(sum(b for b, _ in row), sum(a for _, a in row)) for row in table.values()), default=1)
    rows = []
    for person, row in table.items():
        was, is_ = sum(b for b, _ in row), sum(a for _, a in row)
        rows.append(Load(person, was, is_, tuple(row), 100 * was // most, 100 * is_ // most))
    together = [(sum(r.days[i][0] for r in rows), sum(r.days[i][1] for r in rows)) for i in range(len(days))]
    total = Load("", sum(r.before for r in rows), sum(r.after for r in rows), tuple(together), 0, 0)
    return days, [*rows, total]
