"""Words for tests about corrections: a split, a merge, an undo, and what must be the same after one was taken back."""

from __future__ import annotations

from typing import Any

from processors.incidents.state import Incident, incident_part
from schemas.ids import Id, derive
from schemas.messages.incidents import MergeIncident, SplitIncident, UndoCorrection
from tests.support.desk import TENANT, Desk, Told

TOPIC = "incidents.commands"


def action(n: int) -> Id:
    """The action of `signal(n)`."""
    return derive("action", n)


def split(desk: Desk, incident_id: Id, *numbers: int, by: str = "alice", reason: str = "another problem") -> Told:
    """`by` splits these failures off, now."""
    command_id = derive("split", desk.now, by, incident_id, *numbers)
    events = tuple(action(n) for n in numbers)
    return desk.tell(SplitIncident(TENANT, command_id, bytes(16), by, incident_id, desk.now, events, reason))


def merge(desk: Desk, incident_id: Id, into: Id, by: str = "alice", reason: str = "same root cause") -> Told:
    """`by` merges one incident into another, now."""
    command_id = derive("merge", desk.now, by, incident_id, into)
    return desk.tell(MergeIncident(TENANT, command_id, bytes(16), by, incident_id, desk.now, into, reason))


def undo(desk: Desk, incident_id: Id, by: str = "alice", reason: str = "it was wrong") -> Told:
    """`by` takes the last correction back, now."""
    command_id = derive("undo", desk.now, by, incident_id)
    return desk.tell(UndoCorrection(TENANT, command_id, bytes(16), by, incident_id, desk.now, reason))


def now(desk: Desk, incident_id: Id) -> Incident:
    """The incident as the processor has it."""
    found = desk.engines[TOPIC].part(incident_part(TENANT, incident_id))
    assert isinstance(found, Incident)
    return found


def kept(desk: Desk, *audit: Id) -> dict[str, Any]:
    """The state without what is audit: how many incidents there were, which were last, and these aliases."""
    prefixes = tuple(incident_part(TENANT, i) for i in audit)
    snapshot = desk.engines[TOPIC].snapshot()
    audits = (f"{TENANT}/tenant", f"{TENANT}/recent")
    return {k: v for k, v in snapshot.items() if k not in audits and not (prefixes and k.startswith(prefixes))}
