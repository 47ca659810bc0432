"""Reads the document `catalog`. Every error names the place; what is merely odd (an unknown name) is kept.

The same bytes are read once: processors of one process, and partitions of one, share what they read.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from weakref import WeakValueDictionary

from schemas.catalog import (
    MAX_EDGES,
    MAX_NAMES,
    MAX_PEOPLE,
    MAX_SERVICES,
    MAX_TEAMS,
    SOURCES,
    Catalog,
    Member,
    Service,
    Team,
)
from schemas.document_reader import Reader, invalid

NAME_MAX = 256
METADATA_MAX = 32
# By the hash of the document; an entry goes when nobody uses its catalog any more.
_READ: WeakValueDictionary[bytes, Catalog] = WeakValueDictionary()


def shared(digest: bytes, read: Callable[[], Catalog]) -> Catalog:
    """The catalog whose bytes have this hash: the one that is in use already, else what `read` gives."""
    found = _READ.get(digest)
    if found is None:
        found = _READ[digest] = read()
    return found


def read_catalog(r: Reader) -> Catalog:
    """The document `catalog`. Raises ConfigurationError `configuration_invalid`."""
    words = _Words()
    services = [_service(entry, words) for entry in _entries(r, "services", MAX_SERVICES)]
    teams = [_team(entry, words) for entry in _entries(r, "teams", MAX_TEAMS)]
    people = [_member(entry, words) for entry in _entries(r, "people", MAX_PEOPLE)]
    r.done()
    _once(f"{r.place}.services", (s.id for s in services))
    _once(f"{r.place}.teams and {r.place}.people", [*(t.id for t in teams), *(p.id for p in people)])
    _once(f"{r.place}.services: resources", (n for s in services for n in s.resources))
    edges = sum(len(s.depends_on) for s in services)
    if edges > MAX_EDGES:
        raise invalid(f"{r.place}.services", f"{edges} dependencies; at most {MAX_EDGES} are expected")
    return Catalog(services, teams, people)


class _Words(dict[str, str]):
    """Each name kept once: the same service is named by all that depend on it."""

    def __missing__(self, word: str) -> str:
        self[word] = word
        return word


def _service(r: Reader, words: _Words) -> Service:
    service_id = _name(r, "id", words)
    metadata = r.mapping("metadata")
    if len(metadata) > METADATA_MAX or any(not _fits(text) for pair in metadata.items() for text in pair):
        raise invalid(f"{r.place}.metadata", f"at most {METADATA_MAX} texts of 1 to {NAME_MAX} characters are expected")
    out = Service(
        service_id,
        _name(r, "kind", words, "service"),
        _name(r, "name", words, service_id),
        _name(r, "owner", words, ""),
        _name(r, "tier", words, ""),
        _name(r, "system", words, ""),
        _name(r, "primary", words, ""),
        _name(r, "oncall", words, ""),
        _name(r, "backup", words, ""),
        resources=_names(r, "resources", words),
        depends_on=_names(r, "depends_on", words),
        sources=_names(r, "sources", words),
        metadata=metadata,
    )
    if "*" in out.resources:
        raise invalid(f"{r.place}.resources", "`*` alone would make everything this service's")
    for source in out.sources:
        if source.split(":")[0] not in SOURCES:
            raise invalid(f"{r.place}.sources", f"{source!r} is of none of {', '.join(SOURCES)}")
    r.done()
    return out


def _team(r: Reader, words: _Words) -> Team:
    team_id = _name(r, "id", words)
    out = Team(
        team_id,
        _name(r, "name", words, team_id),
        _name(r, "lead", words, ""),
        _name(r, "oncall", words, ""),
        _name(r, "backup", words, ""),
        _name(r, "parent", words, ""),
        members=_names(r, "members", words),
    )
    r.done()
    return out


def _member(r: Reader, words: _Words) -> Member:
    person_id = _name(r, "id", words)
    out = Member(person_id, _name(r, "name", words, person_id), _name(r, "email", words, ""))
    r.done()
    return out


def _entries(r: Reader, key: str, limit: int) -> list[Reader]:
    out = r.readers(key)
    if len(out) > limit:
        raise invalid(f"{r.place}.{key}", f"{len(out)} entries; at most {limit} are expected")
    return out


def _fits(text: str) -> bool:
    return 0 < len(text) <= NAME_MAX and text.isprintable()


def _name(r: Reader, key: str, words: _Words, default: str | None = None) -> str:
    value = r.text(key, default)
    if value == default:
        return value
    if not _fits(value):
        raise invalid(f"{r.place}.{key}", f"1 to {NAME_MAX} printable characters are expected")
    return words[value]


def _names(r: Reader, key: str, words: _Words) -> tuple[str, ...]:
    values = r.texts(key)
    if len(values) > MAX_NAMES:
        raise invalid(f"{r.place}.{key}", f"{len(values)} names; at most {MAX_NAMES} are expected")
    for i, value in enumerate(values):
        if not _fits(value):
            raise invalid(f"{r.place}.{key}.{i}", f"1 to {NAME_MAX} printable characters are expected")
    _once(f"{r.place}.{key}", values)
    return tuple(words[value] for value in sorted(values))


def _once(place: str, names: Iterable[str]) -> None:
    seen: set[str] = set()
    for name in names:
        if name in seen:
            raise invalid(place, f"{name!r} appears twice")
        seen.add(name)
