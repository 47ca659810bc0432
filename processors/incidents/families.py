"""Similar errors: which incidents began with an error so like this one that it is the same fault (alike.py).

    found(view, key, signal, config) -> Found       the incidents that it may belong to, those it does not, and why
    began(view, key, signal, …) -> WordsKept        what is kept of a first failure

Looked into when no incident of exactly this error takes a failure. "Same resource" is the resource itself, or another
one of the service that the catalog declares for both. Nothing is learned: an incident is compared by its first failure,
so one likeness does not lead to the next.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any, cast

from processors.incidents import alike, failures
from processors.incidents.events import WordsKept
from processors.incidents.families_state import BEGAN_MAX, Began, Families, Family, families_part, family_part
from processors.incidents.rules import RESOURCE_CHARACTERS, clip
from processors.incidents.state import Kinds, incident_part
from processors.kernel.decider import View
from schemas.catalog import Catalog
from schemas.ids import Id, derive
from schemas.incident_rules import Incidents
from schemas.messages.incidents import ErrorSignalled

# So many incidents are looked at for one failure, the youngest: each is a few parts read.
SIMILAR_MAX = 8
ALL = 1_000


@dataclass(frozen=True, slots=True)
class Like:
    """Why an incident began with the same fault. `service` is the declared one, where the resource is another."""

    incident_id: Id
    why: str
    service: str = ""


@dataclass(frozen=True, slots=True)
class Found:
    """Incidents that began with a similar error, the youngest first, and why the others of its type are none."""

    like: tuple[Like, ...] = ()
    unlike: tuple[tuple[Id, str], ...] = ()


def words_of(signal: ErrorSignalled) -> str:
    """The normalised message of which the fingerprint was made; empty where a grouping rule made it."""
    words = signal.words or signal.message
    return words if _fingerprint(signal.error_type, words) == signal.fingerprint else ""


@lru_cache(maxsize=alike.KEPT)
def _fingerprint(error_type: str, words: str) -> str:
    return derive("fingerprint", error_type, words).hex()


def found(view: View, key: str, signal: ErrorSignalled, config: Incidents) -> Found:
    """The incidents that this failure is like, by how they began."""
    words: str | None = None
    like: dict[Id, Like] = {}
    unlike: dict[Id, str] = {}
    for service, part in _places(view, key, signal, config):
        listed: Family | None = view.get(part)
        for one in reversed(listed.began if listed is not None else ()):
            if one.incident_id in like or one.incident_id in unlike or len(like) >= SIMILAR_MAX:
                continue
            if words is None:
                words = words_of(signal)
            why, why_not = _weighed(one, signal, words, config)
            if why:
                like[one.incident_id] = Like(one.incident_id, why, service)
            else:
                unlike[one.incident_id] = why_not
    return Found(tuple(like.values()), tuple(unlike.items()))


def _weighed(one: Began, signal: ErrorSignalled, words: str, config: Incidents) -> tuple[str, str]:
    """Why it is the same fault, and why not: one of them is empty."""
    if one.fingerprint == signal.fingerprint:
        return f"same error {signal.error_type} ({signal.fingerprint})", ""
    if not words or not one.words:
        return "", "a grouping rule tells them apart"
    rule = config.alike
    if rule.per_mille >= ALL:
        return "", "all words alike are asked"
    seen = alike.compare(one.words, words, rule)
    if seen.why_not:
        return "", seen.why_not
    instead = ", ".join(f"{new} for {old}" for old, new in seen.differ)
    asked = f"at least {rule.per_mille} of 1,000"
    return f"similar error {signal.error_type}: {seen.counted()}, {asked}, {instead} ({signal.fingerprint})", ""


def _places(view: View, key: str, signal: ErrorSignalled, config: Incidents) -> list[tuple[str, str]]:
    """(declared service or nothing, part) of the families to look into."""
    out = [("", family_part(key, "resource", clipped(signal.resource), signal.error_type, signal.historical))]
    service = declared(view, signal.tenant, signal.resource) if config.alike.same_service else ""
    if service:
        out.append((service, family_part(key, "service", service, signal.error_type, signal.historical)))
    return out


def clipped(resource: str) -> str:
    """The resource as incidents keep it."""
    return clip(resource, RESOURCE_CHARACTERS)


def declared(view: View, tenant: str, resource: str) -> str:
    """The service that the catalog declares for a resource; empty without one."""
    service = cast(Catalog, view.config(tenant, "catalog")).service(resource)
    return service.id if service is not None else ""


def began(view: View, key: str, signal: ErrorSignalled, incident_id: Id, problem: Id, first: bool) -> WordsKept | None:
    """What is to be kept of a failure: of an incident's first one where it is listed, too. None: nothing to keep."""
    if not first and _is_known(view, key, incident_id, problem):
        return None
    words = words_of(signal)
    parts = []
    if first:
        at = (signal.error_type, signal.historical)
        service = declared(view, signal.tenant, signal.resource)
        parts += [family_part(key, "resource", clipped(signal.resource), *at)] if words else []
        parts += [family_part(key, "service", service, *at)] if service else []
    if not words and not parts:
        return None
    return WordsKept(key, incident_id, problem, signal.fingerprint, words, tuple(parts))


def _is_known(view: View, key: str, incident_id: Id, problem: Id) -> bool:
    """Whether nothing more is kept of a problem of an incident: its words are there, or as many problems as may be."""
    kinds = failures.kinds_of(view, incident_part(key, incident_id))
    here = next((k for k in kinds if k.problem == problem), None)
    return bool(here.words) if here is not None else len(kinds) >= failures.KINDS_MAX


# --- what it changes ----------------------------------------------------------------------------------------------


def _kept(view: View, event: WordsKept) -> dict[str, Any | None]:
    part = incident_part(event.key, event.incident_id)
    out: dict[str, Any | None] = {}
    kinds = failures.kinds_of(view, part)
    if event.words and any(k.problem == event.problem and not k.words for k in kinds):
        told = tuple(replace(k, words=event.words) if k.problem == event.problem else k for k in kinds)
        out[f"{part}/kinds"] = Kinds(told)
    for name in event.parts:
        listed: Family = view.get(name) or Family(())
        one = Began(event.incident_id, event.fingerprint, event.words)
        out[name] = Family((*listed.began, one)[-BEGAN_MAX:])
    if event.parts:
        out[families_part(part)] = Families(event.parts)
    return out


def forgotten(view: View, part: str, incident_id: Id, out: dict[str, Any | None]) -> None:
    """Take an incident that leaves the state off the families in which it is listed."""
    listed: Families | None = view.get(families_part(part))
    for name in listed.parts if listed is not None else ():
        family: Family | None = out[name] if name in out else view.get(name)
        left = tuple(b for b in (family.began if family is not None else ()) if b.incident_id != incident_id)
        out[name] = Family(left) if left else None


EVOLVERS: Mapping[type, Callable[[View, Any], Mapping[str, Any | None]]] = {WordsKept: _kept}
