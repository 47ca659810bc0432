"""Pure: records as the columns of the archive's files, and back. Called by the store, by merging and by history.

topic, partition, offset, append_time (ms, UTC), key, schema_id, headers (list of name and value), value: the record
tenant: whose the record is (tenants.py), null where nobody can tell
event_id … type: the head's fields on records that have one (schemas/head.py), else null. Times of the head are
plain numbers of ms: a sender may claim the year 9999, which readers of timestamps refuse.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import pyarrow as pa
import pyarrow.parquet as pq

from projections.archive.tenants import Tenants, head_of
from projections.reading import action_frames
from schemas.codec import MAGIC, PREFIX_BYTES
from schemas.head import Head
from schemas.record import Headers, Record
from schemas.topology import Topology

DAY_MS = 86_400_000

_HEAD: tuple[tuple[str, pa.DataType], ...] = (
    ("event_id", pa.binary(16)),
    ("content_key", pa.binary(16)),
    ("actor", pa.string()),
    ("session", pa.string()),
    ("sequence", pa.int64()),
    ("timestamp", pa.int64()),
    ("received_at", pa.int64()),
    ("traits", pa.int64()),
    ("resource", pa.string()),
    ("type", pa.string()),
)
_HEADER = pa.struct([("name", pa.string()), ("value", pa.binary())])
SCHEMA = pa.schema(
    [
        ("topic", pa.string()),
        ("partition", pa.int32()),
        ("offset", pa.int64()),
        ("append_time", pa.timestamp("ms", tz="UTC")),
        ("key", pa.binary()),
        ("schema_id", pa.int64()),
        ("headers", pa.list_(_HEADER)),
        ("value", pa.binary()),
        ("tenant", pa.string()),
        *_HEAD,
    ]
)
# What a record is made of again; the rest can be derived.
RECORD_COLUMNS = ("offset", "append_time", "key", "headers", "value")

# Dictionaries where few values repeat; a dictionary of values that are all different only costs time and memory.
_DICTIONARIES = ["topic", "key", "headers.list.element.name", "tenant", "actor", "session", "resource", "type"]
_STATISTICS = ["partition", "offset", "append_time", "tenant", "actor", "event_id"]
# 16,384 records of 300 bytes are 5 MB: what a reader holds at once.
ROW_GROUP_RECORDS = 16_384
# 1 is 4 times as fast as 3 on our records and makes files 6 % larger.
ZSTD_LEVEL = 1

Passing = Callable[[Record], Record]


def passed(record: Record) -> Record:
    """What of a record may be kept. The only way into a file: the identity until redaction is built."""
    return record


def day_of(append_time: int) -> int:
    """Days since 1970 (UTC) of an append time in ms."""
    return append_time // DAY_MS


class Columns:
    """Makes columns of records of one topic; knows which topics have heads, and whose a record is."""

    def __init__(self, topology: Topology, passing: Passing = passed) -> None:
        self._tenants = Tenants(topology)
        self._passing = passing

    def of(self, topic: str, partition: int, records: Sequence[Record]) -> pa.RecordBatch:
        """The records of one place as a batch of SCHEMA, in their order."""
        kept = [self._passing(record) for record in records]
        count = len(kept)
        values = [record.value for record in kept]
        frames = action_frames() if self._tenants.heads(topic) else frozenset()
        # A head's numbers are any 64 bits; a Parquet column of texts takes any text that UTF-8 does.
        heads = [head_of(value, frames) for value in values]
        whose = self._tenants.by_key
        tenants = [
            head.tenant if head is not None else whose(topic, record.key, record.value)
            for head, record in zip(heads, kept, strict=True)
        ]
        return pa.RecordBatch.from_arrays(
            [
                pa.repeat(pa.scalar(topic), count),
                pa.repeat(pa.scalar(partition, pa.int32()), count),
                pa.array([record.offset for record in kept], pa.int64()),
                pa.array([record.append_time for record in kept], pa.int64()).view(pa.timestamp("ms", tz="UTC")),
                pa.array([record.key for record in kept], pa.binary()),
                pa.array([_schema_id(value) for value in values], pa.int64()),
                _headers([record.headers for record in kept]),
                pa.array(values, pa.binary()),
                pa.array(tenants, pa.string()),
                *_head_columns(heads),
            ],
            schema=SCHEMA,
        )


def _head_columns(heads: Sequence[Head | None]) -> list[pa.Array]:
    if not any(heads):
        return [pa.nulls(len(heads), kind) for _, kind in _HEAD]
    return [pa.array([None if h is None else getattr(h, name) for h in heads], kind) for name, kind in _HEAD]


def _schema_id(value: bytes | None) -> int | None:
    if value is None or len(value) < PREFIX_BYTES or value[0] != MAGIC:
        return None
    return int.from_bytes(value[1:PREFIX_BYTES], "big")


def _headers(found: Sequence[Headers]) -> pa.ListArray:
    # From offsets: a list of dicts costs ten times as much.
    offsets, at = [0], 0
    names: list[str] = []
    values: list[bytes | None] = []
    for headers in found:
        if headers:
            at += len(headers)
            for name, value in headers:
                names.append(name)
                values.append(value)
        offsets.append(at)
    pairs = pa.StructArray.from_arrays([pa.array(names, pa.string()), pa.array(values, pa.binary())], fields=_HEADER)
    return pa.ListArray.from_arrays(pa.array(offsets, pa.int32()), pairs, type=SCHEMA.field("headers").type)


def parquet(batches: Sequence[pa.RecordBatch]) -> pa.Buffer:
    """Batches of SCHEMA as one Parquet file (zstd, page checksums), in memory. The same batches give the same bytes."""
    out = pa.BufferOutputStream()
    with pq.ParquetWriter(
        out,
        SCHEMA,
        compression="zstd",
        compression_level=ZSTD_LEVEL,
        use_dictionary=_DICTIONARIES,
        write_statistics=_STATISTICS,
        write_page_checksum=True,
    ) as writer:
        writer.write_table(pa.Table.from_batches(batches, SCHEMA), row_group_size=ROW_GROUP_RECORDS)
    return out.getvalue()


def records_of(topic: str, partition: int, columns: Mapping[str, pa.Array]) -> list[Record]:
    """Records again from columns (RECORD_COLUMNS, equally long), in their order."""
    offsets = columns["offset"].to_pylist()
    times = columns["append_time"].cast(pa.int64()).to_pylist()
    keys, values = columns["key"].to_pylist(), columns["value"].to_pylist()
    listed = columns["headers"]
    if len(listed.flatten()) == 0:
        return [
            Record(topic, partition, offset, time, key, value)
            for offset, time, key, value in zip(offsets, times, keys, values, strict=True)
        ]
    starts = listed.offsets.to_pylist()
    pairs = listed.flatten()
    each = list(zip(pairs.field(0).to_pylist(), pairs.field(1).to_pylist(), strict=True))
    first = starts[0]
    return [
        Record(topic, partition, offset, time, key, value, tuple(each[low - first : high - first]))
        for offset, time, key, value, low, high in zip(
            offsets, times, keys, values, starts[:-1], starts[1:], strict=True
        )
    ]
