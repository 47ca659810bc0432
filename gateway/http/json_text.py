"""JSON text to plain values, so that what is wrong with one value is known at its place and not only of the whole body.

`parse` reads everything that is JSON; a name given twice or a number that is too large becomes a mark in the tree, and
`check` refuses the part that holds one, by its path. So one bad action refuses itself and not its batch. Pure.
"""

from __future__ import annotations

import json
import math
from typing import Any, NoReturn

from gateway.http.errors import BadRequest, Invalid

# An agent's parameters are rarely deeper than ten; json itself gives up near 1,000.
DEPTH_MAX = 64
# Twice the digits of the largest amount that is taken (38), and far above 64 bits.
DIGITS_MAX = 80


class Twice(dict[str, Any]):
    """An object in which `name` was given more than once; its last value is in it."""

    name = ""


class TooLarge:
    """A number that no field takes and no other reader reads alike."""

    def __repr__(self) -> str:
        return "a number of that size"


_TOO_LARGE = TooLarge()


def parse(raw: bytes) -> Any:
    """JSON in UTF-8. Raises BadRequest `body_not_json`, `too_deep`."""
    try:
        return _DECODER.decode(raw.decode())
    except RecursionError as error:
        raise BadRequest("too_deep", "the body", "it is nested too deeply", "Send flatter values.") from error
    except UnicodeDecodeError as error:
        raise BadRequest("body_not_json", "the body", "it is not UTF-8", "Send JSON in UTF-8.") from error
    except ValueError as error:
        raise BadRequest("body_not_json", "the body", f"{error}"[:200], "Send one JSON value.") from error


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) == len(pairs):
        return found
    seen: set[str] = set()
    marked = Twice(found)
    for name, _ in pairs:
        if name in seen:
            marked.name = name
            break
        seen.add(name)
    return marked


def _whole(text: str) -> int | TooLarge:
    return int(text) if len(text) <= DIGITS_MAX else _TOO_LARGE


def _fraction(text: str) -> float | TooLarge:
    found = float(text)
    return _TOO_LARGE if math.isinf(found) else found


def _no_number(name: str) -> NoReturn:
    raise ValueError(f"{name} is no JSON number")


# Made once: `json.loads` would make one for every body.
_DECODER = json.JSONDecoder(
    object_pairs_hook=_object, parse_int=_whole, parse_float=_fraction, parse_constant=_no_number
)

# A value, its depth, and where it stands: (where its parent stands, its name or index).
_Where = tuple[Any, ...] | None
_Part = tuple[Any, int, _Where]


def check(value: Any, place: str = "") -> None:
    """Refuse a value that is marked, or nested more than DEPTH_MAX deep. Raises Invalid: field_twice, number_too_large,
    too_deep; `place` is the path of `value`."""
    kind = value.__class__
    if kind in _LEAVES or ((kind is dict or kind is list) and _sound(value, 1)):
        return
    rest: list[_Part] = [(value, 1, None)]
    while rest:
        part, depth, where = rest.pop()
        if isinstance(part, TooLarge):
            why = f"it has more than {DIGITS_MAX} digits, or is above 1.8e308"
            raise _wrong("number_too_large", place, where, why, "Send a smaller number, or a text.")
        if depth > DEPTH_MAX:
            why = f"it is nested more than {DEPTH_MAX} deep"
            raise _wrong("too_deep", place, where, why, "Send flatter values.")
        if isinstance(part, Twice):
            why = "it is given twice in one object"
            raise _wrong("field_twice", place, (where, part.name), why, "Send it once.")
        if isinstance(part, dict):
            rest += [(x, depth + 1, (where, name)) for name, x in part.items() if isinstance(x, _INSIDE)]
        elif isinstance(part, list):
            rest += [(x, depth + 1, (where, i)) for i, x in enumerate(part) if isinstance(x, _INSIDE)]


def _sound(value: Any, depth: int) -> bool:
    """True where `check` would find nothing: nearly always, and for a quarter of its price."""
    for part in value.values() if value.__class__ is dict else value:
        kind = part.__class__
        if kind in _LEAVES:
            continue
        if (kind is not dict and kind is not list) or depth >= DEPTH_MAX or not _sound(part, depth + 1):
            return False
    return True


_INSIDE = (dict, list, TooLarge)
_LEAVES = frozenset((str, int, float, bool, type(None)))
# Names of a path: enough to find the place, not enough to fill a log.
_SHOWN_MAX = 40
_STEPS_MAX = 12


def _wrong(code: str, place: str, where: _Where, why: str, remedy: str) -> Invalid:
    steps: list[str | int] = []
    while where is not None:
        where, step = where
        steps.append(step)
    path = place
    for step in steps[: -_STEPS_MAX - 1 : -1]:
        path = joined(path, step)
    if len(steps) > _STEPS_MAX:
        path += "…"
    return Invalid(code, f"field {path or 'body'}", why, remedy, field=path or "body")


def joined(place: str, step: str | int) -> str:
    """The path one step further in: `actions[3]`, `actions[3].effect`. A hostile name is shown short and escaped."""
    if isinstance(step, int):
        return f"{place}[{step}]"
    name = step if step.isidentifier() and step.isascii() and len(step) <= _SHOWN_MAX else _escaped(step)
    return f"{place}.{name}" if place else name


def _escaped(name: str) -> str:
    text = ascii(name)[1:-1]
    return text if len(text) <= _SHOWN_MAX else text[:_SHOWN_MAX] + "…"
