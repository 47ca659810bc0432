"""Reading records as anybody would: a few bytes of the head, or fastavro with the schema that the registry gives.

Nothing here is shared with the processors: a mistake in their codec must not hide itself.
"""

from __future__ import annotations

import io
import json
import urllib.error
import urllib.request
from http import HTTPStatus
from itertools import count
from typing import Any, NamedTuple
from uuid import UUID

import fastavro

# 0x00, four bytes of schema id; then two fixed fields of 16 bytes.
_ID = slice(5, 21)
_TEXTS = 37


class Told(NamedTuple):
    """Of an action: its id as receipts write it, and who said it as which number."""

    event_id: str
    tenant: str
    actor: str
    session: str
    sequence: int


def action(value: bytes) -> Told:
    """The beginning of a record of `actions.raw`, `actions.unique` or `actions.ordered`."""
    at, texts = _TEXTS, []
    for _ in range(3):
        length, at = _number(value, at)
        texts.append(value[at : at + length].decode())
        at += length
    sequence, _ = _number(value, at)
    return Told(str(UUID(bytes=value[_ID])), texts[0], texts[1], texts[2], sequence)


def _number(value: bytes, at: int) -> tuple[int, int]:
    """A zigzag varint and where the next field begins."""
    number = shift = 0
    while True:
        byte = value[at]
        at += 1
        number |= (byte & 0x7F) << shift
        if byte < 0x80:
            return (number >> 1) ^ -(number & 1), at
        shift += 7


class Registry:
    """Schemas by id, asked of the gateway as a Kafka tool would; each once."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._schemas: dict[int, Any] = {}

    def name(self, value: bytes) -> str:
        """Which message it is: the last part of its schema's name."""
        return str(self._schema(value)["name"]).rpartition(".")[2]

    def decode(self, value: bytes) -> dict[str, Any]:
        """Its fields."""
        found: Any = fastavro.schemaless_reader(io.BytesIO(value[5:]), self._schema(value), None)
        return dict(found)

    def learn(self) -> None:
        """Ask for all of them beforehand, since later the gateway may be away: ids are 1, 2, 3, … without a gap."""
        for number in count(1):
            try:
                with urllib.request.urlopen(f"{self._url}/schema-registry/schemas/ids/{number}") as answer:
                    self._schemas[number] = fastavro.parse_schema(json.loads(json.load(answer)["schema"]))
            except urllib.error.HTTPError as error:
                if error.code != HTTPStatus.NOT_FOUND:
                    raise
                return

    def _schema(self, value: bytes) -> Any:
        return self._schemas[int.from_bytes(value[1:5], "big")]
