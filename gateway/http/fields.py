"""Typed access to the fields of a JSON object; every error names the field and the remedy.

Pure. Null is the same as absent. Fields that nobody asked for are accepted and named as warnings (`done`): a sender of
a newer version must not be stopped, and a typo must not be silent.
"""

from __future__ import annotations

import re
from typing import Any

from gateway.http.errors import Invalid
from gateway.http.json_text import joined

# Lengths are characters. Names are the head's texts: 1,024 characters are at most the 4,096 bytes that a head takes.
NAME_MAX = 1_024
TEXT_MAX = 4_096
INTEGER_MAX = 2**63 - 1
# Of one action: a receipt stays small (16 x 200 B; a batch of 1,000 at most 3 MB), and nobody reads more.
WARNINGS_MAX = 16

_NUL = "\x00"
_SHOWN_MAX = 40  # of a wrong value in an error: enough to recognise it, not enough to leak a payload into a log


def shown(value: Any) -> str:
    """A wrong value as an error may show it: short."""
    text = ascii(value)
    return text if len(text) <= _SHOWN_MAX else text[:_SHOWN_MAX] + "…"


def invalid(code: str, field: str, why: str, remedy: str) -> Invalid:
    """A problem with one field."""
    return Invalid(code, f"field {field}", why, remedy, field=field)


def clean(field: str, value: str, limit: int) -> str:
    """The text, if it has at most `limit` characters, is valid Unicode and has no NUL. Raises Invalid."""
    if len(value) > limit:
        raise invalid("field_too_long", field, f"{len(value)} characters", f"Keep it within {limit}.")
    if "\x00" in value:
        raise invalid("field_not_text", field, "it holds the character U+0000", "Leave that character out.")
    try:
        value.encode()
    except UnicodeEncodeError as error:
        raise invalid(
            "field_not_text", field, "it holds half of a surrogate pair", "Send well-formed Unicode."
        ) from error
    return value


def ordinary(value: Any, limit: int) -> bool:
    """True for what nearly every text is: one in which `clean` would find nothing. For half of its price."""
    return value.__class__ is str and len(value) <= limit and value.isascii() and _NUL not in value


class Warnings:
    """What was accepted and not used, at most WARNINGS_MAX of it, for the receipt of one action or one command."""

    __slots__ = ("_found", "_more")

    def __init__(self) -> None:
        self._found: list[dict[str, str]] = []
        self._more = 0

    def unknown(self, field: str, detail: str = "there is no such field; it was not used") -> None:
        """A field that nobody asked for."""
        self.add("field_unknown", field, detail)

    def add(self, code: str, field: str, detail: str) -> None:
        """Something else that was taken and will not do what it should."""
        if len(self._found) < WARNINGS_MAX:
            self._found.append({"code": code, "field": field, "detail": detail})
        else:
            self._more += 1

    def plain(self) -> list[dict[str, str]]:
        """The warnings as JSON shows them."""
        if not self._more:
            return self._found
        detail = f"{self._more} more warnings are not told"
        return [*self._found, {"code": "field_unknown", "field": "…", "detail": detail}]

    def beside(self, answer: dict[str, Any]) -> dict[str, Any]:
        """The answer, with `warnings` where there are any."""
        return answer | {"warnings": self.plain()} if self._found else answer


class Fields:
    """The fields of one object; each may be taken once. `place` is the object's own path, empty for the body.

    `warnings` collects what `done` finds, also from objects inside.
    """

    __slots__ = ("_place", "_plain", "warnings")

    def __init__(self, plain: Any, place: str = "", warnings: Warnings | None = None) -> None:
        if not isinstance(plain, dict):
            what = place or "body"
            raise invalid("field_not_object", what, f"{shown(plain)} is not an object", "Send a JSON object.")
        self._plain = dict(plain)
        self._place = place
        self.warnings = Warnings() if warnings is None else warnings

    def name(self, key: str) -> str:
        """The path of a field."""
        return joined(self._place, key)

    def take(self, key: str) -> Any:
        """The value as it is, or None."""
        return self._plain.pop(key, None)

    def any(self, keys: frozenset[str]) -> bool:
        """True when one of these was sent and not yet taken: a whole group of absent fields costs one look."""
        return not keys.isdisjoint(self._plain)

    def text(self, key: str, limit: int = NAME_MAX) -> str | None:
        """A text, or None. An empty one is a text."""
        value = self._plain.pop(key, None)
        if value is None or ordinary(value, limit):
            return value  # type: ignore[no-any-return]  # it is a text or None, which JSON's Any does not say
        if not isinstance(value, str):
            raise invalid("field_not_text", self.name(key), f"{shown(value)} is not a text", "Send a JSON string.")
        return clean(self.name(key), value, limit)

    def required(self, key: str, limit: int = NAME_MAX) -> str:
        """A text that must be there and not be empty."""
        value = self._plain.get(key)
        if value and ordinary(value, limit):
            del self._plain[key]
            return value  # type: ignore[no-any-return]  # as above
        value = self.text(key, limit)
        if not value:
            raise invalid("field_required", self.name(key), "it is missing or empty", "Give it a value.")
        return value

    def integer(self, key: str, low: int, high: int = INTEGER_MAX) -> int | None:
        """A whole number within bounds, or None. `1.0` and `true` are none."""
        value = self.take(key)
        if value is None:
            return None
        if not isinstance(value, int) or isinstance(value, bool):
            raise invalid(
                "field_not_integer", self.name(key), f"{shown(value)} is not a whole number", "Send it as an integer."
            )
        if not low <= value <= high:
            raise invalid(
                "field_out_of_range", self.name(key), f"{shown(value)} is out of range", f"Use {low} to {high}."
            )
        return value

    def boolean(self, key: str) -> bool:
        """True or false; absent is false."""
        value = self.take(key)
        if value is None:
            return False
        if not isinstance(value, bool):
            raise invalid(
                "field_not_boolean", self.name(key), f"{shown(value)} is neither true nor false", "Send true or false."
            )
        return value

    def choice(self, key: str, words: tuple[str, ...]) -> str | None:
        """One of these words, or None."""
        value = self.text(key)
        if value is not None and value not in words:
            raise invalid(
                "field_not_a_choice", self.name(key), f"{shown(value)} is not known", f"Use one of {', '.join(words)}."
            )
        return value

    def matching(self, key: str, pattern: re.Pattern[str], example: str) -> str | None:
        """A text of this form (its whole length), or None."""
        value = self.text(key)
        if value is not None and pattern.fullmatch(value) is None:
            raise invalid(
                "field_malformed", self.name(key), f"{shown(value)} has another form", f"Write it like {example}."
            )
        return value

    def inner(self, key: str) -> Fields | None:
        """The object inside, or None."""
        value = self.take(key)
        return None if value is None else Fields(value, self.name(key), self.warnings)

    def done(self) -> None:
        """Name what was not asked for, in the order in which it was sent."""
        for name in self._plain:
            if name == "tenant":
                self.warnings.unknown(self.name(name), "the tenant is the token's; this was not used")
            else:
                self.warnings.unknown(self.name(name))
