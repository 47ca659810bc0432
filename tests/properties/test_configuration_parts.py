"""A document in parts: in any order, doubled, and with a crash between any two records, it is in force when the newest
whole version is there, and never before; older, incomplete and damaged ones change nothing (KERNEL 7)."""

from __future__ import annotations

from hashlib import sha256

from hypothesis import given, settings
from hypothesis import strategies as st

from processors.incidents import DECIDER
from processors.kernel.configuration import Configurations, in_force
from processors.kernel.engine import Engine
from processors.kernel.room import room_of
from schemas import codec, ids
from schemas.announcing import Message
from schemas.catalog import Catalog
from schemas.configuration import canonical
from schemas.messages.kernel import ConfigurationActivated, ConfigurationAnnounced, ConfigurationPart
from schemas.record import Record
from tests.support.desk import FEEDING, START, topology

TENANT = "acme"
KEY = ids.key_of(TENANT).encode()
ROOM = room_of(DECIDER, topology(), {d.name: d for d in FEEDING})


def body_of(version: int) -> bytes:
    return canonical({"services": [{"id": f"service-{n}", "tier": f"v{version}"} for n in range(4)]})


def announced(version: int, pieces: int) -> list[Message]:
    """One version as the gateway announces it; 1 piece: whole."""
    body = body_of(version)
    digest = sha256(body).hexdigest()
    if pieces == 1:
        return [ConfigurationAnnounced(TENANT, "catalog", version, digest, body)]
    step = -(-len(body) // pieces)
    parts = [body[at : at + step] for at in range(0, len(body), step)]
    return [
        *(ConfigurationPart(TENANT, "catalog", version, n, part) for n, part in enumerate(parts)),
        ConfigurationActivated(TENANT, "catalog", version, digest, len(parts)),
    ]


def version_of(engine: Engine) -> int:
    catalog = engine._store.config(TENANT, "catalog")
    assert isinstance(catalog, Catalog)
    return int(catalog.services[0].tier[1:]) if catalog.services else 0


def record(offset: int, message: Message) -> Record:
    return Record(ROOM.input, 0, offset, START + offset, KEY, codec.encode(message), ())


@st.composite
def logs(draw: st.DrawFn) -> list[Message]:
    """Up to three versions, each in some pieces, perhaps without its end; shuffled, and some told again."""
    told: list[Message] = []
    for version in range(1, draw(st.integers(1, 3)) + 1):
        pieces = announced(version, draw(st.integers(1, 4)))
        told += pieces if draw(st.integers(0, 3)) else pieces[:-1]
    again = draw(st.lists(st.sampled_from(told), max_size=6)) if told else []
    return draw(st.permutations([*told, *again]))


def expected(log: list[Message]) -> list[int]:
    """The version in force after each record, by the rule in words: of versions to come only the newest is kept."""
    force, awaited = 0, 0
    there: set[Message] = set()
    out = []
    for message in log:
        if message.version > force and message.version >= awaited:
            if isinstance(message, ConfigurationAnnounced):
                force, there = message.version, {m for m in there if m.version > message.version}
                awaited = awaited if awaited > force else 0
            else:
                if message.version > awaited:
                    awaited, there = message.version, set()
                there.add(message)
                wanted = next((m.parts for m in there if isinstance(m, ConfigurationActivated)), None)
                if wanted is not None and len(there) == wanted + 1:
                    force, awaited, there = awaited, 0, set()
        elif isinstance(message, ConfigurationAnnounced) and message.version > force:
            force = message.version  # whole at once, though a newer one is awaited
        out.append(force)
    return out


@settings(max_examples=300, deadline=None)
@given(logs(), st.data())
def test_in_any_order_doubled_and_with_crashes_the_newest_whole_version_is_in_force(
    log: list[Message], data: st.DataObject
) -> None:
    engine = Engine(ROOM, 0)
    changelog: list[Record] = []
    crashes = data.draw(st.sets(st.integers(0, len(log))))
    found = []
    for offset, message in enumerate(log):
        if offset in crashes:
            engine = Engine(ROOM, 0)
            for row in changelog:
                engine.load(row)
            engine.ready()
        assert engine.advance(record(offset, message)).consumed
        for output in engine.flush(offset + 1):
            changelog.append(Record(output.topic, 0, len(changelog), 0, output.key, output.value, output.headers))
        found.append(version_of(engine))
    assert found == expected(log)


@settings(max_examples=100, deadline=None)
@given(logs())
def test_a_compacted_changelog_has_what_is_in_force_and_nothing_older(log: list[Message]) -> None:
    live = Configurations()
    rows: dict[bytes, Message | None] = {}
    for message in log:
        rows |= dict(live.take(message)[1])
    kept = [row for row in rows.values() if row is not None]
    restored = Configurations()
    for row in kept:
        restored.take(row, restoring=True)
    restored.ready()
    assert restored.versions() == live.versions()
    assert restored.document(TENANT, "catalog") == live.document(TENANT, "catalog")
    newest = max((v for _, _, v, _ in live.versions()), default=0)
    assert [m.version for m in kept if m.version < newest] == []
    assert max((m.version for m in in_force(kept)), default=0) == newest


def test_bytes_that_are_not_those_of_the_hash_are_never_in_force_until_they_are_told_right() -> None:
    configurations = Configurations()
    first, second, third, active = announced(1, 3)
    assert isinstance(second, ConfigurationPart)
    damaged = ConfigurationPart(TENANT, "catalog", 1, 1, second.body[::-1])
    assert [configurations.take(m)[0] for m in (first, damaged, third, active)] == [
        *["configuration_part"] * 3,
        "configuration_hash_differs",
    ]
    assert configurations.versions() == []
    assert configurations.take(active) == ("configuration_repeated", [])
    assert configurations.take(second)[0] == "configured"
