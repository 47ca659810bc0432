"""How many more failures there were since people were told, said as one, and that somebody does not want to hear it."""

from __future__ import annotations

from dataclasses import dataclass

from schemas.avro_types import Id16

# --- commands: people, through the gateway ------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class MuteIncident:
    """`subject` wants to be told of no further failures for `minutes`; pages are sent all the same."""

    tenant: str
    command_id: Id16
    body_hash: Id16
    subject: str
    incident_id: Id16
    at: int
    minutes: int = 10
    note: str | None = None


# --- events -------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class ErrorsAggregated:
    """`errors` failures in `window_s`, after which those who were paged are told once; `times` so far, this one too.

    No page: nobody has to answer it. `failures` and `affected_count` are the totals.
    """

    tenant: str
    incident_id: Id16
    number: int
    severity: str
    title: str
    resource: str
    errors: int
    window_s: int
    times: int
    failures: int
    affected_count: int
    first_failure_at: int
    at: int


@dataclass(frozen=True, slots=True)
class IncidentMuted:
    """Until `until` (ms of log time) nobody is told of further failures; pages are sent all the same."""

    tenant: str
    incident_id: Id16
    number: int
    subject: str
    minutes: int
    until: int
    note: str | None
    at: int


COMMANDS = (MuteIncident,)
EVENTS = (ErrorsAggregated, IncidentMuted)
