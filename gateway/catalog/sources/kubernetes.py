"""Kubernetes manifests, or what `kubectl get -o json|yaml` writes: workloads and services become services. Pure.

What belongs together is told by the well-known label app.kubernetes.io/name within a namespace, else by its name.
"""

from __future__ import annotations

from typing import Any

from gateway.catalog.sources.told import Key, Told, ToldService, mapping_of, person_name, refuse, text_of

KINDS = ("Deployment", "StatefulSet", "DaemonSet", "Service", "CronJob", "Job", "ReplicaSet", "Rollout")
LISTS = 3  # a List of Lists of Lists; kubectl writes one
NAME_LABELS = ("app.kubernetes.io/name", "app", "k8s-app")
# Where people write owners, the first that is there: a8r.io is a convention for annotations of services.
OWNERS = ("a8r.io/owner", "owner", "team", "app.kubernetes.io/managed-by-team")
DEPENDENCIES = "a8r.io/dependencies"


def is_kubernetes(plain: dict[str, Any]) -> bool:
    """Whether a document is an object of Kubernetes."""
    return isinstance(plain.get("kind"), str) and isinstance(plain.get("apiVersion"), str)


def read(plain: dict[str, Any], where: str, told: Told, depth: int = 0) -> None:
    """One object, or a list of them. Raises ConfigurationError `catalog_malformed`."""
    kind = text_of(plain.get("kind"), where, "kind")
    if kind.endswith("List") and isinstance(plain.get("items"), list):
        for number, item in enumerate(plain["items"]):
            place = f"{where} items[{number}]"
            if not isinstance(item, dict) or depth >= LISTS:
                refuse("catalog_malformed", place, "it is no object", "Give what kubectl writes.")
            # Items of a typed list (DeploymentList) may leave their kind out.
            read({"kind": kind.removesuffix("List") or "", **item}, place, told, depth + 1)
        return
    if kind not in KINDS:
        told.skip(kind)
        return
    metadata = mapping_of(plain.get("metadata"), where, "metadata")
    name = text_of(metadata.get("name"), where, "metadata.name")
    if not name:
        refuse("catalog_malformed", where, f"a {kind} without metadata.name", "Give what kubectl writes.")
    if kind in ("Job", "ReplicaSet") and metadata.get("ownerReferences"):
        told.skip(kind)  # made by a CronJob or a Deployment, which is there itself
        return
    told.services.append(_service(kind, name, metadata, where))


def _service(kind: str, name: str, metadata: dict[str, Any], where: str) -> ToldService:
    namespace = text_of(metadata.get("namespace"), where, "metadata.namespace") or "default"
    labels = mapping_of(metadata.get("labels"), where, "metadata.labels")
    notes = mapping_of(metadata.get("annotations"), where, "metadata.annotations")
    named = _first(labels, NAME_LABELS, where) or name
    owner = _first(notes, OWNERS, where) or _first(labels, OWNERS[1:], where)
    needs = text_of(notes.get(DEPENDENCIES), where, DEPENDENCIES)
    keys: list[Key] = [("kubernetes", namespace, named), ("kubernetes", namespace, name)]
    backstage = text_of(labels.get("backstage.io/kubernetes-id"), where, "backstage.io/kubernetes-id")
    keys += [("kubernetes-id", backstage)] if backstage else []
    fields = {
        "owner": person_name(owner),
        "system": text_of(labels.get("app.kubernetes.io/part-of"), where, "app.kubernetes.io/part-of"),
    }
    return ToldService(
        source="kubernetes",
        where=where,
        id=named,
        label=f"kubernetes:{namespace}/{kind.lower()}/{name}",
        keys=tuple(dict.fromkeys(keys)),
        fields={n: v for n, v in fields.items() if v},
        resources=(f"{namespace}/{kind.lower()}/{name}", f"{namespace}/{name}"),
        uses=tuple(dict.fromkeys(part.strip() for part in needs.split(",") if part.strip())),
        metadata={"namespace": namespace},
    )


def _first(values: dict[str, Any], names: tuple[str, ...], where: str) -> str:
    for name in names:
        found = text_of(values.get(name), where, name)
        if found:
            return found
    return ""
