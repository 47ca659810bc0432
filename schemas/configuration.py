"""Configuration documents: what a tenant can set, with the defaults in force before any version is announced.

A document is canonical JSON on the log (`ConfigurationAnnounced.body`) and one of these frozen types in code.
`parse_document` checks a document alone, `check_tenant` what must hold across documents.
Version 0 of each document is the default written here (KERNEL 7). Durations are integer seconds.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from hashlib import sha256
from typing import Any, Literal, cast

from schemas.calendar import Calendar, Occurrences, read_calendar, read_occurrences
from schemas.catalog import Catalog
from schemas.catalog_reader import read_catalog, shared
from schemas.document_reader import Reader, invalid, unique
from schemas.errors import ConfigurationError
from schemas.flood_rules import Floods, read_floods
from schemas.incident_rules import Incidents, read_incidents
from schemas.messages.notifications import Channel
from schemas.signal_rules import Signals, read_signals
from schemas.target_names import is_target

# A document up to this is one record of the log; a larger one is announced in parts of this size.
MAX_DOCUMENT_BYTES = 262_144
# 5,000 services with 20,000 dependencies are 1.5 MB; what is larger than its parts may be is refused.
MAX_PARTS: Mapping[str, int] = {"catalog": 16}
MAX_TARGETS = 200  # hosts of one tenant; each is compared at every attempt
MAX_STEPS = 50  # an escalation keeps its steps in one part of 64 KB; 50 x 1,024 characters fit
# The rml processor keeps an effect for the window and half a day: a week of one effect a second is 0.6 M, 0.5 GB.
MAX_RML_WINDOW_S = 604_800
MAX_RETENTION_DAYS = 36_500  # a century; more is for ever


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody who can be paged; channels in the order to try."""

    id: str
    name: str
    channels: tuple[Channel, ...]
    roles: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class People:
    """All people of a tenant; `fallback_contact` is paged when a policy is exhausted."""

    people: tuple[Person, ...] = ()
    fallback_contact: str = ""

    def person(self, name: str) -> Person | None:
        """The person with this id, or None."""
        for person in self.people:
            if person.id == name:
                return person
        return None


@dataclass(frozen=True, slots=True)
class OwnedResource:
    """`match` is a resource's name, or a prefix when it ends in `*`."""

    match: str
    team: str


@dataclass(frozen=True, slots=True)
class Ownership:
    """Which team owns which resource: an exact name wins, then the longest prefix, then nobody (the default policy)."""

    resources: tuple[OwnedResource, ...] = ()

    def owner(self, resource: str) -> str | None:
        """The owning team of a resource, or None."""
        best: OwnedResource | None = None
        for entry in self.resources:
            if entry.match == resource:
                return entry.team
            prefix = entry.match[:-1] if entry.match.endswith("*") else None
            if prefix is not None and resource.startswith(prefix) and (not best or len(prefix) >= len(best.match)):
                best = entry
        return best.team if best else None


@dataclass(frozen=True, slots=True)
class Step:
    """Page this person, then wait this long for an acknowledgement before the next step."""

    person: str
    wait_s: int


@dataclass(frozen=True, slots=True)
class Policy:
    """Steps in order, the whole repeated `rounds` times (seed: 3)."""

    id: str
    steps: tuple[Step, ...]
    rounds: int = 3


@dataclass(frozen=True, slots=True)
class Escalation:
    """Policies, which team uses which, and the one for everything else. Outcome waits are KERNEL 11 timers."""

    policies: tuple[Policy, ...] = ()
    teams: Mapping[str, str] | None = None
    default_policy: str = ""
    outcome_wait_s: int = 10
    outcome_tries: int = 3

    def policy(self, name: str) -> Policy | None:
        """The policy with this id, or None."""
        for policy in self.policies:
            if policy.id == name:
                return policy
        return None


