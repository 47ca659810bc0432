"""Every schema that was ever written, held against the rules of evolution (seed 3.2) and against its id.

Pure: `check` gets the texts of the files and of ids.lock, and what a commit before said of the ids where somebody
knows it. Called by `mandate schemas check` and so by `make check`. Each violation says what, why and what to do.

Rules: a minor only adds (schemas.compatibility); a type change takes a new name for ever; a field that a major
drops was there in the two majors before; every old major has an upcaster; versions have no holes; ids never move.
"""

from __future__ import annotations

import json
import re
from collections import Counter, defaultdict
from collections.abc import Collection, Iterator, Mapping
from dataclasses import asdict, dataclass
from itertools import combinations
from typing import Any

from fastavro import parse_schema

from schemas.avro_types import Json
from schemas.compatibility import broken_by, old_readers_of_enums
from schemas.registry import Kept, fingerprint

Version = tuple[int, int]
Name = tuple[str, str]
_REMOVALS = ("schema_field_removed", "schema_field_renamed")
_VERSION = re.compile(r"([1-9][0-9]{0,4})\.(0|[1-9][0-9]{0,4})")


@dataclass(frozen=True, slots=True)
class Violation:
    """A broken rule. `schema` is home/Name, `version` the file that breaks it, `against` the earlier one or None."""

    code: str
    schema: str
    version: str
    against: str | None
    path: str
    why: str
    remedy: str

    @property
    def what(self) -> str:
        """The thing, as an error names it: schema, version, path, and against which earlier version."""
        at = f" at {self.path}" if self.path else ""
        after = f" after {self.against}" if self.against else ""
        return f"{self.schema} {self.version}{after}{at}".strip()

    def plain(self) -> Json:
        """As JSON."""
        return {"what": self.what} | asdict(self)


@dataclass(frozen=True, slots=True)
class Report:
    """What was looked at and found. Notes are true sentences that break no rule."""

    schemas: int
    versions: int
    violations: tuple[Violation, ...]
    notes: tuple[str, ...]


def check(
    kept: Collection[Kept],
    lock: str,
    *,
    lifted: Mapping[Name, Collection[int]],
    earlier_lock: str | None = None,
    today: Mapping[Name, str] | None = None,
) -> Report:
    """All violations.

    `lifted`: the majors from which an upcaster leads on; `earlier_lock`: ids.lock as an earlier commit had it;
    `today`: fingerprints of the classes as the code has them now, for those that have a class.
    """
    read, violations = _read(kept)
    ids, more = _ids(lock, "ids.lock")
    violations += more
    notes: list[str] = []
    for name, versions in sorted(read.items()):
        violations += _holes(name, versions)
        violations += _steps(name, versions)
        violations += _upcasters(name, versions, lifted.get(name, ()))
        notes += _notes(name, versions)
    violations += _locked(read, ids)
    violations += _orphans(read, ids, tolerant=bool(_unread(kept, read)))
    if earlier_lock is not None:
        before, more = _ids(earlier_lock, "the earlier ids.lock")
        violations += [*more, *_moved(before, ids)]
    violations += _drifted(read, today or {})
    count = sum(len(v) for v in read.values())
    return Report(len(read), count, tuple(violations), tuple(notes))


Read = dict[Name, dict[Version, Json]]


def _read(kept: Collection[Kept]) -> tuple[Read, list[Violation]]:
    found: defaultdict[Name, dict[Version, Json]] = defaultdict(dict)
    violations = []
    for file in sorted(kept, key=lambda k: (k.home, k.name, k.version)):
        match = _VERSION.fullmatch(file.version)
        wrong: tuple[str, str, str] | None = None
        text: Any = None
        if match is None:
            remedy = "Call it <major>.<minor>.avsc, from 1.0 on."
            wrong = ("schema_version_malformed", f"{file.version!r} is no version", remedy)
        else:
            try:
                text = json.loads(file.text)
                parse_schema(text)
                if not isinstance(text, dict) or text.get("type") != "record" or "fields" not in text:
                    raise ValueError("the outermost type is no record with fields")
            # fastavro answers rubbish with many kinds of errors; each means that the file is no schema.
            except Exception as error:
                remedy = "Correct it, or let `python -m schemas` write it from the class."
                wrong = ("schema_not_avro", f"{type(error).__name__}: {error}", remedy)
        if wrong is None and (text.get("namespace"), text.get("name")) != (f"mandate.{file.home}", file.name):
            remedy = "Name and namespace are those of its folders: they are how readers find it."
            wrong = ("schema_misplaced", f"it is {text.get('namespace')}.{text.get('name')}", remedy)
        if wrong is not None or match is None:
            code, why, remedy = wrong or ("", "", "")
            violations.append(_violation(code, (file.home, file.name), file.version, None, why, remedy))
            continue
        found[file.home, file.name][int(match[1]), int(match[2])] = text
    return dict(found), violations


def _unread(kept: Collection[Kept], read: Read) -> int:
    return len(kept) - sum(len(v) for v in read.values())


def _ids(lock: str, what: str) -> tuple[dict[str, int], list[Violation]]:
    try:
        ids = json.loads(lock)["ids"]
        if not all(isinstance(n, int) and not isinstance(n, bool) and n > 0 for n in ids.values()):
            raise ValueError("an id is no positive integer")
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        why, remedy = f"{type(error).__name__}: {error}", 'It is {"ids": {fingerprint: id}}; restore it.'
        return {}, [Violation("schema_lock_malformed", what, "", None, "", why, remedy)]
    twice = [n for n, count in Counter(ids.values()).items() if count > 1]
    remedy = "Take the committed ids.lock and run `python -m schemas`: it gives the newer schema the next free id."
    return dict(ids), [
        Violation("schema_id_twice", what, "", None, "", f"two schemas have the id {n}", remedy) for n in sorted(twice)
    ]


