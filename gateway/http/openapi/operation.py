"""What one route takes and answers, as its line in the route table names it. Values only."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from gateway.http.openapi.schema import Schema

JSON = "application/json"


@dataclass(frozen=True, slots=True)
class Parameter:
    """A parameter of the query, the path or a header. Path parameters that parts.PATH knows need not be repeated."""

    name: str
    schema: Schema
    about: str
    place: Literal["query", "path", "header"] = "query"
    required: bool = False


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer that is no problem: its content by media type (nothing for an answer without a body)."""

    about: str
    content: Mapping[str, Schema] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)  # name: what it says


def answer(about: str, schema: Schema, **headers: str) -> Answer:
    """An answer in JSON. Headers by name with `_` for `-`."""
    return Answer(about, {JSON: schema}, {name.replace("_", "-"): said for name, said in headers.items()})


@dataclass(frozen=True, slots=True)
class Operation:
    """A route's description.

    `bodies` by media type, empty for a route without one; `problems` by status: codes that are this route's own (those
    of its access and of reading a body are added by document.py).
    """

    summary: str
    tag: str
    answers: Mapping[int, Answer]
    about: str = ""
    parameters: tuple[Parameter, ...] = ()
    bodies: Mapping[str, Schema] = field(default_factory=dict)
    body_required: bool = True
    problems: Mapping[int, tuple[str, ...]] = field(default_factory=dict)
