"""A tenant's configuration file: YAML to documents, with every error at its line. Pure but for reading the
file.

Called by `mandate config apply`. A file may hold any of the sections; a section that is not named stays as it
is.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import yaml

from schemas.configuration import DEFAULTS, DERIVED, canonical, check_tenant, parse_document
from schemas.errors import ConfigurationError

DOCUMENTS = tuple(name for name in DEFAULTS if name not in DERIVED)
TOKENS = "tokens"
KINDS = ("agent", "person", "operator", "integration")
# Five documents of 256 KB and the tokens of some thousand agents.
FILE_BYTES_MAX = 4 * 1_048_576


@dataclass(frozen=True, slots=True)
class TokenEntry:
    """Who may call: either the SHA-256 of a token, or the file that holds it (made when it is missing)."""

    subject: str
    kind: str
    roles: tuple[str, ...]
    sha256: str | None
    token_file: Path | None


@dataclass(frozen=True, slots=True)
class SettingsFile:
    """A file that was read and checked as far as one file can be. `tokens` None: the file does not speak of
    them."""

    documents: Mapping[str, Mapping[str, Any]]
    tokens: tuple[TokenEntry, ...] | None


def read(path: Path) -> SettingsFile:
    """Read and check a file. Raises ConfigurationError with file and line in `what`."""
    try:
        raw = path.read_bytes()
    except OSError as error:
        raise ConfigurationError(
            "configuration_unreadable", str(path), str(error), "Name a readable YAML file."
        ) from error
    if len(raw) > FILE_BYTES_MAX:
        why = f"{len(raw)} bytes"
        raise ConfigurationError("configuration_too_large", str(path), why, f"Keep it under {FILE_BYTES_MAX}.")
    return parse(raw.decode("utf-8", "replace"), str(path), path.parent)


def parse(text: str, name: str, folder: Path) -> SettingsFile:
    """The same from text; `folder` is what relative token files are relative to."""
    try:
        root = yaml.compose(text, Loader=yaml.SafeLoader)
        plain = _texts(yaml.safe_load(text))
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        place = f"{name}:{mark.line + 1}" if mark is not None else name
        why = str(getattr(error, "problem", None) or error)
        raise ConfigurationError("configuration_syntax", place, why, "Correct the YAML.") from error
    try:
        return _checked(plain, folder)
    except ConfigurationError as error:
        raise _placed(error, root, name) from error


def check_with(documents: Mapping[str, Mapping[str, Any]], path: Path) -> None:
    """Check a tenant's documents together (the file's over those in force). Raises ConfigurationError with
    the line."""
    try:
        check_tenant({name: parse_document(name, canonical(body)) for name, body in documents.items()})
    except ConfigurationError as error:
        raise _placed(error, yaml.compose(path.read_text(), Loader=yaml.SafeLoader), str(path)) from error


def line_of(root: yaml.Node | None, field: str) -> int | None:
    """The line (1-based) of a dotted field, or of its nearest parent in the file; None when even that is
    absent."""
    node, rest, line = root, field, None
    while node is not None and rest:
        found = _step(node, rest)
        if found is None:
            break
        key, node, rest = found
        line = key.start_mark.line + 1
    return line


def _step(node: yaml.Node, rest: str) -> tuple[yaml.Node, yaml.Node, str] | None:
    """One step into a node: (where it is written, the node, what is left). Names may hold dots: longest match
    first."""
    parts = rest.split(".")
    for count in range(len(parts), 0, -1):
        name, left = ".".join(parts[:count]), ".".join(parts[count:])
        if isinstance(node, yaml.MappingNode):
            for key, value in node.value:
                if key.value == name:
                    return key, value, left
        if isinstance(node, yaml.SequenceNode):
            if name.isdigit() and int(name) < len(node.value):
                item = node.value[int(name)]
                return item, item, left
            for item in node.value:
                if isinstance(item, yaml.MappingNode) and any(
                    key.value in ("id", "match", "subject") and value.value == name for key, value in item.value
                ):
                    return item, item, left
    return None


def _texts(plain: Any) -> Any:
    """The values with YAML's own times as the texts that they were (in UTC where they name no zone)."""
    if isinstance(plain, dict):
        return {name: _texts(value) for name, value in plain.items()}
    if isinstance(plain, list):
        return [_texts(value) for value in plain]
    if isinstance(plain, datetime):
        return (plain if plain.tzinfo else plain.replace(tzinfo=UTC)).isoformat()
    return f"{plain.isoformat()}T00:00:00Z" if isinstance(plain, date) else plain


def _placed(error: ConfigurationError, root: yaml.Node | None, name: str) -> ConfigurationError:
    line = line_of(root, error.field) if error.field else None
    place = f"{name}:{line}" if line is not None else name
    what = f"{place}: {error.field or error.what}"
    return ConfigurationError(error.code, what, error.why, error.remedy, field=error.field)


def _checked(plain: Any, folder: Path) -> SettingsFile:
    if not isinstance(plain, dict):
        raise ConfigurationError("configuration_invalid", "the file", "a mapping of sections is expected", _sections())
    for name in plain:
        if name not in (*DOCUMENTS, TOKENS):
            raise ConfigurationError(
                "configuration_unknown", str(name), "there is no such section", _sections(), field=str(name)
            )
    documents = {name: plain[name] for name in DOCUMENTS if name in plain}
    for name, body in documents.items():
        if not isinstance(body, dict):
            raise ConfigurationError(
                "configuration_invalid", name, "a mapping is expected", "Correct the value.", field=name
            )
        parse_document(name, canonical(body))
    return SettingsFile(documents, _tokens(plain[TOKENS], folder) if TOKENS in plain else None)


def _tokens(plain: Any, folder: Path) -> tuple[TokenEntry, ...]:
    if not isinstance(plain, list):
        raise _bad(TOKENS, "a list is expected")
    out = []
    for i, entry in enumerate(plain):
        place = f"{TOKENS}.{i}"
        if not isinstance(entry, dict):
            raise _bad(place, "a mapping is expected")
        for key in entry:
            if key not in ("subject", "kind", "roles", "sha256", "token_file"):
                raise _bad(f"{place}.{key}", "there is no such setting")
        subject, kind, roles = entry.get("subject"), entry.get("kind"), entry.get("roles", [])
        sha256, file = entry.get("sha256"), entry.get("token_file")
        if not isinstance(subject, str) or not subject:
            raise _bad(f"{place}.subject", "the name of the person or agent is expected")
        if kind not in KINDS:
            raise _bad(f"{place}.kind", f"{kind!r} is none of {', '.join(KINDS)}")
        if not isinstance(roles, list) or not all(isinstance(role, str) for role in roles):
            raise _bad(f"{place}.roles", "a list of texts is expected")
        if (sha256 is None) == (file is None):
            raise _bad(place, "either sha256 or token_file is expected")
        if sha256 is not None and (len(str(sha256)) != 64 or set(str(sha256).lower()) - set("0123456789abcdef")):
            raise _bad(f"{place}.sha256", "64 hexadecimal digits are expected")
        path = None if file is None else folder / str(file)
        out.append(TokenEntry(subject, kind, tuple(roles), None if sha256 is None else str(sha256).lower(), path))
    return tuple(out)


def _bad(field: str, why: str) -> ConfigurationError:
    return ConfigurationError("configuration_invalid", field, why, "Correct the value.", field=field)


def _sections() -> str:
    return f"Sections are: {', '.join((*DOCUMENTS, TOKENS))}."
