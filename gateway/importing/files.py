"""Reading history files: JSON ({"Records": […]}), JSON lines, either of them gzipped, and folders of those.

The digest is of the content after decompression, so a file and its .gz are one history.
"""

from __future__ import annotations

import gzip
import hashlib
import json
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from schemas.errors import MandateError

SUFFIXES = (".json", ".jsonl", ".json.gz", ".jsonl.gz", ".ndjson", ".ndjson.gz")
# CloudTrail delivers files of a few MB; this keeps a file that decompresses without end from filling the
# memory.
FILE_BYTES_MAX = 512 * 1_048_576


@dataclass(frozen=True, slots=True)
class Entry:
    """One entry of a file: `place` for the report, `plain` the JSON value, or None with the reason."""

    place: str
    plain: Any
    problem: str | None = None


@dataclass(frozen=True, slots=True)
class History:
    """One file: `digest` is the SHA-256 of its content in hexadecimal, `size` its bytes on disk."""

    name: str
    digest: str
    size: int
    entries: tuple[Entry, ...]


def find(paths: Sequence[Path]) -> list[Path]:
    """The files to read: those named, and in folders those with a known ending, in the order of their names.

    Raises MandateError `import_not_found`.
    """
    out: list[Path] = []
    for path in paths:
        if path.is_dir():
            found = sorted(p for p in path.rglob("*") if p.is_file() and p.name.lower().endswith(SUFFIXES))
        else:
            found = [path] if path.is_file() else []
        if not found:
            raise MandateError(
                "import_not_found",
                str(path),
                "there is no such file, or no history in the folder",
                f"Name files or folders with {', '.join(SUFFIXES)}.",
            )
        out += [p for p in found if p not in out]
    return out


def read(path: Path) -> History:
    """Read one file. What cannot be read at all is one entry with its reason; nothing is raised."""
    try:
        raw = path.read_bytes()
        size = len(raw)
        if raw[:2] == b"\x1f\x8b":
            with gzip.open(path) as stream:
                raw = stream.read(FILE_BYTES_MAX + 1)
    except (OSError, EOFError, zlib.error) as error:
        return History(
            path.name, hashlib.sha256(b"").hexdigest(), 0, (Entry(f"{path.name}: {error}", None, "unreadable_file"),)
        )
    digest = hashlib.sha256(raw).hexdigest()
    if len(raw) > FILE_BYTES_MAX:
        return History(path.name, digest, size, (Entry(path.name, None, "file_too_large"),))
    return History(path.name, digest, size, tuple(entries(raw.decode("utf-8", "replace"), path.name)))


def entries(text: str, name: str) -> list[Entry]:
    """The entries of a file's text, in its order."""
    try:
        plain = json.loads(text)
    except ValueError:
        return _lines(text, name)
    if isinstance(plain, dict) and isinstance(plain.get("Records"), list):
        plain = plain["Records"]
    items = plain if isinstance(plain, list) else [plain]
    return [Entry(f"{name}#{i}", _unwrapped(item)) for i, item in enumerate(items)]


def _lines(text: str, name: str) -> list[Entry]:
    out = []
    for number, line in enumerate(text.split("\n"), 1):
        if not line.strip():
            continue
        place = f"{name}:{number}"
        try:
            out.append(Entry(place, _unwrapped(json.loads(line))))
        except (ValueError, RecursionError):
            out.append(Entry(place, None, "not_json"))
    return out


def _unwrapped(plain: Any) -> Any:
    """A record out of a line that says in which delivery it came: {"delivered_in": …, "record": {…}}."""
    if isinstance(plain, dict) and isinstance(plain.get("record"), dict) and "eventID" not in plain:
        return plain["record"]
    return plain
