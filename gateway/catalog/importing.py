"""Files of Backstage, Kubernetes, GitHub and our own become the document `catalog`. Pure: texts in, a report out.

A file that does not parse, or that is nothing known, refuses the whole import with file, line, code and remedy: half a
catalog would look like services that were taken away. Unknown owners, unknown dependencies and circles are reported.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from typing import Any, cast

from gateway.catalog.merging import Conflict, Merged, merge, plain
from gateway.catalog.sources import backstage, codeowners, kubernetes, own
from gateway.catalog.sources.texts import documents
from gateway.catalog.sources.told import Key, Told, ToldService, refuse
from schemas.catalog import Catalog
from schemas.configuration import canonical, parse_document
from schemas.errors import ConfigurationError

FILES_MAX = 5_000
SHOWN_MAX = 200  # of each list of a report; the counts are whole


@dataclass(frozen=True, slots=True)
class Given:
    """A file: how people call it, and its bytes."""

    name: str
    raw: bytes


@dataclass(frozen=True, slots=True)
class Options:
    """What CODEOWNERS leaves open: whose file it is (`org/name`), and which folder is which service."""

    repository: str = ""
    folders: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Imported:
    """A whole catalog and what is to be known of it. `document` is the plain document."""

    document: Mapping[str, Any]
    catalog: Catalog
    conflicts: tuple[Conflict, ...]
    skipped: Mapping[str, int]

    def report(self) -> dict[str, Any]:
        """In numbers and lists, as JSON."""
        unknown, unowned, cycles = self.catalog.unknown(), self.catalog.unowned(), self.catalog.cycles()
        lists: dict[str, list[Any]] = {
            "conflicts": [
                {
                    "about": c.about,
                    "field": c.field,
                    "kept": c.kept,
                    "kept_from": c.kept_from,
                    "other": c.other,
                    "other_from": c.other_from,
                }
                for c in self.conflicts
            ],
            "unknown_dependencies": [{"service": s, "depends_on": other} for s, other in unknown],
            "unknown_owners": [{"service": s, "owner": owner} for s, owner in unowned if owner],
            "unowned": [s for s, owner in unowned if not owner],
            "cycles": [list(circle) for circle in cycles],
        }
        counts = {
            "services": len(self.catalog.services),
            "dependencies": sum(len(s.depends_on) for s in self.catalog.services),
            "teams": len(self.catalog.teams),
            "people": len(self.catalog.people),
        }
        return {
            "counts": counts | {name: len(found) for name, found in lists.items()},
            **{name: found[:SHOWN_MAX] for name, found in lists.items()},
            "skipped": dict(self.skipped),
        }


def import_files(files: Sequence[Given], options: Options | None = None) -> Imported:
    """The catalog that these files tell of together. Raises ConfigurationError with file and line in `what`."""
    options = options or Options()
    if len(files) > FILES_MAX:
        refuse("catalog_too_large", f"{len(files)} files", f"the limit is {FILES_MAX}", "Give fewer.")
    told = Told()
    rules: list[tuple[str, list[codeowners.Rule]]] = []
    for given in files:
        if PurePosixPath(given.name).name == "CODEOWNERS":
            rules.append((given.name, codeowners.read(given.raw, given.name)))
        else:
            _read(given, told)
    for name, found in rules:
        told.services += _owned(told.services, name, found, options)
    if not told.services and not told.teams and not told.people:
        where = files[0].name if files else "nothing"
        refuse("catalog_empty", where, "it tells of no service, team or person", "Name files of services.")
    return _whole(merge(told), told)


def _whole(merged: Merged, told: Told) -> Imported:
    document = plain(merged.services, merged.teams, merged.people)
    try:
        json.dumps(document, ensure_ascii=False, allow_nan=False).encode()
    except (ValueError, RecursionError):
        why = "it holds half of a surrogate pair, a number that is none, or is nested too deeply"
        refuse("catalog_not_text", "the whole", why, "Correct the file.")
    try:
        catalog = cast(Catalog, parse_document("catalog", canonical(document)))
    except ConfigurationError as error:
        raise ConfigurationError(error.code, f"the whole: {error.what}", error.why, error.remedy) from error
    return Imported(document, catalog, tuple(merged.conflicts), told.skipped)


def _read(given: Given, told: Told) -> None:
    for line, document in documents(given.raw, given.name):
        where = f"{given.name}:{line}"
        if not isinstance(document, dict):
            refuse("catalog_unrecognised", where, "it is no mapping", _KNOWN)
        if backstage.is_backstage(document):
            backstage.read(document, where, told)
        elif kubernetes.is_kubernetes(document):
            kubernetes.read(document, where, told)
        elif own.is_own(document):
            own.read(document, where, told)
        else:
            refuse("catalog_unrecognised", where, "nobody knows what it describes", _KNOWN)


_KNOWN = "Give entities of Backstage, objects of Kubernetes, CODEOWNERS, or `service:` as in the documentation."


def _owned(
    services: Sequence[ToldService], name: str, rules: Sequence[codeowners.Rule], options: Options
) -> list[ToldService]:
    """What a CODEOWNERS file says: of each service of its repository, and of each folder that is given by hand."""
    slug = options.repository.lower()
    asked: dict[tuple[str, str], tuple[Key, ...]] = {
        (service, folder.strip("/")): (("id", service),) for folder, service in options.folders.items()
    }
    for service in services:
        repositories = {key[1] for key in (*service.keys, *service.links) if key[0] == "repo"}
        # Without its name the file can only be that of the one repository that is spoken of.
        if (slug and slug in repositories) or (not slug and len(_repositories(services)) == 1 and repositories):
            asked.setdefault((service.id, service.folder), tuple(k for k in service.keys if k[0] != "repo"))
    out = []
    for (service_id, folder), keys in asked.items():
        rule = codeowners.owners_of(rules, f"{folder}/-" if folder else "-")
        if rule is None or not rule.owners:
            continue
        out.append(
            ToldService(
                source="github",
                where=f"{name}:{rule.line}",
                id=service_id,
                label=f"github:{slug or name}",
                keys=keys,
                fields={"owner": _owner(rule.owners)},
            )
        )
    return out


def _repositories(services: Sequence[ToldService]) -> set[str]:
    return {key[1] for s in services for key in (*s.keys, *s.links) if key[0] == "repo"}


def _owner(owners: Sequence[str]) -> str:
    """A team before people: `@org/team` is the team, `@user` the person, an address its part before the @."""
    teams = [o.rsplit("/", 1)[1] for o in owners if o.startswith("@") and "/" in o]
    if teams:
        return teams[0]
    return owners[0].removeprefix("@").split("@")[0]