@dataclass(frozen=True, slots=True)
class Rml:
    """When two effects alike are a suspected second charge: their event times are less than `window_s` apart.

    `uncertain_errors` are the error types after which nobody knows whether the effect came about (a lost answer).
    """

    window_s: int = 86_400
    uncertain_errors: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Targets:
    """Where webhooks may be sent: host names, `*.suffix`, or networks (10.1.0.0/16). Empty: every public address.

    A private address is only reached when the operator opened its network as well (MANDATE_WEBHOOK_NETWORKS).
    """

    webhooks: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Retention:
    """How many whole days (UTC) the archive keeps what agents said and what was done with it; 0: for ever.

    Incidents, effects, pages and dead letters stay until the tenant is deleted.
    """

    days: int = 0


Document = (
    People
    | Ownership
    | Escalation
    | Signals
    | Floods
    | Incidents
    | Rml
    | Targets
    | Retention
    | Catalog
    | Calendar
    | Occurrences
)
DocumentName = Literal[
    "people",
    "ownership",
    "escalation",
    "signals",
    "floods",
    "incidents",
    "rml",
    "targets",
    "retention",
    "catalog",
    "calendar",
    "occurrences",
]
# What the gateway makes of another one; nobody sets it.
DERIVED = {"occurrences": "calendar"}
DEFAULTS: Mapping[str, Document] = {
    "people": People(),
    "ownership": Ownership(),
    "escalation": Escalation(),
    "signals": Signals(),
    "floods": Floods(),
    "incidents": Incidents(),
    "rml": Rml(),
    "targets": Targets(),
    "retention": Retention(),
    "catalog": Catalog(),
    "calendar": Calendar(),
    "occurrences": Occurrences(),
}


