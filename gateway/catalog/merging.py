"""What several sources say becomes one catalog: manual, then Backstage, GitHub, Kubernetes, field by field.

Nothing that is overruled is lost silently: each is a conflict with both values and both places. Pure.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from gateway.catalog.sources.told import Key, Told, ToldService
from schemas.catalog import SOURCES, Member, Service, Source, Team

FIELDS = ("kind", "name", "owner", "tier", "system", "primary", "oncall", "backup")
LABELS_MAX = 32
METADATA_MAX = 32


@dataclass(frozen=True, slots=True)
class Conflict:
    """Two sources disagree: which value is kept, and which is not. `about` is `service payments`, `team dba` …"""

    about: str
    field: str
    kept: str
    kept_from: str
    other: str
    other_from: str


@dataclass(slots=True)
class Merged:
    """The services, teams and people that remain, and what was overruled."""

    services: list[Service]
    teams: list[Team]
    people: list[Member]
    conflicts: list[Conflict]


@dataclass(slots=True)
class _Known:
    """One service so far: everything that is told of it, the most trusted first."""

    id: str
    told: list[ToldService] = field(default_factory=list)
    namespaces: set[str] = field(default_factory=set)


class Identities:
    """Which of the things told are one service."""

    def __init__(self, services: Iterable[ToldService]) -> None:
        self.known: dict[str, _Known] = {}
        self._by_key: dict[Key, str] = {}
        for told in sorted(services, key=lambda s: SOURCES.index(s.source)):
            self.add(told)

    def add(self, told: ToldService) -> None:
        """One more thing that is told."""
        found = self._find(told)
        if found is None:
            found = self.known[self._free(told)] = _Known(self._free(told))
        found.told.append(told)
        for key in (*told.keys, *told.links):
            if key[0] != "repo":  # many services live in one repository
                self._by_key.setdefault(key, found.id)
            if key[0] == "kubernetes":
                found.namespaces.add(key[1])

    def id_of(self, name: Key | str) -> str | None:
        """The service that a reference means, or None."""
        if isinstance(name, str):
            return name if name in self.known else None
        return self._by_key.get(name)

    def _find(self, told: ToldService) -> _Known | None:
        for key in (*told.keys, *told.links):
            if key[0] != "repo" and key in self._by_key:
                return self.known[self._by_key[key]]
        same = self.known.get(told.id)
        if same is None or (told.source == "manual" and any(t.source == "manual" for t in same.told)):
            return same
        # A component and an API of one name are two things, and so are two workloads in two namespaces.
        if told.source == "backstage" and any(t.source == "backstage" for t in same.told):
            return None
        namespaces = {key[1] for key in told.keys if key[0] == "kubernetes"}
        return None if same.namespaces and not namespaces & same.namespaces else same

    def _free(self, told: ToldService) -> str:
        if told.id not in self.known:
            return told.id
        kind = next((key for key in told.keys if key[0] != "repo"), ("other", "", told.id))
        return f"{kind[1]}/{told.id}" if kind[0] == "kubernetes" else f"{kind[0]}:{told.id}"


def merge(told: Told) -> Merged:
    """One catalog of everything that was told."""
    identities = Identities(told.services)
    conflicts: list[Conflict] = []
    edges = _edges(identities)
    taken: dict[str, str] = {}
    services = [
        _service(known, edges.get(known.id, set()), taken, conflicts) for _, known in sorted(identities.known.items())
    ]
    teams = _teams(told, conflicts)
    people = _people(told, {t.id for t in teams}, conflicts)
    return Merged(services, teams, people, conflicts)


def _edges(identities: Identities) -> dict[str, set[str]]:
    out: dict[str, set[str]] = {}

    def name_of(given: Key | str) -> str:
        found = identities.id_of(given)
        if found is not None:
            return found
        return given if isinstance(given, str) else given[2] if given[1] == "default" else f"{given[1]}/{given[2]}"

    for known in identities.known.values():
        for told in known.told:
            out.setdefault(known.id, set()).update(name_of(other) for other in told.uses)
            for other in told.used_by:
                out.setdefault(name_of(other), set()).add(known.id)
    return out


def _service(known: _Known, needs: set[str], taken: dict[str, str], conflicts: list[Conflict]) -> Service:
    about = f"service {known.id}"
    values = {name: _first(about, name, _said(known, name), conflicts) for name in FIELDS}
    resources = []
    for told in known.told:
        for resource in told.resources:
            holder = taken.setdefault(resource, known.id)
            if holder == known.id:
                resources.append(resource)
            else:
                conflicts.append(Conflict(about, "resources", holder, resource, known.id, told.where))
    metadata: dict[str, str] = {}
    for told in known.told:
        metadata = {**told.metadata, **metadata}
    labels = [label for told in known.told for label in told.label.split("\n")]
    return Service(
        known.id,
        values["kind"] or "service",
        values["name"] or known.id,
        values["owner"],
        values["tier"],
        values["system"],
        values["primary"],
        values["oncall"],
        values["backup"],
        tuple(sorted(set(resources))),
        tuple(sorted(needs)),
        tuple(sorted(set(labels)))[:LABELS_MAX],
        dict(sorted(metadata.items())[:METADATA_MAX]),
    )


def _said(known: _Known, name: str) -> list[tuple[str, str, Source]]:
    return [(t.fields[name], t.where, t.source) for t in known.told if t.fields.get(name)]


def _first(about: str, name: str, said: list[tuple[str, str, Source]], conflicts: list[Conflict]) -> str:
    """The most trusted value; what others say instead is a conflict, each other value once."""
    if not said:
        return ""
    kept, kept_where, kept_source = said[0]
    others: dict[str, tuple[str, Source]] = {}
    for value, where, source in said[1:]:
        if value != kept:
            others.setdefault(value, (where, source))
    for value, (where, source) in others.items():
        conflicts.append(Conflict(about, name, kept, f"{kept_source}, {kept_where}", value, f"{source}, {where}"))
    return kept


def _teams(told: Told, conflicts: list[Conflict]) -> list[Team]:
    found: dict[str, list[tuple[Source, str, Team]]] = {}
    for entry in sorted(told.teams, key=lambda t: SOURCES.index(t[0])):
        found.setdefault(entry[2].id, []).append(entry)
    out = []
    for team_id, entries in sorted(found.items()):
        values: Mapping[str, str] = {
            name: _first(
                f"team {team_id}",
                name,
                [(v, where, source) for source, where, team in entries if (v := getattr(team, name))],
                conflicts,
            )
            for name in ("name", "lead", "oncall", "backup", "parent")
        }
        members = tuple(sorted({m for _, _, team in entries for m in team.members}))
        out.append(Team(team_id, **(dict(values) | {"name": values["name"] or team_id}), members=members))
    return out


def _people(told: Told, teams: set[str], conflicts: list[Conflict]) -> list[Member]:
    found: dict[str, Member] = {}
    for source, where, person in sorted(told.people, key=lambda p: SOURCES.index(p[0])):
        if person.id in teams:
            conflicts.append(Conflict(f"person {person.id}", "id", "a team", "", "a person", f"{source}, {where}"))
            continue
        known = found.get(person.id)
        if known is None:
            found[person.id] = replace(person, name=person.name or person.id)
        else:
            found[person.id] = replace(known, email=known.email or person.email)
    return [found[name] for name in sorted(found)]


def plain(services: Iterable[Service], teams: Iterable[Team], people: Iterable[Member]) -> dict[str, Any]:
    """The document `catalog`; what is empty is left out."""
    out: dict[str, Any] = {}
    for name, entries in (("services", services), ("teams", teams), ("people", people)):
        listed = [_entry(entry) for entry in entries]
        out |= {name: listed} if listed else {}
    return out


def _entry(thing: Service | Team | Member) -> dict[str, Any]:
    found = {name: getattr(thing, name) for name in type(thing).__dataclass_fields__}
    return {
        name: list(value) if isinstance(value, tuple) else dict(value) if isinstance(value, Mapping) else value
        for name, value in found.items()
        if value
    }
