"""Which incidents a reader asks for: each filter is one condition of the list's query. Pure.

Called by `queries.incidents`. Every value is a parameter of the statement, never a part of its text.
"""

from __future__ import annotations

from dataclasses import dataclass

from projections.worlds import WORLD
from schemas.incident_rules import OVER

# The states of incidents that are over, as SQL.
OVER_SQL = f"({', '.join(repr(state) for state in OVER)})"
# An incident is on the resources of those that were merged into it, too.
_TAKEN_IN = "exists (select 1 from incidents m where m.tenant = i.tenant and m.merged_into = i.incident_id and {})"
_CONDITIONS = {
    "severity": "i.severity = %(severity)s",
    "assignee": "i.assignee = %(assignee)s",
    "taken": "(i.assignee is not null) = %(taken)s",
    "resource": f"(i.resource = %(resource)s or {_TAKEN_IN.format('m.resource = %(resource)s')})",
    "among": f"(i.resource = any(%(among)s) or {_TAKEN_IN.format('m.resource = any(%(among)s)')})",
    "actor": "i.actor = %(actor)s",
    "since": "i.opened_at >= %(since)s",
    "until": "i.opened_at < %(until)s",
    "world": f"{WORLD} = %(world)s",
    # What people type: a number, a word of the title, an agent. `position`, since there % and _ mean themselves.
    "words": "position(lower(%(words)s) in lower(concat_ws(' ', 'INC-' || i.number, i.title, i.sample, i.error_type,"
    " i.resource, i.actor, i.assignee))) > 0",
}


@dataclass(frozen=True, slots=True)
class Filters:
    """What narrows the list beside the state; None asks for nothing. `taken`: somebody is on it, or nobody.

    `actor` is whose failure opened it; `since` and `until` (ms) are of its opening; `among` are resources, any of them.
    """

    severity: str | None = None
    assignee: str | None = None
    taken: bool | None = None
    resource: str | None = None
    among: list[str] | None = None
    actor: str | None = None
    since: int | None = None
    until: int | None = None
    world: str | None = None
    words: str | None = None

    @property
    def given(self) -> dict[str, str | bool | int | list[str]]:
        """Names and values of the filters that are set: the statement's parameters."""
        values = {name: getattr(self, name) for name in _CONDITIONS}
        return {name: value for name, value in values.items() if value is not None}

    @property
    def sql(self) -> str:
        """The conditions, each begun with `and`; empty without filters."""
        return " ".join(f"and {_CONDITIONS[name]}" for name in self.given)


NONE = Filters()
