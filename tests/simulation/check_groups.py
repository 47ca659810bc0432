"""Which failure belongs to which incident, whatever people split, merged and took back: a model of sets.

I1, I2: each failure that was signalled belongs to exactly one incident that lives, or to an alias of it; totals that
were said last are those of its family. What was said decides nothing here but where failures went.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from schemas import ids
from schemas.messages import incidents as told
from schemas.messages.incidents import CorrectionUndone, IncidentOpened
from tests.simulation.facts import Facts, shortened


@dataclass(slots=True)
class Families:
    """Of one tenant. `of`: the failures of each incident; `into`: what an alias is now; `total`: what was said last."""

    of: dict[bytes, set[bytes]] = field(default_factory=dict)
    into: dict[bytes, bytes] = field(default_factory=dict)
    total: dict[bytes, int] = field(default_factory=dict)
    # Opened by an undo, which says in the same decision that their failures were moved.
    anew: dict[bytes, bytes] = field(default_factory=dict)
    twice: list[bytes] = field(default_factory=list)

    def told(self, event: Any) -> None:
        """One more event of the tenant's incidents."""
        match event:
            case told.IncidentOpened():
                self._opened(event)
            case told.SignalAttached():
                self._joins(event.incident_id, event.action_id)
                self.total[event.incident_id] = event.failures
            case told.IncidentSplit():
                self._move(event.split_id, event.action_ids)
            case told.IncidentsMerged():
                self.into[event.merged_id] = event.incident_id
            case told.CorrectionUndone():
                self._undone(event)
        if isinstance(event, told.IncidentSplit | told.IncidentsMerged | told.CorrectionUndone):
            self.total |= {s.incident_id: s.failures for s in event.incidents}

    def _opened(self, event: IncidentOpened) -> None:
        self.of.setdefault(event.incident_id, set())
        self.total[event.incident_id] = event.failures
        if event.trigger != "error" or event.split_from is not None:
            return
        if any(event.action_id in mine for mine in self.of.values()):
            self.anew[event.incident_id] = event.action_id
        else:
            self.of[event.incident_id].add(event.action_id)

    def _joins(self, incident_id: bytes, action_id: bytes) -> None:
        if any(action_id in mine for mine in self.of.values()):
            self.twice.append(action_id)
        self.of.setdefault(incident_id, set()).add(action_id)

    def _move(self, incident_id: bytes, actions: tuple[bytes, ...]) -> None:
        for mine in self.of.values():
            mine.difference_update(actions)
        self.of.setdefault(incident_id, set()).update(actions)

    def _undone(self, event: CorrectionUndone) -> None:
        if event.undone == "merge":
            self.into.pop(event.other_id, None)
        else:
            self.into[event.other_id] = event.incident_id
        for moved in event.moved:
            if self.anew.get(moved.incident_id) in moved.action_ids:
                del self.anew[moved.incident_id]
            self._move(moved.incident_id, moved.action_ids)

    def living(self, incident_id: bytes) -> bytes:
        """The incident that this one is now."""
        while incident_id in self.into:
            incident_id = self.into[incident_id]
        return incident_id

    def whole(self) -> dict[bytes, int]:
        """How many failures each living incident has, with those of its aliases."""
        out = {i: 0 for i in self.of if i not in self.into}
        for incident_id, mine in self.of.items():
            out[self.living(incident_id)] += len(mine)
        return out


def families(facts: Facts) -> dict[str, Families]:
    """By tenant, from what was said of incidents."""
    found: dict[str, Families] = {}
    for _, message in facts.said("incidents.events"):
        found.setdefault(message.tenant, Families()).told(message)
    return found


def check(facts: Facts) -> None:
    """All of it."""
    facts.families = families(facts)
    signalled: dict[str, set[bytes]] = {}
    for _, m in facts.of("incidents.commands", told.ErrorSignalled):
        signalled.setdefault(m.tenant, set()).add(m.action_id)
    # A world is small: every failure is remembered, so nobody is refused a correction because one is not.
    refused = {m.code for _, m in facts.of("incidents.events", told.CommandRefused)}
    facts.expect("I1 failures that were forgotten", set(), refused & {"failures_not_remembered", "too_many_since"})
    for tenant in sorted({*facts.families, *signalled}):
        found = facts.families.get(tenant, Families())
        belonging = [action for mine in found.of.values() for action in mine]
        wanted = signalled.get(tenant, set())
        if len(belonging) != len({*belonging}) or {*belonging} != wanted:
            facts.broken.append(
                f"I1/I2 failures in {tenant}'s incidents: missing {shortened(sorted(wanted - {*belonging})[:3])}, "
                f"too many {shortened(sorted({*belonging} - wanted)[:3])}, {len(belonging)} of {len(wanted)}"
            )
        facts.expect(f"I2 failures of {tenant} that were attached twice", [], found.twice)
        facts.expect(f"I2 failures of {tenant} that two incidents opened with", {}, found.anew)
        totals = found.whole()
        said = {ids.text(i): found.total[i] for i in totals}
        facts.expect(f"I1/I2 failures of {tenant}'s incidents", {ids.text(i): n for i, n in totals.items()}, said)
