"""Every Avro schema that was ever written, by its id: the `.avsc` files and `ids.lock` beside this module.

Ids never change: `ids.lock` maps the fingerprint of a schema (SHA-256 of its parsing canonical form plus defaults and
logical types) to its id. A message class lives in `avro/<home>/<Name>/<major>.<minor>.avsc`, where home is the stream's
module (`incidents`, `kernel`) or `<processor>.state` for parts of a processor's state.
Files are read once, on first use; nothing else here touches the disk.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache, lru_cache
from hashlib import sha256
from pathlib import Path
from typing import Any

from fastavro import parse_schema
from fastavro.types import Schema

from schemas.avro_types import Json, schema_of
from schemas.errors import SchemaError

FOLDER = Path(__file__).parent
AVRO = FOLDER / "avro"
LOCK = FOLDER / "ids.lock"


@dataclass(frozen=True, slots=True)
class Written:
    """One version of one schema: what a writer with this id wrote."""

    id: int
    home: str
    name: str
    version: tuple[int, int]
    text: Json
    parsed: Schema


@dataclass(frozen=True, slots=True)
class Kept:
    """One schema file: `avro/<home>/<name>/<version>.avsc` and its text."""

    home: str
    name: str
    version: str
    text: str


def home_of(cls: type) -> str:
    """Where a class's schema lives: `incidents` for schemas.messages.incidents, `dedup.state` for parts of a state."""
    module = cls.__module__.split(".")
    if module[:2] == ["schemas", "messages"]:
        return module[2]
    return f"{module[-2]}.{module[-1]}"


def fingerprint(text: Json) -> str:
    """SHA-256 over the schema's JSON in canonical key order, without docs."""
    return sha256(json.dumps(_bare(text), sort_keys=True, separators=(",", ":")).encode()).hexdigest()


def _bare(value: Any) -> Any:
    if isinstance(value, dict):
        return {k: _bare(v) for k, v in value.items() if k != "doc"}
    if isinstance(value, list):
        return [_bare(v) for v in value]
    return value


@lru_cache(maxsize=1)
def by_id() -> dict[int, Written]:
    """All schemas of `avro/`, by id. Raises SchemaError `schema_not_locked` when a file has no id in ids.lock."""
    lock: dict[str, int] = json.loads(LOCK.read_text())["ids"]
    found: dict[int, Written] = {}
    for path in sorted(AVRO.glob("*/*/*.avsc")):
        text = json.loads(path.read_text())
        number = lock.get(fingerprint(text))
        if number is None:
            raise SchemaError(
                "schema_not_locked",
                f"schema file {path.parent.parent.name}/{path.parent.name}/{path.name}",
                "its fingerprint has no id in ids.lock",
                "A released schema must not change: restore it, or write a new version with `python -m schemas`.",
            )
        name = path.parent.name
        home = path.parent.parent.name
        found[number] = Written(number, home, name, _version(path), text, parse_schema(text))
    return found


def _version(path: Path) -> tuple[int, int]:
    major, minor = path.stem.split(".")
    return int(major), int(minor)


@cache
def versions(home: str, name: str) -> tuple[Written, ...]:
    """Every version of a schema, oldest first. Raises SchemaError `schema_missing`."""
    found = sorted((w for w in by_id().values() if (w.home, w.name) == (home, name)), key=lambda w: w.version)
    if not found:
        raise SchemaError(
            "schema_missing", f"schema {home}/{name}", "there is no .avsc file", "Run `python -m schemas`."
        )
    return tuple(found)


def latest(home: str, name: str) -> Written:
    """The newest version of a schema. Raises SchemaError `schema_missing`."""
    return versions(home, name)[-1]


def kept(folder: Path = FOLDER) -> tuple[Kept, ...]:
    """Every schema file below `folder`, unread, for `schemas.evolution`."""
    return tuple(
        Kept(path.parent.parent.name, path.parent.name, path.stem, path.read_text())
        for path in sorted((folder / AVRO.name).glob("*/*/*.avsc"))
    )


def generated(cls: type) -> Json:
    """The schema that the class means today; a tidy test holds it equal to the newest file."""
    return schema_of(cls, f"mandate.{home_of(cls)}")


def write(classes: Iterable[type]) -> list[str]:
    """Write missing files and ids for `classes`: 1.0 of a new class, the next minor of a changed one.

    Returns what was written. What a minor may not change is refused by `mandate schemas check`.
    A developer's tool (`python -m schemas`), never called by a running service.
    """
    lock = json.loads(LOCK.read_text()) if LOCK.exists() else {"ids": {}}
    # Files whose id got lost when two developers' locks were merged.
    for path in sorted(AVRO.glob("*/*/*.avsc")):
        lock["ids"].setdefault(fingerprint(json.loads(path.read_text())), max(lock["ids"].values(), default=0) + 1)
    done = []
    for cls in classes:
        text = generated(cls)
        folder = AVRO / home_of(cls) / cls.__name__
        known = [fingerprint(json.loads(p.read_text())) for p in sorted(folder.glob("*.avsc"))]
        mark = fingerprint(text)
        if mark not in known:
            folder.mkdir(parents=True, exist_ok=True)
            major, minor = max((_version(p) for p in folder.glob("*.avsc")), default=(1, -1))
            (folder / f"{major}.{minor + 1}.avsc").write_text(json.dumps(text, indent=1) + "\n")
            done.append(f"{home_of(cls)}/{cls.__name__}/{major}.{minor + 1}")
        if mark not in lock["ids"]:
            lock["ids"][mark] = max(lock["ids"].values(), default=0) + 1
    LOCK.write_text(json.dumps(lock, indent=1) + "\n")
    return done
