"""Outages with a known cause, to judge attribution by: `outage(seed)`, pure, the same for the same seed.

A causal model of a shop: a catalog of services (some of its edges undeclared, as in life), a day of changes that cause
nothing, and one outage. A third each (`nature`): `concurrent` - a change on what fails, while others change what fails
and its neighbours; `upstream` - a change on something that what fails depends on, one to three steps away, whose
errors arrive later and look otherwise; `none` - load, hardware, a provider. What a kind of change breaks, how long
that takes (heavy tails), how large changes are and who makes them are the distributions of causal_words.py.

The model was written and committed before the scoring that it judges, and knows nothing of it. Seeds that are odd are
held out (`held_out`): no weight is chosen by them.
"""

from __future__ import annotations

from dataclasses import dataclass
from random import Random
from typing import Literal, TypeVar

from bench import causal_words as words
from bench.causal_words import Described, Kind, Nature

_Drawn = TypeVar("_Drawn")
Share = Literal["concurrent", "upstream", "none"]
SHARES: tuple[Share, ...] = ("concurrent", "upstream", "none")
OUTAGES = 600  # seeds 0..599: 200 of each nature, of which 100 held out
DAY_MS = 24 * 3600 * 1000
FAILS_AT_MS = 1_790_000_000_000  # the first failure of what is judged
# Per service and day; the busiest twentieth of the services changes ten times as often as the median.
CHANGES_A_DAY = 2.0
UNDECLARED, STALE = 0.08, 0.04  # edges that the catalog does not know, and edges that are no more


@dataclass(frozen=True, slots=True)
class Service:
    """A service as the catalog declares it; `depends_on` are ids."""

    id: str
    kind: Literal["service", "store", "external"]
    owner: str
    depends_on: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Change:
    """A change as it is told; times in ms, `told_at` when Mandate hears of it."""

    number: int
    resource: str
    kind: Kind
    before: str | None
    after: str | None
    summary: str | None
    actor: str
    at: int
    told_at: int


@dataclass(frozen=True, slots=True)
class Failure:
    """One failed action."""

    resource: str
    actor: str
    error_type: str
    message: str
    at: int


@dataclass(frozen=True, slots=True)
class Outage:
    """What is told of a day, in order of time, and the truth: `cause` is a change's number, None without one.

    `failing` is the resource whose incident is judged; other resources fail too.
    """

    seed: int
    nature: Share
    why: str
    services: tuple[Service, ...]
    changes: tuple[Change, ...]
    failures: tuple[Failure, ...]
    failing: str
    cause: int | None


def held_out(seed: int) -> bool:
    """Whether this outage is only looked at in the end."""
    return seed % 2 == 1