def canonical(plain: Mapping[str, Any]) -> bytes:
    """The one byte form of a document: sorted keys, no spaces, UTF-8."""
    return json.dumps(plain, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


def parse_document(name: str, body: bytes) -> Document:
    """A document from its canonical JSON. Raises ConfigurationError: configuration_unknown, _too_large, _invalid."""
    if name not in _READERS:
        raise ConfigurationError(
            "configuration_unknown",
            f"document {name}",
            "there is no such document",
            f"Use one of: {', '.join(_READERS)}.",
            field=name,
        )
    limit = MAX_DOCUMENT_BYTES * MAX_PARTS.get(name, 1)
    if len(body) > limit:
        raise ConfigurationError(
            "configuration_too_large", f"document {name}", f"{len(body)} bytes", f"Keep it under {limit}.", field=name
        )
    if name == "catalog":
        return shared(sha256(body).digest(), lambda: read_catalog(_reader(name, body)))
    return _READERS[name](_reader(name, body))


def _reader(name: str, body: bytes) -> Reader:
    try:
        plain = json.loads(body)
    except ValueError as error:
        raise invalid(name, f"not JSON: {error}") from error
    return Reader(name, plain)


def check_tenant(documents: Mapping[str, Document]) -> None:
    """What must hold across a tenant's documents: a default policy, a fallback contact, and every name exists.

    Raises ConfigurationError: configuration_no_default_policy, configuration_no_fallback, configuration_dangling.
    """
    everything = {**DEFAULTS, **documents}
    people = cast(People, everything["people"])
    escalation = cast(Escalation, everything["escalation"])
    ownership = cast(Ownership, everything["ownership"])
    if escalation.policy(escalation.default_policy) is None:
        raise ConfigurationError(
            "configuration_no_default_policy",
            "escalation.default_policy",
            "without it an unowned resource would page nobody",
            "Name one of the policies.",
            field="escalation.default_policy",
        )
    fallback = people.person(people.fallback_contact)
    if fallback is None or not fallback.channels:
        raise ConfigurationError(
            "configuration_no_fallback",
            "people.fallback_contact",
            "without a person with a channel nobody is told when a policy is exhausted",
            "Name a person of `people` who has a channel.",
            field="people.fallback_contact",
        )
    for policy in escalation.policies:
        for i, step in enumerate(policy.steps):
            person = people.person(step.person)
            if person is None or not person.channels:
                raise _dangling(
                    f"escalation.policies.{policy.id}.steps.{i}.person",
                    step.person,
                    "a person with a channel",
                )
    teams = escalation.teams or {}
    for team in sorted(teams):
        if escalation.policy(teams[team]) is None:
            raise _dangling(f"escalation.teams.{team}", teams[team], "a policy")
    owner = cast(Floods, everything["floods"]).security_owner
    if owner and owner not in teams and ((person := people.person(owner)) is None or not person.channels):
        raise _dangling("floods.security_owner", owner, "a person with a channel, or a team of escalation.teams")
    for entry in ownership.resources:
        if entry.team not in teams:
            raise _dangling(
                f"ownership.resources.{entry.match}", entry.team, "a team with a policy in escalation.teams"
            )


def _dangling(field: str, name: str, wanted: str) -> ConfigurationError:
    return ConfigurationError(
        "configuration_dangling",
        field,
        f"{name!r} is not {wanted}",
        "Declare it or correct the name.",
        field=field,
    )


def _people(r: Reader) -> People:
    people = []
    for p in r.readers("people"):
        channels = []
        for c in p.readers("channels"):
            kind = c.text("kind")
            if kind not in ("console", "webhook"):
                raise invalid(f"{c.place}.kind", f"{kind!r} is none of console, webhook")
            channels.append(Channel(cast(Literal["console", "webhook"], kind), c.text("address", "")))
            c.done()
        person_id = p.text("id")
        people.append(Person(person_id, p.text("name", person_id), tuple(channels), p.texts("roles")))
        p.done()
    unique(r.place, [p.id for p in people])
    out = People(tuple(people), r.text("fallback_contact", ""))
    r.done()
    return out


def _ownership(r: Reader) -> Ownership:
    out = []
    for entry in r.readers("resources"):
        out.append(OwnedResource(entry.text("match"), entry.text("team")))
        entry.done()
    unique(r.place, [e.match for e in out])
    r.done()
    return Ownership(tuple(out))


def _escalation(r: Reader) -> Escalation:
    policies = []
    for p in r.readers("policies"):
        steps = []
        for s in p.readers("steps"):
            steps.append(Step(s.text("person"), s.number("wait_s", 300, 1, 86_400)))
            s.done()
        if not 1 <= len(steps) <= MAX_STEPS:
            raise invalid(f"{p.place}.steps", f"a policy needs 1 to {MAX_STEPS} steps")
        policies.append(Policy(p.text("id"), tuple(steps), p.number("rounds", 3, 1, 10)))
        p.done()
    unique(r.place, [p.id for p in policies])
    out = Escalation(
        tuple(policies),
        r.mapping("teams"),
        r.text("default_policy", ""),
        r.number("outcome_wait_s", 10, 1, 600),
        r.number("outcome_tries", 3, 1, 10),
    )
    r.done()
    return out


def _targets(r: Reader) -> Targets:
    entries = r.texts("webhooks")
    if len(entries) > MAX_TARGETS:
        raise invalid(f"{r.place}.webhooks", f"at most {MAX_TARGETS} entries are expected")
    for i, entry in enumerate(entries):
        if not is_target(entry):
            why = f"{ascii(entry)[:60]} is no host name, *.suffix of two labels or more, or network like 10.1.0.0/16"
            raise invalid(f"{r.place}.webhooks.{i}", why)
    unique(f"{r.place}.webhooks", list(entries))
    r.done()
    return Targets(entries)


def _retention(r: Reader) -> Retention:
    out = Retention(r.number("days", 0, 0, MAX_RETENTION_DAYS))
    r.done()
    return out


def _rml(r: Reader) -> Rml:
    out = Rml(r.number("window_s", 86_400, 1, MAX_RML_WINDOW_S), r.texts("uncertain_errors"))
    r.done()
    return out


_READERS: Mapping[str, Callable[[Reader], Document]] = {
    "people": _people,
    "ownership": _ownership,
    "escalation": _escalation,
    "signals": read_signals,
    "floods": read_floods,
    "incidents": read_incidents,
    "rml": _rml,
    "targets": _targets,
    "retention": _retention,
    "catalog": read_catalog,
    "calendar": read_calendar,
    "occurrences": read_occurrences,
}
