"""Names and patterns of names in configuration: `payments-service`, `payments-*`, `*`. Pure."""

from __future__ import annotations

from collections.abc import Iterable


def matches(pattern: str, name: str) -> bool:
    """True when the name is meant: exactly, or as a prefix where the pattern ends in `*`."""
    return name.startswith(pattern[:-1]) if pattern.endswith("*") else name == pattern


def any_matches(patterns: Iterable[str], name: str) -> bool:
    """True when one of the patterns means the name."""
    return any(matches(pattern, name) for pattern in patterns)


def weight(pattern: str) -> tuple[bool, int]:
    """How much a pattern says: an exact name more than every prefix, a longer prefix more than a shorter one."""
    return not pattern.endswith("*"), len(pattern)