def nature_of(seed: int) -> Share:
    """Equal shares in both halves."""
    return SHARES[seed // 2 % len(SHARES)]


def outage(seed: int) -> Outage:
    """The outage of a seed."""
    return _Day(seed).outage()


class _Day:
    """One tenant's day. `true` are the edges as they are, the catalog those that are declared."""

    def __init__(self, seed: int) -> None:
        self.seed = seed
        self.random = Random(f"causal model {seed}")
        self.true: dict[str, list[str]] = {}
        self.kinds: dict[str, Literal["service", "store", "external"]] = {}
        self.rates: dict[str, float] = {}
        self.changes: list[Change] = []
        self.failures: list[Failure] = []
        self.agents = [f"agent-{n:02d}" for n in range(12)]
        self.teams = [f"team-{n}" for n in range(1, 7)]
        self.people = {team: [f"{team}-{n}" for n in range(1, 4)] for team in self.teams}
        self.owners: dict[str, str] = {}
        self._build()

    def _build(self) -> None:
        """Services call services of a higher number, stores and providers: no cycles."""
        r = self.random
        services = [f"{name}-service" for name in r.sample(words.SERVICES, r.randint(18, len(words.SERVICES)))]
        stores = [f"{name}-{kind}" for name, kind in zip(r.sample(words.SERVICES, 8), words.STORES * 2, strict=False)]
        outside = list(words.PROVIDERS)
        for n, name in enumerate(services):
            below = services[n + 1 : n + 12]
            calls = r.sample(below, min(len(below), r.choices((0, 1, 2, 3), (20, 40, 25, 15))[0]))
            calls += r.sample(stores, r.choices((0, 1, 2), (25, 60, 15))[0])
            calls += r.sample(outside, r.choices((0, 1), (80, 20))[0])
            self.true[name], self.kinds[name] = calls, "service"
        for name in stores:
            self.true[name], self.kinds[name] = [], "store"
        for name in outside:
            self.true[name], self.kinds[name] = [], "external"
        for name, kind in self.kinds.items():
            self.owners[name] = r.choice(self.teams)
            busy = r.lognormvariate(0, 1.4)  # the 95th percentile is ten times the median
            self.rates[name] = {"service": CHANGES_A_DAY, "store": 0.3, "external": 0.0}[kind] * min(busy, 15.0)

    def outage(self) -> Outage:
        """Background first, then the outage into it."""
        nature = nature_of(self.seed)
        self._background()
        make = {"concurrent": self._concurrent, "upstream": self._upstream, "none": self._none}[nature]
        failing, why, cause = make()
        changes = sorted(self.changes, key=lambda c: (c.at, c.number))
        failures = sorted(self.failures, key=lambda f: (f.at, f.resource))
        catalog = tuple(self._declared(name) for name in self.true)
        return Outage(self.seed, nature, why, catalog, tuple(changes), tuple(failures), failing, cause)

    def _declared(self, name: str) -> Service:
        r = self.random
        edges = [to for to in self.true[name] if r.random() >= UNDECLARED]
        if self.kinds[name] == "service" and r.random() < STALE:
            edges.append(r.choice([to for to in self.true if to != name and self.kinds[to] == "store"]))
        return Service(name, self.kinds[name], self.owners[name], tuple(dict.fromkeys(edges)))

    # --- changes -----------------------------------------------------------------------------------------------

    def _background(self) -> None:
        """A day of changes that cause nothing, and an hour after; some come as a burst of the same team."""
        r = self.random
        for name, rate in self.rates.items():
            at = FAILS_AT_MS - DAY_MS
            while rate and (at := at + round(r.expovariate(rate / DAY_MS))) < FAILS_AT_MS + DAY_MS // 24:
                self._change(name, at)
                if r.random() < 0.15:  # the same once more: a hotfix, the next setting, the next percentage of a flag
                    self._change(name, at + round(r.lognormvariate(0, 1) * 480_000))

    def _concurrent_changes(self, failing: str, mean: float) -> None:
        """Changes of the last hour, half of the last quarter, that broke nothing: on what fails, near it, anywhere."""
        r = self.random
        near = [*self.true[failing], *(name for name, calls in self.true.items() if failing in calls)]
        near = [name for name in near if self.kinds[name] != "external"]
        anywhere = [name for name, kind in self.kinds.items() if kind != "external"]
        for _ in range(_poisson(r, mean)):
            where = r.choices(("same", "near", "any"), (30, 40, 30))[0]
            name = failing if where == "same" else r.choice(near if where == "near" and near else anywhere)
            self._change(name, FAILS_AT_MS - round(r.random() ** 2 * 3_600_000))

    def _change(self, resource: str, at: int) -> None:
        kind = self._drawn(words.KINDS_OF[self.kinds[resource]])
        size = self.random.choices(words.SIZES, words.SIZE_SHARES)[0]
        said = words.describe(self.random, kind, size, self.random.choice(self.agents), removes=None)
        self._tell(resource, kind, said, at, causal=False)

    def _causal(self, resource: str, at: int, actor: str) -> Change:
        """The change that breaks `resource`: by how often a kind and size occur, times how often they break things."""
        often = words.KINDS_OF[self.kinds[resource]]
        kind = self._drawn({k: share * words.HAZARD[k] for k, share in often.items()})
        shares = [s * h for s, h in zip(words.SIZE_SHARES, words.SIZE_HAZARDS, strict=True)]
        size = self.random.choices(words.SIZES, shares)[0]
        said = words.describe(self.random, kind, size, actor, removes=True)
        # Who loses a permission is often the thing that is changed: a role, an account.
        on = actor if kind == "permission" and self.random.random() < 0.35 else resource
        return self._tell(on, kind, said, at, causal=True, failing_actor=actor)

    def _tell(
        self, resource: str, kind: Kind, said: Described, at: int, *, causal: bool, failing_actor: str = ""
    ) -> Change:
        r = self.random
        owner = self.owners.get(resource, self.teams[0])
        if causal and r.random() < 0.2:
            actor = failing_actor
        else:
            bots = words.BOTS[kind]
            who = r.choices(("bot", "person", "agent"), (60, 30, 10))[0]
            actor = {"bot": bots, "person": r.choice(self.people[owner]), "agent": r.choice(self.agents)}[who]
        late = r.random() < 0.04
        told = at + round(r.uniform(60_000, 1_800_000) if late else r.uniform(500, 15_000))
        number = len(self.changes)
        self.changes.append(Change(number, resource, kind, said.before, said.after, said.summary, actor, at, told))
        return self.changes[-1]

    # --- outages -----------------------------------------------------------------------------------------------

    def _concurrent(self) -> tuple[str, str, int]:
        failing = self._failing_service()
        actor = self.random.choice(self.agents)
        cause = self._causal(failing, 0, actor)
        cause = self._moved(cause, FAILS_AT_MS - self._delay(cause.kind))
        self._concurrent_changes(failing, 4.0)
        nature = self._drawn(words.BREAKS[cause.kind])
        self._fail(failing, nature, actor, FAILS_AT_MS, named="")
        self._spread(failing, FAILS_AT_MS, among=2)
        return failing, cause.kind, cause.number

    def _upstream(self) -> tuple[str, str, int]:
        """The failing service is one to three steps above the changed one."""
        r = self.random
        steps = r.choices((1, 2, 3), (65, 25, 10))[0]
        paths = [p for n in range(steps, 0, -1) for p in self._paths(n)]
        longest = [p for p in paths if len(p) == len(paths[0])]
        path = r.choice(longest)
        failing, broken = path[0], path[-1]
        actor = r.choice(self.agents)
        cause = self._causal(broken, 0, actor)
        hops = sum(round(r.lognormvariate(0, 1) * 20_000) for _ in path[1:])
        cause = self._moved(cause, FAILS_AT_MS - hops - self._delay(cause.kind))
        self._concurrent_changes(failing, 2.0)
        own = self._drawn(words.BREAKS[cause.kind])
        direct = self.kinds[broken] == "store" and len(path) == 2
        seen = own if direct and r.random() < 0.8 else self._drawn(words.SEEN_BELOW[own])
        self._fail(failing, seen, actor, FAILS_AT_MS, named=path[1])
        if self.kinds[broken] == "service" and r.random() < 0.55:
            self._fail(broken, own, r.choice(self.agents), FAILS_AT_MS - hops, named="")
        self._spread(broken, FAILS_AT_MS, among=4, but=failing)
        return failing, cause.kind, cause.number

    def _none(self) -> tuple[str, str, None]:
        r = self.random
        why = r.choices(("load", "hardware", "external"), (40, 30, 30))[0]
        callers = [name for name, calls in self.true.items() if any(self.kinds[c] == "external" for c in calls)]
        if why == "external" and not callers:
            why = "hardware"
        failing = r.choice(callers) if why == "external" else self._failing_service()
        self._concurrent_changes(failing, 1.5)
        provider = next((c for c in self.true[failing] if self.kinds[c] == "external"), "")
        nature = self._drawn(words.WITHOUT_CAUSE[why])
        self._fail(failing, nature, r.choice(self.agents), FAILS_AT_MS, named=provider if why == "external" else "")
        self._spread(provider if why == "external" else failing, FAILS_AT_MS, among=2, but=failing)
        return failing, why, None

    def _paths(self, steps: int) -> list[tuple[str, ...]]:
        paths: list[tuple[str, ...]] = [(name,) for name, kind in self.kinds.items() if kind == "service"]
        for _ in range(steps):
            paths = [(*p, to) for p in paths for to in self.true[p[-1]] if self.kinds[to] != "external"]
        return paths

    def _moved(self, change: Change, at: int) -> Change:
        """The change at its time: it is drawn before the delay, which depends on its kind."""
        moved = Change(
            change.number, change.resource, change.kind, change.before, change.after, change.summary, change.actor,
            at, at + change.told_at - change.at,
        )  # fmt: skip
        self.changes[change.number] = moved
        return moved

    def _delay(self, kind: Kind) -> int:
        median_s, sigma = words.DELAYS[kind]
        return round(min(median_s * self.random.lognormvariate(0, sigma), 12 * 3600) * 1000)

    def _fail(self, resource: str, nature: Nature, actor: str, first: int, named: str) -> None:
        """Some failures of one fault: the same error, other numbers, mostly the same actor."""
        r = self.random
        error_type, template = r.choice(words.ERRORS[nature])
        says = named if named and r.random() < 0.5 else ""
        at = first
        for n in range(r.randint(3, 8)):
            who = actor if n == 0 or r.random() < 0.6 else r.choice(self.agents)
            text = words.text_of(r, template, who, says)
            self.failures.append(Failure(resource, who, error_type, text, at))
            at += round(r.expovariate(1 / 15_000)) + 1

    def _spread(self, broken: str, at: int, among: int, but: str = "") -> None:
        """Others that call what is broken fail too, later."""
        r = self.random
        callers = [name for name, calls in self.true.items() if broken in calls and name != but]
        for name in callers[:among]:
            if r.random() < 0.4:
                nature: Nature = self._drawn(words.SEEN_BELOW["application"])
                self._fail(name, nature, r.choice(self.agents), at + round(r.lognormvariate(0, 1) * 40_000), broken)

    def _failing_service(self) -> str:
        services = [name for name, kind in self.kinds.items() if kind == "service"]
        return self.random.choice(services)

    def _drawn(self, shares: dict[_Drawn, float]) -> _Drawn:
        return self.random.choices(list(shares), list(shares.values()))[0]


def _poisson(r: Random, mean: float) -> int:
    count, at = 0, r.expovariate(1)
    while at < mean:
        count, at = count + 1, at + r.expovariate(1)
    return count
