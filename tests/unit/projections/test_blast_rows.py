"""Blast radii become rows: the newest of an incident or a change, whole, and nothing of an incident's own row."""

from __future__ import annotations

from projections.incidents.blast import RADII, rows
from projections.incidents.project import keys, project
from projections.incidents.radii import radius
from projections.reading import Said
from projections.tables import packed, values_of
from schemas.record import Record
from tests.unit.projections import blast_records as b
from tests.unit.projections.records import INCIDENT, T0, TENANT


def said(*messages: object) -> list[Said]:
    return [Said(Record("incidents.events", 0, n, T0, b"acme", b""), m) for n, m in enumerate(messages, 7)]


def test_the_newest_radius_of_each_is_kept() -> None:
    found = rows(said(b.blast(T0, cut=9), b.change_blast(T0), b.blast(T0 + 1, because="catalog")))
    assert [(r.about, r.because, r.cut, r.version) for r in found] == [
        (INCIDENT, "catalog", 2, 9),
        (b.CHANGE, "change", 0, 8),
    ]
    assert found[0].nodes[1] == {
        "service": "web",
        "relation": "downstream",
        "depth": 1,
        "via": "payments",
        "calls": True,
        "owner": "web-team",
        "tier": None,
        "declared": True,
    }
    assert b"".join(packed(RADII, [values_of(row) for row in found]))


def test_a_change_of_no_incident_needs_no_incident() -> None:
    batch = said(b.change_blast(T0))
    assert keys(batch) == []
    assert project(batch, {}).events == ()


def test_an_incident_has_its_radius_on_its_timeline() -> None:
    batch = said(b.blast(T0))
    assert keys(batch) == [(TENANT, INCIDENT)]
    (entry,) = project(batch, {}).events
    assert (entry.kind, entry.details["services"]) == ("BlastRadiusStated", ["payments"])


def test_without_a_radius_everything_is_empty() -> None:
    assert radius(None)["nodes"] == []
    assert radius(None)["stated_at"] is None
