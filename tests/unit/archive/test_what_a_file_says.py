"""The columns of a file: the record to the byte, the head where there is one; others read them without knowing us."""

from __future__ import annotations

from pathlib import Path

import duckdb
import pandas as pd
import pyarrow.parquet as pq
import pytest

from projections.archive.project import RECORD_COLUMNS, SCHEMA, Columns, parquet, records_of
from schemas import codec
from schemas.record import Output, Record
from tests.support.actions import action
from tests.support.archived import MAP, World

FAR = 253_402_300_799_999  # the year 9999


def record(offset: int, value: bytes | None, **given) -> Record:
    return Record(
        "actions.raw", 1, offset, 1_790_000_000_123 + offset, *(given.get("key", b"t/a"), value), given.get("h", ())
    )


def again(records: list[Record], topic: str = "actions.raw") -> list[Record]:
    batch = Columns(MAP).of(topic, 1, records)
    return records_of(topic, 1, {name: batch.column(name) for name in RECORD_COLUMNS})


@pytest.mark.parametrize(
    "records",
    [
        [],
        [record(0, None, key=None)],
        [record(3, b""), record(9, b"\x00\x00"), record(10, b"\xff" * 40, h=(("a", b""), ("a", b"\x00")))],
        [record(1, codec.encode(action(1))), record(2, codec.encode(action(2))[:40], h=(("ü", b"1"),))],
    ],
)
def test_a_record_comes_back_to_the_byte(records) -> None:
    assert again(records) == records
    assert again(records[1:]) == records[1:]


def test_the_head_is_in_columns_and_a_broken_one_is_not() -> None:
    said = action(1, tenant="shop/1", actor="bot", timestamp=FAR, sequence=7, resource="r", type="x.y")
    value = codec.encode(said)
    batch = Columns(MAP).of(
        "actions.raw", 0, [record(0, value, key=b"shop%2F1/bot"), record(1, value[:30], key=b"other/x")]
    )
    first, second = batch.to_pylist()
    assert {n: first[n] for n in ("tenant", "actor", "timestamp", "sequence", "resource", "type", "event_id")} == {
        "tenant": "shop/1",
        "actor": "bot",
        "timestamp": FAR,
        "sequence": 7,
        "resource": "r",
        "type": "x.y",
        "event_id": said.event_id,
    }
    assert first["schema_id"] == second["schema_id"] == codec.id_of(value)
    assert (second["tenant"], second["actor"], second["event_id"]) == ("other", None, None)


def test_a_tenant_is_taken_only_from_keys_that_begin_with_one() -> None:
    columns = Columns(MAP)
    assert columns.of("incidents.events", 0, [record(0, b"x", key=b"shop%252")]).to_pylist()[0]["tenant"] == "shop%2"
    assert columns.of("dedup.changelog", 0, [record(0, b"x", key=b"window/001/0/1")]).to_pylist()[0]["tenant"] is None


def test_the_same_records_give_the_same_bytes() -> None:
    records = [record(n, codec.encode(action(n))) for n in range(100)]
    assert parquet([Columns(MAP).of("actions.raw", 1, records)]) == parquet(
        [Columns(MAP).of("actions.raw", 1, records)]
    )


def test_one_function_stands_between_a_record_and_a_file() -> None:
    def hidden(r: Record) -> Record:
        return Record(r.topic, r.partition, r.offset, r.append_time, r.key, b"hidden", r.headers)

    batch = Columns(MAP, hidden).of("actions.raw", 0, [record(0, codec.encode(action(1, tenant="secret")), key=b"t/a")])
    assert batch.column("value").to_pylist() == [b"hidden"]
    assert b"secret" not in parquet([batch]).to_pybytes()


@pytest.fixture
def files(tmp_path: Path) -> list[str]:
    world = World(tmp_path, {"actions.raw": 2, "incidents.events": 1})
    for n in range(50):
        world.clock.advance(3_600_000)
        value = codec.encode(action(n, tenant="shop", actor=f"a{n % 3}", timestamp=FAR, sequence=n))
        world.log.append(Output("actions.raw", n % 2, b"shop/a", value, (("flags", b"late"),)))
    world.log.append(Output("incidents.events", 0, b"shop", b"\x00\x00\x00\x00\x07rest"))
    world.archive(world.store())
    return [str(tmp_path / name) for name in world.files.names("log") if name.endswith(".parquet")]


def test_duckdb_reads_them_as_they_are(files: list[str]) -> None:
    with duckdb.connect() as connection:
        rows = connection.execute(
            "select actor, count(*), max(sequence), min(timestamp), min(append_time)::date, max(headers[1].name)"
            " from read_parquet($files) where topic = 'actions.raw' group by actor order by actor",
            {"files": files},
        ).fetchall()
        assert [(row[0], row[1], row[2], row[3], row[5]) for row in rows] == [
            ("a0", 17, 48, FAR, "flags"),
            ("a1", 17, 49, FAR, "flags"),
            ("a2", 16, 47, FAR, "flags"),
        ]
        other = connection.execute(
            "select tenant, schema_id, value, \"offset\" from read_parquet($files) where topic = 'incidents.events'",
            {"files": files},
        ).fetchall()
        assert other == [("shop", 7, b"\x00\x00\x00\x00\x07rest", 0)]


def test_pandas_reads_them_as_they_are(files: list[str]) -> None:
    frame = pd.concat([pd.read_parquet(file) for file in files if "actions.raw" in file])
    assert set(frame.columns) == set(SCHEMA.names)
    assert len(frame) == 50
    assert frame.groupby("actor").size().to_dict() == {"a0": 17, "a1": 17, "a2": 16}
    assert str(frame["append_time"].dt.tz) == "UTC"
    assert codec.id_of(frame["value"].iloc[0]) == frame["schema_id"].iloc[0]


def test_files_are_by_topic_day_and_positions(files: list[str], tmp_path: Path) -> None:
    found = [Path(file).relative_to(tmp_path).parts for file in files]
    assert {parts[:2] for parts in found} == {("log", "actions.raw"), ("log", "incidents.events")}
    for file in files:
        table = pq.read_table(file)
        partition, start, end, _ = Path(file).stem.split("-")
        offsets = table.column("offset").to_pylist()
        assert int(start) <= offsets[0] <= offsets[-1] < int(end)
        assert set(table.column("partition").to_pylist()) == {int(partition)}
        days = {value.date().isoformat() for value in table.column("append_time").to_pylist()}
        assert days == {Path(file).parent.name}
