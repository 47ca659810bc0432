"""Backstage's catalog-info.yaml: Component, API, Resource, System, Group, User (backstage.io/v1alpha1). Pure."""

from __future__ import annotations

import re
from typing import Any

from gateway.catalog.sources.told import Key, Told, ToldService, mapping_of, refuse, text_of, texts_of
from schemas.catalog import Member, Team

KINDS = ("component", "api", "resource", "system")
# Entities that say nothing of services.
OTHERS = ("domain", "location", "template")
_REFERENCE = re.compile(r"(?:([A-Za-z][A-Za-z0-9]*):)?(?:([A-Za-z0-9._-]+)/)?([A-Za-z0-9._-]+)")
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,62}")
_GITHUB = re.compile(
    r"(?:url:)?https?://[^/]*github[^/]*/([^/\s]+/[^/\s]+?)(?:\.git)?(?:/(?:tree|blob)/[^/]+(/.*)?)?/?"
)


def is_backstage(plain: dict[str, Any]) -> bool:
    """Whether a document is an entity of Backstage."""
    return str(plain.get("apiVersion", "")).startswith("backstage.io/")


def reference(text: str, kind: str, namespace: str, where: str) -> Key:
    """`[kind:][namespace/]name` as (kind, namespace, name), all lower case. Raises ConfigurationError."""
    found = _REFERENCE.fullmatch(text.strip())
    if found is None:
        why = f"{text[:64]!r} is no reference [kind:][namespace/]name"
        refuse("catalog_reference_malformed", where, why, "Correct the reference.")
    return ((found[1] or kind).lower(), (found[2] or namespace).lower(), found[3].lower())


def read(plain: dict[str, Any], where: str, told: Told) -> None:
    """One entity. Raises ConfigurationError: `catalog_malformed`, `catalog_reference_malformed`."""
    kind = text_of(plain.get("kind"), where, "kind").lower()
    metadata = mapping_of(plain.get("metadata"), where, "metadata")
    spec = mapping_of(plain.get("spec"), where, "spec")
    name = text_of(metadata.get("name"), where, "metadata.name")
    if _NAME.fullmatch(name) is None:
        why = f"metadata.name {name[:64]!r} is no name of an entity"
        refuse("catalog_malformed", where, why, "Use 1 to 63 letters, digits, '.', '_' and '-'.")
    namespace = text_of(metadata.get("namespace"), where, "metadata.namespace").lower() or "default"
    if kind == "group":
        _group(name, namespace, spec, where, told)
    elif kind == "user":
        _user(name, namespace, spec, where, told)
    elif kind in KINDS:
        told.services.append(_service(kind, name, namespace, metadata, spec, where))
    elif kind in OTHERS:
        told.skip(kind)
    else:
        refuse("catalog_malformed", where, f"there is no kind {kind[:64]!r}", f"Use one of {', '.join(KINDS)}.")


def plain_name(key: Key) -> str:
    """How a team or a person is called here: without kind, and without the namespace `default`."""
    _, namespace, name = key
    return name if namespace == "default" else f"{namespace}/{name}"


def _service(
    kind: str, name: str, namespace: str, metadata: dict[str, Any], spec: dict[str, Any], where: str
) -> ToldService:
    key: Key = (kind, namespace, name.lower())
    notes = mapping_of(metadata.get("annotations"), where, "metadata.annotations")

    def refer(field: str, to: str) -> tuple[Key, ...]:
        return tuple(reference(t, to, namespace, where) for t in texts_of(spec.get(field), where, f"spec.{field}"))

    owner = text_of(spec.get("owner"), where, "spec.owner")
    system = text_of(spec.get("system"), where, "spec.system")
    fields = {
        "kind": "service" if kind == "component" else kind,
        "name": text_of(metadata.get("title"), where, "metadata.title"),
        "owner": plain_name(reference(owner, "group", namespace, where)) if owner else "",
        "system": plain_name(reference(system, "system", namespace, where)) if system else "",
        "oncall": _pager(text_of(notes.get("pagerduty.com/service-id"), where, "pagerduty.com/service-id")),
    }
    slug, folder = _repository(notes, where)
    kubernetes = text_of(notes.get("backstage.io/kubernetes-id"), where, "backstage.io/kubernetes-id")
    links: tuple[Key, ...] = (("kubernetes-id", kubernetes),) if kubernetes else ()
    extra = {
        "lifecycle": text_of(spec.get("lifecycle"), where, "spec.lifecycle"),
        "type": text_of(spec.get("type"), where, "spec.type"),
        "repository": slug,
    }
    return ToldService(
        source="backstage",
        where=where,
        id=plain_name(key),
        label=f"backstage:{kind}:{namespace}/{name}",
        keys=(key, *((("repo", slug.lower()),) if slug else ())),
        links=links,
        fields={n: v for n, v in fields.items() if v},
        uses=(*refer("dependsOn", "component"), *refer("consumesApis", "api")),
        used_by=(*refer("dependencyOf", "component"), *refer("providesApis", "api")),
        metadata={n: v for n, v in extra.items() if v},
        folder=folder,
    )


def _pager(service_id: str) -> str:
    return f"pagerduty:{service_id}" if service_id else ""


def _repository(notes: dict[str, Any], where: str) -> tuple[str, str]:
    """(org/name, folder) of where the source lies; empty where nobody says it."""
    location = text_of(notes.get("backstage.io/source-location"), where, "backstage.io/source-location")
    found = _GITHUB.fullmatch(location) if location else None
    slug = text_of(notes.get("github.com/project-slug"), where, "github.com/project-slug")
    if found is None:
        return slug, ""
    return slug or found[1], (found[2] or "").strip("/")


def _group(name: str, namespace: str, spec: dict[str, Any], where: str, told: Told) -> None:
    profile = mapping_of(spec.get("profile"), where, "spec.profile")
    members = [reference(m, "user", namespace, where) for m in texts_of(spec.get("members"), where, "spec.members")]
    parent = text_of(spec.get("parent"), where, "spec.parent")
    team = Team(
        plain_name(("group", namespace, name.lower())),
        text_of(profile.get("displayName"), where, "spec.profile.displayName") or name,
        parent=plain_name(reference(parent, "group", namespace, where)) if parent else "",
        members=tuple(sorted({plain_name(m) for m in members})),
    )
    told.teams.append(("backstage", where, team))


def _user(name: str, namespace: str, spec: dict[str, Any], where: str, told: Told) -> None:
    profile = mapping_of(spec.get("profile"), where, "spec.profile")
    person = plain_name(("user", namespace, name.lower()))
    display = text_of(profile.get("displayName"), where, "spec.profile.displayName") or name
    told.people.append(
        ("backstage", where, Member(person, display, text_of(profile.get("email"), where, "spec.profile.email")))
    )
    for group in texts_of(spec.get("memberOf"), where, "spec.memberOf"):
        team = plain_name(reference(group, "group", namespace, where))
        told.teams.append(("backstage", where, Team(team, members=(person,))))
