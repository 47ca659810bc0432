"""The configuration document `catalog`: a tenant's services, who owns them, and what depends on what (seed 21).

Look-ups are made once, when the document is read: an exact name is one step of a dictionary, a prefix a binary search,
a neighbour a tuple. Everything is in the order of names, so that whoever walks it walks the same way on every machine.
A dependency may name a service that nobody declared, and services may depend on each other in a circle: both are facts
about the world, shown and never refused.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

# 5,000 services with 20,000 edges take 7 MB in a processor; the limits are twice that, with room for the other tenants.
MAX_SERVICES = 10_000
MAX_EDGES = 50_000
MAX_TEAMS = 5_000
MAX_PEOPLE = 20_000
MAX_NAMES = 256  # resource names, dependencies or members of one entry
# A walk gives at most so many services: more than anybody reads, and 50 KB of a decision.
MAX_REACHED = 500
# What others work out from a catalog and keep beside it; when full it starts anew. 256 radii of 100 services are 4 MB.
MAX_KEPT = 256

Source = Literal["manual", "backstage", "github", "kubernetes"]
SOURCES: tuple[Source, ...] = ("manual", "backstage", "github", "kubernetes")  # who is believed first


@dataclass(frozen=True, slots=True)
class Service:
    """One thing that can fail. `resources` are the names under which actions speak of it; `*` at the end: a prefix.

    `owner` is the id of a team or a person; `primary`, `oncall` and `backup` are people (or a rota's address), and
    come before the team's. `depends_on` are ids of services, `sources` says from where it is known.
    """

    id: str
    kind: str = "service"
    name: str = ""
    owner: str = ""
    tier: str = ""
    system: str = ""
    primary: str = ""
    oncall: str = ""
    backup: str = ""
    resources: tuple[str, ...] = ()
    depends_on: tuple[str, ...] = ()
    sources: tuple[str, ...] = ()
    metadata: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Team:
    """A group of people. `parent` is another team, or nothing."""

    id: str
    name: str = ""
    lead: str = ""
    oncall: str = ""
    backup: str = ""
    parent: str = ""
    members: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Member:
    """A person as the catalog knows them; who can be paged is the document `people`."""

    id: str
    name: str = ""
    email: str = ""


@dataclass(frozen=True, slots=True)
class Reach:
    """What a walk found: (id, depth) breadth-first and by name, and how many more there were than it may give."""

    found: tuple[tuple[str, int], ...]
    cut: int


class Catalog:
    """All services of a tenant, with their indexes. Never changed after it was made; equal to one with the same lists.

    Raises nothing: schemas.catalog_reader has checked the names.
    """

    __slots__ = (
        "__weakref__",
        "_by_id",
        "_by_resource",
        "_circle_of",
        "_dependents",
        "_kept",
        "_members",
        "_parents",
        "_prefix_ids",
        "_prefixes",
        "_teams",
        "people",
        "services",
        "teams",
    )

    def __init__(
        self, services: Iterable[Service] = (), teams: Iterable[Team] = (), people: Iterable[Member] = ()
    ) -> None:
        self.services = tuple(sorted(services, key=lambda s: s.id))
        self.teams = tuple(sorted(teams, key=lambda t: t.id))
        self.people = tuple(sorted(people, key=lambda p: p.id))
        self._by_id = {s.id: s for s in self.services}
        self._teams = {t.id: t for t in self.teams}
        self._members = {p.id: p for p in self.people}
        self._by_resource = {n: s.id for s in self.services for n in s.resources if not n.endswith("*")}
        prefixes = sorted((n[:-1], s.id) for s in self.services for n in s.resources if n.endswith("*"))
        self._prefixes = tuple(p for p, _ in prefixes)
        self._prefix_ids = tuple(i for _, i in prefixes)
        self._parents = _parents(self._prefixes)
        self._dependents = _reversed(self.services)
        self._kept: dict[Hashable, Any] = {}
        self._circle_of: dict[str, tuple[str, ...]] | None = None

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Catalog):
            return NotImplemented
        return self is other or (self.services, self.teams, self.people) == (other.services, other.teams, other.people)

    def __hash__(self) -> int:
        return hash((len(self.services), len(self.teams), len(self.people)))

    def __repr__(self) -> str:
        return f"Catalog({len(self.services)} services, {len(self.teams)} teams, {len(self.people)} people)"

    # --- who is it ----------------------------------------------------------------------------------------------------

    def get(self, service_id: str) -> Service | None:
        """The service with exactly this id, or None."""
        return self._by_id.get(service_id)

    def service(self, resource: str) -> Service | None:
        """Whose resource this is: a service's id, then a declared name, then the longest declared prefix; or None."""
        found = self._by_id.get(resource)
        if found is not None:
            return found
        declared = self._by_resource.get(resource)
        if declared is not None:
            return self._by_id[declared]
        at = bisect_right(self._prefixes, resource) - 1
        # What is not a prefix of the name may lie inside one that is: go outwards.
        while at >= 0 and not resource.startswith(self._prefixes[at]):
            at = self._parents[at]
        return self._by_id[self._prefix_ids[at]] if at >= 0 else None

    def team(self, team_id: str) -> Team | None:
        """The team with this id, or None."""
        return self._teams.get(team_id)

    def person(self, person_id: str) -> Member | None:
        """The person with this id, or None."""
        return self._members.get(person_id)

    # --- what depends on what -----------------------------------------------------------------------------------------

    def depends_on(self, service_id: str) -> tuple[str, ...]:
        """What this service calls, by name; also what nobody declared."""
        found = self._by_id.get(service_id)
        return () if found is None else found.depends_on

    def dependents_of(self, service_id: str) -> tuple[str, ...]:
        """Who calls this service (declared or not), by name."""
        return self._dependents.get(service_id, ())

    def upstream(self, service_id: str, depth: int) -> tuple[tuple[str, int], ...]:
        """What this service needs, at most `depth` steps away: (id, steps), breadth-first, at most MAX_REACHED."""
        return self.reach((service_id,), depth, MAX_REACHED, "upstream").found

    def downstream(self, service_id: str, depth: int) -> tuple[tuple[str, int], ...]:
        """Who needs this service, at most `depth` steps away: (id, steps), breadth-first, at most MAX_REACHED."""
        return self.reach((service_id,), depth, MAX_REACHED, "downstream").found

    def reach(
        self, begin: Sequence[str], depth: int, limit: int, direction: Literal["upstream", "downstream"]
    ) -> Reach:
        """Everything at most `depth` steps from the services `begin` (which are not given back), and what was cut."""
        neighbours = self.depends_on if direction == "upstream" else self.dependents_of
        seen = set(begin)
        edge = sorted(seen)
        found: list[tuple[str, int]] = []
        total = 0
        for step in range(1, depth + 1):
            new: list[str] = []
            for service_id in edge:
                for other in neighbours(service_id):
                    if other not in seen:
                        seen.add(other)
                        new.append(other)
            if not new:
                break
            edge = sorted(new)
            total += len(edge)
            found += [(service_id, step) for service_id in edge[: max(0, limit - len(found))]]
        return Reach(tuple(found), total - len(found))

    # --- what is odd about it -----------------------------------------------------------------------------------------

    def unknown(self) -> tuple[tuple[str, str], ...]:
        """(service, dependency) where nobody declared the dependency, by name."""
        return tuple((s.id, other) for s in self.services for other in s.depends_on if other not in self._by_id)

    def unowned(self) -> tuple[tuple[str, str], ...]:
        """(service, owner) where the owner is neither a team nor a person of the catalog (empty: it has none)."""
        return tuple(
            (s.id, s.owner) for s in self.services if s.owner not in self._teams and s.owner not in self._members
        )

    def cycles(self) -> tuple[tuple[str, ...], ...]:
        """Services that depend on themselves through each other: each circle's members by name, circles by name."""
        return tuple(sorted(_circles(self._by_id)))

    def circle_of(self, service_id: str) -> tuple[str, ...]:
        """All services of the circle in which this one is, itself among them, by name; empty without one."""
        if self._circle_of is None:
            self._circle_of = {name: circle for circle in self.cycles() for name in circle}
        return self._circle_of.get(service_id, ())

    def kept(self, key: Hashable, make: Callable[[], Any]) -> Any:
        """What `make` works out from this catalog and `key` alone, worked out once."""
        if key not in self._kept:
            if len(self._kept) >= MAX_KEPT:
                self._kept.clear()
            self._kept[key] = make()
        return self._kept[key]


def _parents(prefixes: tuple[str, ...]) -> tuple[int, ...]:
    """Of each prefix, in order, the place of the longest other one that it begins with; -1 for none."""
    out: list[int] = []
    for at, prefix in enumerate(prefixes):
        parent = at - 1
        while parent >= 0 and not prefix.startswith(prefixes[parent]):
            parent = out[parent]
        out.append(parent)
    return tuple(out)


def _reversed(services: tuple[Service, ...]) -> dict[str, tuple[str, ...]]:
    found: dict[str, list[str]] = {}
    for service in services:  # in the order of names, so each list is
        for other in service.depends_on:
            found.setdefault(other, []).append(service.id)
    return {name: tuple(callers) for name, callers in found.items()}


def _circles(services: Mapping[str, Service]) -> list[tuple[str, ...]]:
    """Tarjan's strongly connected components of more than one service, or of one that calls itself.

    Without recursion: a chain of 5,000 services is deeper than Python's stack.
    """
    number: dict[str, int] = {}
    low: dict[str, int] = {}
    stack: list[str] = []
    on_stack: set[str] = set()
    out: list[tuple[str, ...]] = []
    for root in services:
        if root in number:
            continue
        walk = [(root, iter(services[root].depends_on))]
        number[root] = low[root] = len(number)
        stack.append(root)
        on_stack.add(root)
        while walk:
            here, rest = walk[-1]
            for other in rest:
                if other not in services:
                    continue
                if other not in number:
                    number[other] = low[other] = len(number)
                    stack.append(other)
                    on_stack.add(other)
                    walk.append((other, iter(services[other].depends_on)))
                    break
                if other in on_stack:
                    low[here] = min(low[here], number[other])
            else:
                walk.pop()
                if walk:
                    low[walk[-1][0]] = min(low[walk[-1][0]], low[here])
                if low[here] == number[here]:
                    members = [stack.pop()]
                    while members[-1] != here:
                        members.append(stack.pop())
                    on_stack.difference_update(members)
                    if len(members) > 1 or here in services[here].depends_on:
                        out.append(tuple(sorted(members)))
    return out
