"""The log has dropped what was not archived: the archive waits with an alarm until a person has accepted the loss."""

from __future__ import annotations

import json

import pytest
from click.testing import CliRunner
from confluent_kafka import TopicPartition
from confluent_kafka.admin import AdminClient

from gateway.cli.archive import archive
from processors.host.places import Place
from projections.archive.files import Files
from projections.archive.history import ArchiveHistory
from projections.archive.manifest import ArchiveError
from projections.archive.store import read_mirrors
from tests.integration.archive.conftest import Archived
from tests.support.waiting import until


def test_it_goes_on_behind_the_loss_and_says_what_is_lost(archived: Archived) -> None:
    topic = archived.name("actions.raw")
    place = Place(topic, 0)
    archived.write("actions.raw", [b"kept"] * 40)
    child = archived.start()
    archived.caught_up()
    archived.end(child)
    stands = archived.manifest().position(place)
    for value in (b"lost", b"after"):
        archived.write("actions.raw", [value] * 40)
    low = stands + 11
    admin = AdminClient({"bootstrap.servers": archived.bootstrap})
    gone = admin.delete_records([TopicPartition(topic, 0, low)])
    assert next(iter(gone.values())).result(60).low_watermark == low
    child = archived.start()
    archived.write("actions.ordered", [b"held up"])
    assert accepted(archived, topic, "--to", str(low + 1))[0] == 1, "the log still has that one"
    assert accepted(archived, topic, "--to", str(stands))[0] == 1
    code, told = accepted(archived, topic, "--to", str(low))
    assert (code, told["lost"]["range"]) == (0, f"{topic}[0] {stands} to {low}")
    until(lambda: archived.manifest().position(place) > low, 60.0, "the archive to go on")
    archived.positions_reached()
    archived.end(child)
    assert archived.manifest().bounds(place)[0] == 0
    archived.whole()
    history = ArchiveHistory(Files(str(archived.folder)), archived.manifest())
    with pytest.raises(ArchiveError) as caught:
        list(history.read(place, 0, low + 1))
    assert (caught.value.code, "a full disk" in caught.value.why) == ("history_lost", True)
    assert len(list(history.read(place, low, history.bounds(place)[1]))) == 10
    assert [e.kind for e in read_mirrors(Files(str(archived.folder))) if e.place == place].count("lost") == 1
    assert accepted(archived, topic, "--to", str(low))[0] == 1, "nothing is lost any more"


def accepted(archived: Archived, topic: str, *words: str) -> tuple[int, dict]:
    given = ["--kafka", archived.bootstrap, "--postgres", archived.dsn, "--archive", str(archived.folder), "--json"]
    line = ["accept-loss", topic, "0", *words, "--reason", "a full disk", *given]
    done = CliRunner().invoke(archive, line, standalone_mode=False)
    assert done.exception is None, done.exception
    return done.return_value, json.loads(done.stdout or "{}")
