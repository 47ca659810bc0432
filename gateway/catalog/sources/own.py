"""Our own YAML: the seed's `service:` (21.2), and `services:`, `teams:`, `people:` as `mandate catalog export` writes
them. Pure."""

from __future__ import annotations

from typing import Any

from gateway.catalog.sources.told import (
    Key,
    Told,
    ToldService,
    mapping_of,
    person_name,
    refuse,
    text_of,
    texts_of,
)
from schemas.catalog import SOURCES, Member, Team

_TOP = ("service", "services", "team", "teams", "person", "people")
_SERVICE = ("id", "name", "kind", "system", "sources", "ownership", "dependencies", "metadata", "resources")
_FLAT = ("owner", "tier", "primary", "oncall", "backup", "depends_on")
_TEAM = ("id", "name", "lead", "oncall", "backup", "parent", "members")
_PERSON = ("id", "name", "email")
_OWNERSHIP = {"team": "owner", "primary": "primary", "oncall": "oncall", "backup": "backup"}


def is_own(plain: dict[str, Any]) -> bool:
    """Whether a document is ours."""
    return bool(plain) and "apiVersion" not in plain and any(name in plain for name in _TOP)


def read(plain: dict[str, Any], where: str, told: Told) -> None:
    """One document. Raises ConfigurationError `catalog_malformed`, naming what nobody asked for."""
    _known(plain, _TOP, where, "document")
    for entry, place in _entries(plain, "service", "services", where):
        told.services.append(_service(entry, place))
    for entry, place in _entries(plain, "team", "teams", where):
        _known(entry, _TEAM, place, "team")
        texts = {n: person_name(text_of(entry.get(n), place, n)) for n in _TEAM if n != "members"}
        members = sorted(person_name(m) for m in texts_of(entry.get("members"), place, "members"))
        told.teams.append(("manual", place, Team(**texts, members=tuple(members))))
    for entry, place in _entries(plain, "person", "people", where):
        _known(entry, _PERSON, place, "person")
        told.people.append(("manual", place, Member(*(person_name(text_of(entry.get(n), place, n)) for n in _PERSON))))


def _entries(plain: dict[str, Any], one: str, many: str, where: str) -> list[tuple[dict[str, Any], str]]:
    listed = plain.get(many) or []
    if not isinstance(listed, list):
        refuse("catalog_malformed", where, f"{many} is no list", "Correct the file.")
    found = [(entry, f"{where} {many}[{n}]") for n, entry in enumerate(listed)]
    found += [(plain[one], f"{where} {one}")] if one in plain else []
    out = []
    for given, place in found:
        entry = mapping_of(given, place, "the entry")
        if not text_of(entry.get("id"), place, "id"):
            refuse("catalog_malformed", place, "it has no id", "Give it one.")
        out.append((entry, place))
    return out


def _service(entry: dict[str, Any], where: str) -> ToldService:
    _known(entry, (*_SERVICE, *_FLAT), where, "service")
    ownership = mapping_of(entry.get("ownership"), where, "ownership")
    _known(ownership, tuple(_OWNERSHIP), where, "ownership")
    metadata = {
        n: text_of(v, where, f"metadata.{n}") for n, v in mapping_of(entry.get("metadata"), where, "metadata").items()
    }
    fields = {n: text_of(entry.get(n), where, n) for n in ("kind", "name", "system", *_FLAT[:-1])}
    for name, field in _OWNERSHIP.items():
        fields[field] = text_of(ownership.get(name), where, f"ownership.{name}") or fields.get(field, "")
    # The seed keeps the tier among the metadata.
    tier = metadata.pop("tier", "")
    fields["tier"] = fields["tier"] or tier
    people = ("owner", "primary", "oncall", "backup")
    fields = {n: person_name(v) if n in people else v for n, v in fields.items() if v}
    service_id = text_of(entry.get("id"), where, "id")
    needs = (
        *texts_of(entry.get("dependencies"), where, "dependencies"),
        *texts_of(entry.get("depends_on"), where, "depends_on"),
    )
    links, labels = _sources(entry.get("sources"), where)
    return ToldService(
        source="manual",
        where=where,
        id=service_id,
        label="\n".join(labels) or "manual",
        keys=(("id", service_id),),
        links=links,
        fields=fields,
        resources=texts_of(entry.get("resources"), where, "resources"),
        uses=tuple(dict.fromkeys(needs)),
        metadata={n: v for n, v in metadata.items() if v},
    )


def _sources(given: Any, where: str) -> tuple[tuple[Key, ...], list[str]]:
    """Links to what the service is elsewhere; a text is the label of an earlier import, kept as it is."""
    links: list[Key] = []
    labels: list[str] = []
    for entry in given or []:
        if isinstance(entry, str) and entry.split(":")[0] in SOURCES:
            labels.append(entry)
            continue
        source = mapping_of(entry, where, "sources")
        kind = text_of(source.get("type"), where, "sources.type")
        if kind == "kubernetes":
            name = next(
                (text_of(source[n], where, n) for n in ("deployment", "statefulset", "service", "name") if n in source),
                "",
            )
            links.append(("kubernetes", text_of(source.get("namespace"), where, "namespace") or "default", name))
        elif kind == "github":
            links.append(("repo", text_of(source.get("repo"), where, "repo").lower()))
        elif kind == "backstage":
            component = text_of(source.get("component"), where, "component").lower()
            links.append(("component", "default", component))
        else:
            refuse(
                "catalog_malformed", where, f"there is no source {kind[:64]!r}", "Use kubernetes, github or backstage."
            )
    return tuple(links), labels


def _known(entry: dict[str, Any], names: tuple[str, ...], where: str, what: str) -> None:
    for name in entry:
        if name not in names:
            why = f"there is no setting {str(name)[:64]!r} of a {what}"
            refuse("catalog_malformed", where, why, f"Use {', '.join(names)}.")
