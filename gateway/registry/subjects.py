"""Which subjects there are, and which versions each has. Pure: made of the map and the kept schemas.

Two kinds of subjects, as serializers name them: `<topic>-value` (TopicNameStrategy, the default) holds every version of
every message that the topic carries, and `mandate.<home>.<Name>` (RecordNameStrategy) the versions of one message.
Both count from 1 in the order of ids. Ids only grow, so a number never moves; the newest of `actions.raw-value` is the
newest Action, because the kernel's own records (ticks, announced configuration) are found by their id only.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from fastavro.schema import SchemaParseException, to_parsing_canonical_form

from schemas import registry
from schemas.avro_types import Json
from schemas.messages import kernel
from schemas.messages.tables import STREAMS
from schemas.registry import Written
from schemas.topology import Topology

PREFIX = "/schema-registry"


class Subjects:
    """Every subject with its versions. A version's number is its place, from 1."""

    def __init__(self, map_: Topology) -> None:
        self.by_id: Mapping[int, Written] = dict(sorted(registry.by_id().items()))
        found: dict[str, tuple[Written, ...]] = {}
        for topic in map_.topics.values():
            names = {(registry.home_of(c), c.__name__) for c in STREAMS[topic.stream] if c not in kernel.SHARED}
            found[f"{topic.name}-value"] = self._of(names)
        for written in self.by_id.values():
            name = record_name(written)
            found[name] = (*found.get(name, ()), written)
        self._versions = {name: found[name] for name in sorted(found) if found[name]}

    def _of(self, names: set[tuple[str, str]]) -> tuple[Written, ...]:
        return tuple(w for w in self.by_id.values() if (w.home, w.name) in names)

    @property
    def names(self) -> list[str]:
        """All subjects, sorted."""
        return list(self._versions)

    def versions(self, subject: str) -> tuple[Written, ...] | None:
        """Its versions, oldest first; None when there is no such subject."""
        return self._versions.get(subject)

    def text(self, number: int) -> str:
        """The schema of an id as clients get it: JSON in one line."""
        return text_of(self.by_id[number])

    def places(self, number: int) -> list[tuple[str, int]]:
        """(subject, version) of every place of an id, by subject."""
        return [
            (subject, place)
            for subject, versions in self._versions.items()
            for place, written in enumerate(versions, 1)
            if written.id == number
        ]

    def look_up(self, subject: str, schema: Any) -> tuple[int, Written] | None:
        """(version, schema) of a parsed schema under a subject; None when it is not one of ours.

        The very same one, docs left aside; else the newest with the same canonical form, since clients drop or add
        attributes that change no byte (defaults, `avro.java.string`). Raises RecursionError on hostile nesting.
        """
        versions = self._versions.get(subject, ())
        mark = registry.fingerprint(schema)
        for place, written in enumerate(versions, 1):
            if registry.fingerprint(written.text) == mark:
                return place, written
        form = canonical(schema)
        for place, written in reversed(list(enumerate(versions, 1))):
            if form is not None and canonical(written.text) == form:
                return place, written
        return None


def record_name(written: Written) -> str:
    """The full name of its record, which is the subject of its own."""
    return f"{written.text['namespace']}.{written.text['name']}"


def text_of(written: Written) -> str:
    """The schema as JSON in one line."""
    return json.dumps(written.text, separators=(",", ":"), ensure_ascii=False)


def canonical(schema: Json) -> str | None:
    """Avro's parsing canonical form; None for what is no schema."""
    try:
        return str(to_parsing_canonical_form(schema))
    # A schema that names an unknown type, lacks a key or has one of another kind.
    except (SchemaParseException, KeyError, TypeError, ValueError, AttributeError):
        return None
