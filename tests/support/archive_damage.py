"""Damage to an archive, as a disk or a person might do it: one value of one record is another one."""

from __future__ import annotations

from pathlib import Path

import pyarrow.parquet as pq

from processors.host.places import Place
from projections.archive.manifest import Entry, Manifest

BYTE = 25  # behind the schema's id and the first fields; every event of the topics we damage is longer


def flip(folder: Path, manifest: Manifest, topic: str) -> tuple[str, int]:
    """Change one bit of the last archived record of a topic; gives its place as `topic[partition]`, and its offset."""
    entry = max((e for p in manifest.places if p.topic == topic for e in _files(manifest, p)), key=lambda e: e.records)
    path = folder / str(entry.file)
    table = pq.read_table(path)
    values = table.column("value").to_pylist()
    value = bytearray(values[-1])
    value[BYTE] ^= 1
    values[-1] = bytes(value)
    at = table.schema.get_field_index("value")
    pq.write_table(table.set_column(at, table.schema.field(at), [values]), path, write_page_checksum=True)
    return f"{entry.topic}[{entry.partition}]", int(table.column("offset")[-1].as_py())


def _files(manifest: Manifest, place: Place) -> list[Entry]:
    return [e for e in manifest.entries(place) if e.kind == "file" and e.records]
