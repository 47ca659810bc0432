"""What a source says, before anybody believes it: services, teams and people, each with the place it was said at."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NoReturn

from schemas.catalog import Member, Source, Team
from schemas.errors import ConfigurationError

# (kind, namespace, name) of Backstage; ("kubernetes", namespace, name); ("kubernetes-id", name); ("repo", slug)
Key = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ToldService:
    """One service as one source has it.

    `keys` are what identifies it, `links` what it says it is elsewhere. `fields` are single texts by the name of the
    service's field; a dependency is a `Key` where the source has identities of its own, else a name. `uses` are what
    it depends on, `used_by` who depends on it. `folder` is where in its repository it stands.
    """

    source: Source
    where: str
    id: str
    label: str
    keys: tuple[Key, ...] = ()
    links: tuple[Key, ...] = ()
    fields: Mapping[str, str] = field(default_factory=dict)
    resources: tuple[str, ...] = ()
    uses: tuple[Key | str, ...] = ()
    used_by: tuple[Key | str, ...] = ()
    metadata: Mapping[str, str] = field(default_factory=dict)
    folder: str = ""


@dataclass(slots=True)
class Told:
    """Everything that was read, in the order of the files."""

    services: list[ToldService] = field(default_factory=list)
    teams: list[tuple[Source, str, Team]] = field(default_factory=list)
    people: list[tuple[Source, str, Member]] = field(default_factory=list)
    skipped: dict[str, int] = field(default_factory=dict)  # kinds that say nothing of services, with how many

    def skip(self, kind: str) -> None:
        """An object of a kind that says nothing of services."""
        self.skipped[kind] = self.skipped.get(kind, 0) + 1


def refuse(code: str, where: str, why: str, remedy: str) -> NoReturn:
    """Raise the error of a file; `where` is file:line."""
    raise ConfigurationError(code, where, why, remedy, field=where)


def text_of(value: object, where: str, name: str) -> str:
    """A text (or a number or a truth, as YAML reads them), empty where it is missing. Raises ConfigurationError."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str | int | float):
        return str(value).strip()
    refuse("catalog_malformed", where, f"{name} is no text", "Correct the file.")


def texts_of(value: object, where: str, name: str) -> tuple[str, ...]:
    """A list of texts, empty where it is missing. Raises ConfigurationError."""
    if value is None:
        return ()
    if not isinstance(value, list) or not all(isinstance(v, str | int | float) for v in value):
        refuse("catalog_malformed", where, f"{name} is no list of texts", "Correct the file.")
    return tuple(dict.fromkeys(str(v).strip() for v in value if str(v).strip()))


def mapping_of(value: object, where: str, name: str) -> dict[str, object]:
    """A mapping, empty where it is missing. Raises ConfigurationError."""
    if value is None:
        return {}
    if not isinstance(value, dict):
        refuse("catalog_malformed", where, f"{name} is no mapping", "Correct the file.")
    return {str(key): inner for key, inner in value.items()}


def person_name(text: str) -> str:
    """`@alice` and `alice` are one person."""
    return text.removeprefix("@")
