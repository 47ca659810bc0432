"""Configuration documents: what a tenant can set, with the defaults in force before any version is announced.

A document is canonical JSON on the log (`ConfigurationAnnounced.body`) and one of these frozen types in code.
`parse_document` checks a document alone, `check_tenant` what must hold across documents.
Version 0 of each document is the default written here (KERNEL 7). Durations are integer seconds.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal, cast

from schemas.errors import ConfigurationError
from schemas.messages.incidents import Severity
from schemas.messages.notifications import Channel

MAX_DOCUMENT_BYTES = 262_144  # larger sets come as parts in a later version
MAX_STEPS = 50  # an escalation keeps its steps in one part of 64 KB; 50 x 1,024 characters fit
SEVERITIES: tuple[Severity, ...] = ("SEV1", "SEV2", "SEV3", "SEV4")


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
class Signals:
    """When a failure is held for another try (seed 12.1)."""

    retry_window_s: int = 5
    transient_errors: tuple[str, ...] = ()
    retry_limit: int = 3


@dataclass(frozen=True, slots=True)
class SeverityRule:
    """Resources that match open with this severity."""

    match: str
    severity: Severity


@dataclass(frozen=True, slots=True)
class RaiseRule:
    """An incident with at least this many failures (or affected, if given) is at least this severe."""

    severity: Severity
    failures: int
    affected: int = 0


@dataclass(frozen=True, slots=True)
class Incidents:
    """Grouping window and severities."""

    attach_window_s: int = 900
    default_severity: Severity = "SEV3"
    severities: tuple[SeverityRule, ...] = ()
    raises: tuple[RaiseRule, ...] = ()


Document = People | Ownership | Escalation | Signals | Incidents
DocumentName = Literal["people", "ownership", "escalation", "signals", "incidents"]
DEFAULTS: Mapping[str, Document] = {
    "people": People(),
    "ownership": Ownership(),
    "escalation": Escalation(),
    "signals": Signals(),
    "incidents": Incidents(),
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
    if len(body) > MAX_DOCUMENT_BYTES:
        raise ConfigurationError(
            "configuration_too_large",
            f"document {name}",
            f"{len(body)} bytes",
            f"Keep it under {MAX_DOCUMENT_BYTES}.",
            field=name,
        )
    try:
        plain = json.loads(body)
    except ValueError as error:
        raise _invalid(name, f"not JSON: {error}") from error
    return _READERS[name](_Reader(name, plain))


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


def _invalid(field: str, why: str) -> ConfigurationError:
    return ConfigurationError("configuration_invalid", field, why, "Correct the value.", field=field)


class _Reader:
    """Typed access to plain JSON; every error names the place. Unknown keys are refused (a typo must not be silent)."""

    def __init__(self, place: str, plain: Any) -> None:
        if not isinstance(plain, dict):
            raise _invalid(place, "a mapping is expected")
        self.place = place
        self._plain = dict(plain)

    def text(self, key: str, default: str | None = None) -> str:
        value = self._take(key, default)
        if not isinstance(value, str) or len(value) > 1024:
            raise _invalid(f"{self.place}.{key}", "a text of at most 1,024 characters is expected")
        return value

    def number(self, key: str, default: int, low: int, high: int) -> int:
        value = self._take(key, default)
        if not isinstance(value, int) or isinstance(value, bool) or not low <= value <= high:
            raise _invalid(f"{self.place}.{key}", f"a whole number from {low} to {high} is expected")
        return value

    def texts(self, key: str) -> tuple[str, ...]:
        value = self._take(key, [])
        if not isinstance(value, list) or not all(isinstance(v, str) for v in value):
            raise _invalid(f"{self.place}.{key}", "a list of texts is expected")
        return tuple(value)

    def readers(self, key: str) -> list[_Reader]:
        value = self._take(key, [])
        if not isinstance(value, list):
            raise _invalid(f"{self.place}.{key}", "a list is expected")
        return [_Reader(f"{self.place}.{key}.{i}", item) for i, item in enumerate(value)]

    def mapping(self, key: str) -> dict[str, str]:
        value = self._take(key, {})
        if not isinstance(value, dict) or not all(isinstance(v, str) for v in value.values()):
            raise _invalid(f"{self.place}.{key}", "a mapping of texts is expected")
        return {k: value[k] for k in sorted(value)}

    def severity(self, key: str, default: str | None = None) -> Severity:
        value = self.text(key, default)
        if value not in SEVERITIES:
            raise _invalid(f"{self.place}.{key}", f"{value!r} is none of {', '.join(SEVERITIES)}")
        return value

    def done(self) -> None:
        if self._plain:
            raise _invalid(f"{self.place}.{sorted(self._plain)[0]}", "there is no such setting")

    def _take(self, key: str, default: Any) -> Any:
        value = self._plain.pop(key, default)
        if value is None:
            raise _invalid(f"{self.place}.{key}", "it is required")
        return value


def _people(r: _Reader) -> People:
    people = []
    for p in r.readers("people"):
        channels = []
        for c in p.readers("channels"):
            kind = c.text("kind")
            if kind not in ("console", "webhook"):
                raise _invalid(f"{c.place}.kind", f"{kind!r} is none of console, webhook")
            channels.append(Channel(cast(Literal["console", "webhook"], kind), c.text("address", "")))
            c.done()
        person_id = p.text("id")
        people.append(Person(person_id, p.text("name", person_id), tuple(channels), p.texts("roles")))
        p.done()
    _unique(r.place, [p.id for p in people])
    out = People(tuple(people), r.text("fallback_contact", ""))
    r.done()
    return out


def _ownership(r: _Reader) -> Ownership:
    out = []
    for entry in r.readers("resources"):
        out.append(OwnedResource(entry.text("match"), entry.text("team")))
        entry.done()
    _unique(r.place, [e.match for e in out])
    r.done()
    return Ownership(tuple(out))


def _escalation(r: _Reader) -> Escalation:
    policies = []
    for p in r.readers("policies"):
        steps = []
        for s in p.readers("steps"):
            steps.append(Step(s.text("person"), s.number("wait_s", 300, 1, 86_400)))
            s.done()
        if not 1 <= len(steps) <= MAX_STEPS:
            raise _invalid(f"{p.place}.steps", f"a policy needs 1 to {MAX_STEPS} steps")
        policies.append(Policy(p.text("id"), tuple(steps), p.number("rounds", 3, 1, 10)))
        p.done()
    _unique(r.place, [p.id for p in policies])
    out = Escalation(
        tuple(policies),
        r.mapping("teams"),
        r.text("default_policy", ""),
        r.number("outcome_wait_s", 10, 1, 600),
        r.number("outcome_tries", 3, 1, 10),
    )
    r.done()
    return out


def _signals(r: _Reader) -> Signals:
    out = Signals(
        r.number("retry_window_s", 5, 1, 300), r.texts("transient_errors"), r.number("retry_limit", 3, 1, 100)
    )
    r.done()
    return out


def _incidents(r: _Reader) -> Incidents:
    rules = []
    for entry in r.readers("severities"):
        rules.append(SeverityRule(entry.text("match"), entry.severity("severity")))
        entry.done()
    raises = []
    for entry in r.readers("raises"):
        raises.append(
            RaiseRule(
                entry.severity("severity"),
                entry.number("failures", 1, 1, 10**9),
                entry.number("affected", 0, 0, 10**9),
            )
        )
        entry.done()
    out = Incidents(
        r.number("attach_window_s", 900, 1, 86_400),
        r.severity("default_severity", "SEV3"),
        tuple(rules),
        tuple(raises),
    )
    r.done()
    return out


def _unique(place: str, names: list[str]) -> None:
    for i, name in enumerate(names):
        if name in names[:i]:
            raise _invalid(place, f"{name!r} appears twice")


_READERS: Mapping[str, Callable[[_Reader], Document]] = {
    "people": _people,
    "ownership": _ownership,
    "escalation": _escalation,
    "signals": _signals,
    "incidents": _incidents,
}
