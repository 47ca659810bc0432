"""A message as an older writer wrote it, and bytes that were really written once."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

from fastavro import schemaless_writer

from schemas import codec, registry
from schemas.avro_types import to_plain

# (home, name, version) -> one record as that version's writer wrote it, in hexadecimal. Never change one: they stand
# for what lies on people's logs. Every version of a schema that has more than one must be there.
_FILE = Path(__file__).with_suffix(".json")
GOLDEN: dict[tuple[str, ...], str] = {
    tuple(name.split("/")): value for name, value in json.loads(_FILE.read_text()).items()
}


def written_as(message: Any, version: tuple[int, int]) -> bytes:
    """`message` framed and encoded in an older version of its schema; newer fields are left out."""
    cls: Any = type(message)
    (old,) = (w for w in registry.versions(registry.home_of(cls), cls.__name__) if w.version == version)
    out = io.BytesIO(codec.frame(old.id))
    out.seek(codec.PREFIX_BYTES)
    schemaless_writer(out, old.parsed, to_plain(cls)(message))
    return out.getvalue()
