"""Who owns a service, who is behind them, and in which order they are called. Pure.

The graph is the seed's (13.4): the service, its owner, who is on call, the team, and behind them the backup and the
lead. The path is the escalation policy that pages for the service's team, where the tenant has one; else owner, on
call, backup, lead.
"""

from __future__ import annotations

from dataclasses import dataclass

from gateway.catalog.current import Current
from schemas.catalog import Service, Team

PATH_MAX = 20
PARENTS_MAX = 5  # teams above a team; also the end of a circle of teams


@dataclass(frozen=True, slots=True)
class Owner:
    """A box of the graph. `role`: owner, team, oncall, backup, lead, parent. `known`: the catalog or `people` has it.
    `reachable`: a person who can be paged."""

    id: str
    name: str
    role: str
    of: str
    known: bool
    reachable: bool


@dataclass(frozen=True, slots=True)
class Owners:
    """`boxes` in the order of the graph (each after what it hangs on), `path` names in the order of calling, and where
    the path comes from: `policy NAME`, `catalog`, or `nobody`."""

    boxes: tuple[Owner, ...]
    path: tuple[str, ...]
    source: str


def owners_of(current: Current, service: Service) -> Owners:
    """The graph and the path of a service of the catalog."""
    boxes: list[Owner] = []

    def add(person: str, role: str, of: str) -> None:
        if person and all((b.id, b.of) != (person, of) for b in boxes):
            boxes.append(_box(current, person, role, of))

    team = current.catalog.team(service.owner)
    first = service.primary or ("" if team is not None else service.owner)
    add(first, "owner", service.id)
    add(service.oncall or (team.oncall if team else ""), "oncall", service.id)
    add(service.owner if team is not None else "", "team", service.id)
    add(service.backup or (team.backup if team else ""), "backup", first or service.id)
    if team is not None:
        add(team.lead, "lead", team.id)
        for upper, below in _above(current, team):
            add(upper.id, "parent", below)
            add(upper.lead, "lead", upper.id)
    path, source = _path(current, service, boxes)
    return Owners(tuple(boxes), path, source)


def is_of(current: Current, resource: str, service: str | None, owner: str | None) -> bool:
    """Is a resource one of this service, and of this owner? None asks for nothing.

    The owner is a team or person of the catalog, or the team of the document `ownership`; a service that the catalog
    does not have is the resource of that name.
    """
    found = current.catalog.service(resource)
    if service is not None and service not in (resource, found.id if found is not None else resource):
        return False
    if owner is None:
        return True
    own = (found.owner, found.primary) if found is not None else ()
    return owner in (*own, current.ownership.owner(resource))


def _above(current: Current, team: Team) -> list[tuple[Team, str]]:
    out: list[tuple[Team, str]] = []
    here: Team | None = team
    seen = {team.id}
    while here is not None and len(out) < PARENTS_MAX:
        upper = current.catalog.team(here.parent)
        if upper is None or upper.id in seen:
            break
        seen.add(upper.id)
        out.append((upper, here.id))
        here = upper
    return out


def _box(current: Current, given: str, role: str, of: str) -> Owner:
    team, member, person = current.catalog.team(given), current.catalog.person(given), current.people.person(given)
    name = team.name if team else member.name if member else person.name if person else given
    # `pagerduty:payments-oncall` is a rota elsewhere, which nobody here can know.
    known = team is not None or member is not None or person is not None or ":" in given
    return Owner(given, name or given, role, of, known, person is not None and bool(person.channels))


def _path(current: Current, service: Service, boxes: list[Owner]) -> tuple[tuple[str, ...], str]:
    for resource in (service.id, *service.resources):
        team = current.ownership.owner(resource.removesuffix("*"))
        if team is not None:
            break
    else:
        team = service.owner
    teams = current.escalation.teams or {}
    policy = current.escalation.policy(teams.get(team, "")) if team else None
    if policy is not None:
        return tuple(dict.fromkeys(step.person for step in policy.steps))[:PATH_MAX], f"policy {policy.id}"
    order = {role: n for n, role in enumerate(("owner", "oncall", "backup", "lead"))}
    listed = sorted((b for b in boxes if b.role in order), key=lambda b: order[b.role])
    if listed:
        return tuple(dict.fromkeys(b.id for b in listed))[:PATH_MAX], "catalog"
    fallback = current.escalation.policy(current.escalation.default_policy)
    if fallback is not None:
        return tuple(dict.fromkeys(s.person for s in fallback.steps))[:PATH_MAX], f"policy {fallback.id} (the default)"
    return (), "nobody"