def _holes(name: Name, versions: Mapping[Version, Json]) -> Iterator[Violation]:
    for major, minor in sorted(versions):
        before = (major, minor - 1) if minor else (major - 1, None)
        present = before in versions if minor else major == 1 or any(m == major - 1 for m, _ in versions)
        if not present:
            missing = _text((major, minor - 1)) if minor else f"{major - 1}.x"
            remedy = "Restore the file: what was written with it is still to be read."
            yield _violation(
                "schema_version_missing", name, _text((major, minor)), missing, f"{missing} is not there", remedy
            )


def _steps(name: Name, versions: Mapping[Version, Json]) -> Iterator[Violation]:
    """Each version against every earlier one, by the rules of a minor or of a major."""
    for earlier, later in combinations(sorted(versions), 2):
        if earlier[0] == later[0] and fingerprint(versions[earlier]) == fingerprint(versions[later]):
            why, remedy = "it says the same", "Remove the newer file: a version is a change."
            yield _violation("schema_version_unchanged", name, _text(later), _text(earlier), why, remedy)
            continue
        old_enough = _gone(versions, earlier, later)
        for broken in broken_by(versions[earlier], versions[later], major=earlier[0] != later[0]):
            if broken.code in _REMOVALS and broken.path in old_enough:
                continue
            schema, why = "/".join(name), broken.why
            yield Violation(broken.code, schema, _text(later), _text(earlier), broken.path, why, broken.remedy)


def _gone(versions: Mapping[Version, Json], earlier: Version, later: Version) -> frozenset[str]:
    """Paths of `earlier` that `later` may leave out: those that were kept for two majors before it."""
    between = later[0] - earlier[0]
    before = [v for v in versions if v[0] == later[0] - 2]
    if between == 0 or (between == 1 and not before):
        return frozenset()
    kept_since = versions[earlier if between > 1 else max(before)]
    found = broken_by(kept_since, versions[later], major=True)
    return frozenset(broken.path for broken in found if broken.code in _REMOVALS)


def _upcasters(name: Name, versions: Mapping[Version, Json], lifted: Collection[int]) -> Iterator[Violation]:
    majors = sorted({major for major, _ in versions})
    for major in majors[:-1]:
        if major not in lifted:
            why = f"records of major {major} could not be read as major {major + 1}"
            remedy = f"Write the step in schemas/upcasters.py: UPCASTERS[{name!r}][{major}]."
            yield _violation("schema_upcaster_missing", name, f"{major}.x", None, why, remedy)
    for major in sorted(set(lifted) - set(majors[:-1])):
        why, remedy = f"there is no major {major + 1}", "Remove the step, or add the major that it leads to."
        yield _violation("schema_upcaster_unknown", name, f"{major}.x", None, why, remedy)


def _notes(name: Name, versions: Mapping[Version, Json]) -> Iterator[str]:
    ordered = sorted(versions)
    for earlier, later in combinations(ordered, 2):
        for enum in old_readers_of_enums(versions[earlier], versions[later]):
            yield (
                f"{'/'.join(name)}: readers of {_text(earlier)} have no default for what {_text(later)} adds to the "
                f"enum {enum}; update them before the first writer"
            )


def _locked(read: Read, ids: Mapping[str, int]) -> Iterator[Violation]:
    for name, versions in sorted(read.items()):
        for version, text in sorted(versions.items()):
            if fingerprint(text) not in ids:
                why = "its fingerprint has no id in ids.lock: it is new, or it was changed after it was written"
                remedy = "Restore a written file; for a new one run `python -m schemas`."
                yield _violation("schema_not_locked", name, _text(version), None, why, remedy)


def _orphans(read: Read, ids: Mapping[str, int], *, tolerant: bool) -> Iterator[Violation]:
    """Ids without a file. Silent while some file cannot be read: it may be that one's."""
    have = {fingerprint(text) for versions in read.values() for text in versions.values()}
    for mark, number in sorted(ids.items(), key=lambda item: item[1]):
        if mark not in have and not tolerant:
            why = "no file has its fingerprint: it was removed, or changed after it was written"
            remedy = "Restore the file as it was; a change is a new version beside it."
            yield Violation("schema_file_missing", f"id {number}", "", None, "", why, remedy)


def _moved(before: Mapping[str, int], ids: Mapping[str, int]) -> Iterator[Violation]:
    for mark, number in sorted(before.items(), key=lambda item: item[1]):
        if ids.get(mark) != number:
            now = f"is {ids[mark]} now" if mark in ids else "is gone"
            why = f"the schema that had it {now}; records on the log carry {number}"
            remedy = "Take the committed ids.lock and run `python -m schemas`: old ids stay, new ones are added."
            yield Violation("schema_id_changed", f"id {number}", "", None, "", why, remedy)


def _drifted(read: Read, today: Mapping[Name, str]) -> Iterator[Violation]:
    for name, mark in sorted(today.items()):
        versions = read.get(name)
        if not versions:
            why, remedy = "the code has the class, but there is no file", "Run `python -m schemas`."
            yield _violation("schema_version_missing", name, "1.0", None, why, remedy)
        elif fingerprint(versions[max(versions)]) != mark:
            why = "the class in the code is not what its newest file says"
            remedy = "Run `python -m schemas`: it writes the next minor, which this check then judges."
            yield _violation("schema_class_changed", name, _text(max(versions)), None, why, remedy)


def _violation(code: str, name: Name, version: str, against: str | None, why: str, remedy: str) -> Violation:
    return Violation(code, "/".join(name), version, against, "", why, remedy)


def _text(version: Version) -> str:
    return f"{version[0]}.{version[1]}"
