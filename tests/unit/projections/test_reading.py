"""What a record says; what cannot be read is kept, what is newer than this program stops it."""

from __future__ import annotations

import pytest

from projections.errors import Refused
from projections.reading import understand
from schemas import codec
from tests.unit.projections import records as r
from tests.unit.projections.records import STREAMS, T0, Log


def test_rubbish_is_kept_and_passed_by():
    log = Log("incidents.events")
    log.add(r.opened())
    for value in (b"rubbish", None, codec.encode(r.opened())[:-2], codec.encode(r.delivered(T0))):
        log.add_raw(value)
    log.add(r.healed(T0))
    said, rejected = understand(log.records, STREAMS)
    assert [s.record.offset for s in said] == [0, 5]
    assert [x.code for x in rejected] == ["not_framed", "not_framed", "undecodable", "unexpected_type"]


def test_rubbish_among_actions_too():
    log = Log("actions.ordered")
    log.add_raw(b"rubbish")
    log.add_raw(codec.encode(r.an_action(1))[:20])
    log.add_raw(codec.encode(r.opened()))
    said, rejected = understand(log.records, STREAMS)
    assert said == ()
    assert [x.code for x in rejected] == ["not_framed", "undecodable_head", "unexpected_type"]


@pytest.mark.parametrize("topic", ["actions.ordered", "incidents.events"])
def test_a_newer_schema_stops_the_reader(topic):
    log = Log(topic)
    log.add_raw(codec.frame(16_000_000) + b"new")
    with pytest.raises(Refused) as caught:
        understand(log.records, STREAMS)
    assert caught.value.code == "newer_schema"
