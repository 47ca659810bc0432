"""A configuration request in JSON, checked: documents, tokens, the versions it expects. Pure.

A field of the request that nobody knows is a warning; one of a document is refused with it (schemas.configuration):
what pages people must not be misspelled for months.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from gateway.http.fields import Warnings
from gateway.http.json_text import joined
from schemas.configuration import DEFAULTS, DERIVED, canonical
from schemas.errors import ConfigurationError

TOKENS_MAX = 10_000
ROLES_MAX = 32
KINDS = ("agent", "person", "operator", "integration")
_TENANT = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,62}")
_SHA256 = re.compile(r"[0-9a-f]{64}")
_FIELDS = ("documents", "tokens", "expected", "dry_run")


@dataclass(frozen=True, slots=True)
class Token:
    """Whose token this hash is. `sha256` is lower-case hexadecimal of the token's SHA-256."""

    sha256: str
    subject: str
    kind: str
    roles: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Request:
    """What is to become of a tenant's configuration. `tokens` None leaves them; `bodies` are canonical JSON."""

    tenant: str
    bodies: Mapping[str, bytes]
    tokens: tuple[Token, ...] | None
    expected: Mapping[str, int]
    dry_run: bool
    warnings: Warnings


def parse(tenant: str, plain: Any) -> Request:
    """The request. Raises ConfigurationError naming the field."""
    check_tenant_name(tenant)
    if not isinstance(plain, dict):
        raise _invalid("body", "an object is expected")
    warnings = Warnings()
    for name in plain:
        if name not in _FIELDS:
            warnings.unknown(joined("", name), f"there is no such field; there are {', '.join(_FIELDS)}")
    dry_run = plain.get("dry_run") or False
    if not isinstance(dry_run, bool):
        raise _invalid("dry_run", "true or false is expected")
    return Request(
        tenant,
        _bodies(_mapping(plain, "documents")),
        _tokens(plain.get("tokens"), warnings),
        _expected(_mapping(plain, "expected")),
        dry_run,
        warnings,
    )


def check_tenant_name(tenant: str) -> None:
    """Raises ConfigurationError `tenant_malformed`. The name is part of keys, links and headers."""
    if _TENANT.fullmatch(tenant) is None:
        raise ConfigurationError(
            "tenant_malformed",
            "the tenant's name",
            "it is not made of letters, digits, dot, dash and underscore",
            "Use 1 to 63 of those, beginning with a letter or digit.",
            field="tenant",
        )


def _mapping(plain: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    value = plain.get(name)
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise _invalid(name, "an object is expected")
    return value


def _bodies(documents: Mapping[str, Any]) -> dict[str, bytes]:
    out = {}
    for name in sorted(documents):
        if name not in DEFAULTS or name in DERIVED:
            made = f"it is made of `{DERIVED[name]}`" if name in DERIVED else "there is no such document"
            raise ConfigurationError(
                "configuration_unknown",
                f"document {ascii(name)[1:-1][:40]}",
                made,
                f"Use one of: {', '.join(n for n in DEFAULTS if n not in DERIVED)}.",
                field="documents",
            )
        if not isinstance(documents[name], dict):
            raise _invalid(f"documents.{name}", "an object is expected")
        if "\\u0000" in (text := _canonical(name, documents[name])).decode():
            raise _invalid(f"documents.{name}", "it holds the character U+0000")
        out[name] = text
    return out


def _canonical(name: str, document: Mapping[str, Any]) -> bytes:
    try:
        return canonical(document)
    except (UnicodeEncodeError, RecursionError) as error:
        raise _invalid(f"documents.{name}", "it is nested too deeply, or holds no well-formed Unicode") from error


def _tokens(plain: Any, warnings: Warnings) -> tuple[Token, ...] | None:
    if plain is None:
        return None
    if not isinstance(plain, list) or len(plain) > TOKENS_MAX:
        raise _invalid("tokens", f"a list of at most {TOKENS_MAX} is expected")
    out = tuple(_token(f"tokens.{i}", entry, warnings) for i, entry in enumerate(plain))
    seen: set[str] = set()
    for i, token in enumerate(out):
        if token.sha256 in seen:
            raise _invalid(f"tokens.{i}.sha256", "the same token appears twice")
        seen.add(token.sha256)
    return out


def _token(place: str, entry: Any, warnings: Warnings) -> Token:
    if not isinstance(entry, dict):
        raise _invalid(place, "an object with sha256, subject, kind and roles is expected")
    for name in entry:
        if name not in ("sha256", "subject", "kind", "roles"):
            warnings.unknown(joined(place, name))
    digest, subject, kind = entry.get("sha256"), entry.get("subject"), entry.get("kind")
    roles = entry.get("roles") or []
    # The value is not shown: somebody may have put the token itself there.
    if not isinstance(digest, str) or _SHA256.fullmatch(digest) is None:
        raise _invalid(f"{place}.sha256", "64 lower-case hexadecimal digits are expected (the token's SHA-256)")
    if not isinstance(subject, str) or not _is_name(subject):
        raise _invalid(f"{place}.subject", "a text of 1 to 256 characters is expected")
    if kind not in KINDS:
        raise _invalid(f"{place}.kind", f"one of {', '.join(KINDS)} is expected")
    if not isinstance(roles, list) or len(roles) > ROLES_MAX or not all(_is_name(role) for role in roles):
        raise _invalid(f"{place}.roles", f"a list of at most {ROLES_MAX} texts is expected")
    return Token(digest, subject, kind, tuple(roles))


def _is_name(value: Any) -> bool:
    return isinstance(value, str) and 0 < len(value) <= 256 and value.isprintable()


def _expected(plain: Mapping[str, Any]) -> dict[str, int]:
    for name, version in plain.items():
        if name not in DEFAULTS or not isinstance(version, int) or isinstance(version, bool) or version < 0:
            raise _invalid("expected", "documents with the version they are believed to have are expected")
    return dict(plain)


def _invalid(field: str, why: str) -> ConfigurationError:
    return ConfigurationError("configuration_invalid", field, why, "Correct the value.", field=field)
