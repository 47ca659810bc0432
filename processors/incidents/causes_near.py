"""Calculations: where a change was, seen from what fails - the same resource, below it, above it - and what an error
names. Read from the catalog and the relations that a tenant declared by hand, which are added to the catalog's.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from processors.incidents.causes_evidence import TEXT_CHARACTERS
from schemas.catalog import Catalog
from schemas.incident_rules import Incidents

Relation = Literal["same", "of_actor", "upstream", "downstream", "named", "same_actor"]
STEPS = 3  # below what fails; what is further away is everybody's
# Names whose changes are read: 48 x ~3 us. Nearest first: what fails and its service, what is below it, its callers.
NAMES = 48
CALLERS = 8
# Names in an error that may be resources: more than one message names.
TOKENS = 8
_TOKEN = re.compile(r"[A-Za-z][A-Za-z0-9_]*(?:[.-][A-Za-z0-9_]+)+")


@dataclass(frozen=True, slots=True)
class Near:
    """Where a name is: `steps` below or above what fails; `named`: the error names it, or what leads to it."""

    relation: Relation
    steps: int = 0
    named: bool = False


@dataclass(frozen=True, slots=True)
class Surroundings:
    """Everything near what fails, by name, nearest first. `named` is what the error says it called, of these."""

    near: dict[str, Near]
    named: tuple[str, ...]
    catalog: Catalog

    def of(self, resource: str) -> Near | None:
        """Where a changed resource is: by its own name, or by the service that it belongs to."""
        found = self.near.get(resource)
        if found is None:
            service = self.catalog.service(resource)
            found = self.near.get(service.id) if service is not None else None
        return found


def around(config: Incidents, catalog: Catalog, resource: str, actor: str, text: str) -> Surroundings:
    """What is near `resource`, on which `actor` failed with these words."""
    service = catalog.service(resource)
    own = tuple(dict.fromkeys((resource, *((service.id,) if service is not None else ()))))
    manual = {r.resource: r.depends_on for r in config.relations}
    lower = text[:TEXT_CHARACTERS].lower()
    below: dict[str, int] = {}
    named: list[str] = []
    through: set[str] = set()  # what the error names, and all that leads on from there
    edge: Iterable[str] = own
    for step in range(1, STEPS + 1):
        edge = _next(edge, manual, catalog, {*own, *below}, NAMES - len(below))
        for name, above in edge.items():
            below[name] = step
            if len(name) > 3 and name.lower() in lower:
                named.append(name)
                through.add(name)
            elif above in through:
                through.add(name)
    near = {name: Near("same") for name in own}
    if actor and actor not in near:
        near[actor] = Near("of_actor")
    for name, step in below.items():
        near.setdefault(name, Near("upstream", step, name in through))
    callers = [c for name in own for c in (*catalog.dependents_of(name), *_declared_callers(config, name))]
    for name in tuple(dict.fromkeys(callers))[:CALLERS]:
        near.setdefault(name, Near("downstream", 1))
    for token in _TOKEN.findall(lower)[:TOKENS]:
        if token not in near and len(token) > 3:
            near[token] = Near("named", 1, True)
    if service is not None:
        for name in service.resources[:CALLERS]:
            near.setdefault(name, Near("same"))
    return Surroundings(near, tuple(named), catalog)


def _next(
    edge: Iterable[str], manual: dict[str, tuple[str, ...]], catalog: Catalog, seen: set[str], room: int
) -> dict[str, str]:
    """One step further below, each name with the one above it; by name, so that every machine walks alike."""
    found: dict[str, str] = {}
    for name in edge:
        for other in (*manual.get(name, ()), *catalog.depends_on(name)):
            if other not in seen:
                found.setdefault(other, name)
    return dict(sorted(found.items())[: max(0, room)])


def _declared_callers(config: Incidents, resource: str) -> tuple[str, ...]:
    return tuple(r.resource for r in config.relations if resource in r.depends_on)
