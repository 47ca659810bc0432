"""The overview, pure: a brief is a fold of its incident's events; what is too much leaves, whatever the batches."""

from __future__ import annotations

import json
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from projections.overview import project as module
from projections.overview.project import evolve, project
from schemas import ids
from schemas.messages import incidents as words
from tests.unit.projections import corrected_records as c
from tests.unit.projections import records as r
from tests.unit.projections.records import INCIDENT, T0, TENANT, Log


def _fold(*events):
    brief = None
    for event in events:
        brief = evolve(brief, event)
    return brief


def _changed(after, at=T0, **incident):
    fields: dict[str, Any] = {"tenant": TENANT, "incident_id": INCIDENT, "number": 1} | incident
    return words.IncidentStateChanged(**fields, before="detected", after=after, by="alice", reason="r", at=at)


def test_an_incident_from_its_opening_to_its_end():
    acknowledged = words.IncidentAcknowledged(TENANT, INCIDENT, 1, "alice", 9, 4, T0 + 5)
    again = words.IncidentAcknowledged(TENANT, INCIDENT, 1, "bob", 9, 4, T0 + 6)
    paged = words.IncidentPaged(TENANT, INCIDENT, 1, "alice", "webhook", 9, 4, T0 + 3)
    brief = _fold(r.opened(), paged, acknowledged, again, _changed("resolved", T0 + 9))
    assert brief is not None
    assert (brief["state"], brief["assignee"], brief["failures"], brief["affected"]) == ("resolved", "bob", 9, 4)
    assert (brief["paged_at"], brief["acknowledged_at"], brief["changed_at"]) == (T0 + 3, T0 + 5, T0 + 9)


def test_events_that_are_not_needed_change_nothing():
    brief = _fold(r.opened())
    refused = words.CommandRefused(TENANT, bytes(16), "bob", INCIDENT, "resolve", "c", "w", "r", T0)
    closed = words.IncidentClosed(TENANT, INCIDENT, 1, "bob", None, T0)
    for event in (refused, closed):
        assert evolve(brief, event) == brief


def test_an_event_of_an_incident_that_never_opened_is_passed_by():
    assert evolve(None, _changed("resolved")) is None


def test_a_correction_says_how_its_incidents_stand():
    log = Log("incidents.events")
    two = r.opened(incident_id=c.OTHER, number=2)
    present: dict[str, Any] = {TENANT: {}}
    for event in (r.opened(), two, c.merged()):
        log.add(event)
    project(log.said(), present)
    wanted = {one.incident_id: one for one in c.merged().incidents}
    for incident_id, one in wanted.items():
        brief = present[TENANT][incident_id]
        assert (brief["state"], brief["failures"], brief["affected"]) == (one.state, one.failures, one.affected_count)
        assert (brief["paged_at"], brief["assignee"]) == (one.first_page_at, one.assignee)


def _story(moves):
    """Incidents 1 to 9 in this order of numbers: first its opening, then over, then open again, …"""
    log = Log("incidents.events")
    seen: dict[int, int] = {}
    for number in moves:
        incident = {"incident_id": ids.derive("incident", number), "number": number}
        turn = seen[number] = seen.get(number, -1) + 1
        log.add(r.opened(T0, **incident) if turn == 0 else _changed("resolved" if turn % 2 else "reopened", **incident))
    return log.said()


def _run(said, cuts):
    briefs: dict[str, Any] = {TENANT: {}}
    stored = {}
    for start, end in pairwise([0, *sorted(cuts), len(said)]):
        written = project(said[start:end], briefs).words
        at = 0
        while at < len(written):
            if written[at] == "set":
                stored[written[at + 2]] = json.loads(str(written[at + 3]))
                at += 4
            else:
                stored.pop(written[at + 2], None)
                at += 3
    assert stored == {key.hex(): brief for key, brief in briefs[TENANT].items()}
    return stored


@given(st.lists(st.integers(1, 9), max_size=40), st.lists(st.integers(0, 40), max_size=5), st.integers(1, 5))
def test_what_is_kept_does_not_depend_on_batches(moves, cuts, most):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "INCIDENTS_MAX", most)
        said = _story(moves)
        whole = _run(said, [])
        assert _run(said, [min(cut, len(said)) for cut in cuts]) == whole
    assert len(whole) <= most


def test_what_is_over_leaves_before_what_is_open(monkeypatch):
    monkeypatch.setattr(module, "INCIDENTS_MAX", 2)
    kept = _run(_story([1, 2, 2, 3]), [])
    assert sorted(brief["number"] for brief in kept.values()) == [1, 3]
