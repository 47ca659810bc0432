"""Typed access to a configuration document's plain JSON: every error names the place, an unknown key is refused."""

from __future__ import annotations

from typing import Any

from schemas import scaled
from schemas.errors import ConfigurationError


def invalid(field: str, why: str) -> ConfigurationError:
    """The error for a value that a document may not have; `field` is its place."""
    return ConfigurationError("configuration_invalid", field, why, "Correct the value.", field=field)


class Reader:
    """Typed access to plain JSON; every error names the place. Unknown keys are refused (a typo must not be silent)."""

    def __init__(self, place: str, plain: Any) -> None:
        if not isinstance(plain, dict):
            raise invalid(place, "a mapping is expected")
        self.place = place
        self._plain = dict(plain)

    def text(self, key: str, default: str | None = None) -> str:
        """A text of at most 1,024 characters."""
        value = self._take(key, default)
        if not isinstance(value, str) or len(value) > 1024:
            raise invalid(f"{self.place}.{key}", "a text of at most 1,024 characters is expected")
        return value

    def number(self, key: str, default: int, low: int, high: int) -> int:
        """A whole number within bounds."""
        value = self._take(key, default)
        if not isinstance(value, int) or isinstance(value, bool) or not low <= value <= high:
            raise invalid(f"{self.place}.{key}", f"a whole number from {low} to {high} is expected")
        return value

    def decimal(self, key: str) -> int:
        """A decimal, as a whole number or a text, in millionths (schemas.scaled); never a float."""
        value = self._take(key, None)
        found = None if isinstance(value, float) else scaled.of(value)
        if found is None:
            raise invalid(f"{self.place}.{key}", 'a whole number, or a decimal as a text like "0.25", is expected')
        return found

    def flag(self, key: str) -> bool | None:
        """True or false; None when it is missing."""
        if not self.has(key):
            return None
        value = self._take(key, None)
        if not isinstance(value, bool):
            raise invalid(f"{self.place}.{key}", "true or false is expected")
        return value

    def has(self, key: str) -> bool:
        """Whether the key is there and not yet read."""
        return key in self._plain

    def texts(self, key: str) -> tuple[str, ...]:
        """A list of texts; empty when it is missing."""
        value = self._take(key, [])
        if not isinstance(value, list) or not all(isinstance(v, str) for v in value):
            raise invalid(f"{self.place}.{key}", "a list of texts is expected")
        return tuple(value)

    def readers(self, key: str) -> list[Reader]:
        """A list of mappings, each with its own reader."""
        value = self._take(key, [])
        if not isinstance(value, list):
            raise invalid(f"{self.place}.{key}", "a list is expected")
        return [Reader(f"{self.place}.{key}.{i}", item) for i, item in enumerate(value)]

    def inner(self, key: str) -> Reader:
        """A mapping with its own reader; an empty one when it is missing."""
        return Reader(f"{self.place}.{key}", self._take(key, {}))

    def mapping(self, key: str) -> dict[str, str]:
        """A mapping of text to text, sorted by key."""
        value = self._take(key, {})
        if not isinstance(value, dict) or not all(isinstance(v, str) for v in value.values()):
            raise invalid(f"{self.place}.{key}", "a mapping of texts is expected")
        return {k: value[k] for k in sorted(value)}

    def done(self) -> None:
        """Refuse what nobody asked for. Raises ConfigurationError."""
        if self._plain:
            raise invalid(f"{self.place}.{sorted(self._plain)[0]}", "there is no such setting")

    def _take(self, key: str, default: Any) -> Any:
        value = self._plain.pop(key, default)
        if value is None:
            raise invalid(f"{self.place}.{key}", "it is required")
        return value


def unique(place: str, names: list[str]) -> None:
    """Raises ConfigurationError when a name appears twice."""
    for i, name in enumerate(names):
        if name in names[:i]:
            raise invalid(place, f"{name!r} appears twice")
