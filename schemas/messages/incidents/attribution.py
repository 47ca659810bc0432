"""What is said about causes: the ranked changes with the parts of their points, the kind of an incident, and what one
could do about it (advice only: nothing here acts).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Literal

from schemas.avro_types import Fallback, Id16
from schemas.messages.incidents.commands import Confidence

# Readers that do not know a later kind take it for a plain failure, a later action for "look into it".
IncidentKind = Annotated[
    Literal[
        "failure",
        "deploy",
        "configuration",
        "feature_flag",
        "migration",
        "permission",
        "cost",
        "data_quality",
        "behaviour",
        "meta",
    ],
    Fallback("failure"),
]
AdvisedAction = Annotated[
    Literal[
        "investigate",
        "disable_flag",
        "roll_back",
        "revert_configuration",
        "revert_migration",
        "restore_permission",
        "pause_agent",
        "kill_instances",
        "set_budget_limit",
        "restore_data",
        "view_changes",
        "mark_expected",
        "roll_back_configuration",
    ],
    Fallback("investigate"),
]


@dataclass(frozen=True, slots=True)
class CausePart:
    """One part of a change's points, which may be negative; `why` in words, with its numbers."""

    name: str
    points: int
    why: str


@dataclass(frozen=True, slots=True)
class RankedCause:
    """A change that may be the cause: `score` points of 1,000 (the sum of `parts`, from 0 to 990), `percent` as people
    see it (lower where another change has as many points). `relation` is where the change was, seen from what fails.
    """

    change_id: Id16
    kind: str
    resource: str
    before: str | None
    after: str | None
    summary: str | None
    actor: str
    changed_at: int
    seconds_before: int
    relation: str
    score: int
    percent: int
    parts: tuple[CausePart, ...]


@dataclass(frozen=True, slots=True)
class Fact:
    """One thing that is known of an incident's kind, or a parameter of an advised action."""

    name: str
    value: str


@dataclass(frozen=True, slots=True)
class Advice:
    """Something that a person could do; Mandate never does it. `why` says what speaks for it, and what against."""

    action: AdvisedAction
    parameters: tuple[Fact, ...]
    why: str


@dataclass(frozen=True, slots=True)
class SuspectWrite:
    """A write of data that may have made it wrong: `score` from 0 to 1,000 by its kind, breadth and time."""

    action_id: Id16
    kind: str
    actor: str
    rows: int | None
    written_at: int
    score: int
    why: str


# --- commands ----------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class WriteObserved:
    """Data of `resource` was written: what kind of write, and how many rows, where the agent said so.

    From 1.1 on: `count` such writes of this actor within a minute, of which `action_id` was the first (told at once,
    and again with the count); `points` is what the kind weighs by the settings, None where they do not name it.
    """

    tenant: str
    resource: str
    kind: str
    actor: str
    rows: int | None
    action_id: Id16
    event_time: int
    count: int = 1
    points: int | None = None


# --- events ------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class IncidentClassified:
    """What kind of incident this is as known at `at`, why, and what one could do; the newest replaces those before.

    `facts` are the fields of the kind, `warning` what to know before acting. `cause_id` is the change that it follows
    from, where it does, at `percent`; `symptom` what the incident looks like, clipped.
    """

    tenant: str
    incident_id: Id16
    number: int
    kind: IncidentKind
    before: IncidentKind | None
    cause_id: Id16 | None
    percent: int
    facts: tuple[Fact, ...]
    warning: str | None
    advice: tuple[Advice, ...]
    writes: tuple[SuspectWrite, ...]
    reasons: tuple[str, ...]
    symptom: str
    at: int


@dataclass(frozen=True, slots=True)
class Considered:
    """A change that was weighed and not chosen: its score (0 to 1000) and why it lost."""

    change_id: Id16
    kind: str
    resource: str
    actor: str
    changed_at: int
    score: int
    why: str


@dataclass(frozen=True, slots=True)
class CauseSuggested:
    """The likely cause of an incident as known at `at`; the newest replaces the ones before.

    Without a candidate `confidence` is `none` and `change_id` to `seconds_before` are None. `score` is 0 to 1000,
    `seconds_before` the whole seconds from the change to the first failure, `considered` the best losers (at most 8)
    of `weighed` changes. From 1.1 on: `percent` as people see it, `tied` how many others have as many points, and
    `ranked` the changes that may be it (at most 8), the best first, with the parts of their points.
    """

    tenant: str
    incident_id: Id16
    number: int
    change_id: Id16 | None
    kind: str | None
    resource: str | None
    before: str | None
    after: str | None
    summary: str | None
    actor: str | None
    changed_at: int | None
    seconds_before: int | None
    confidence: Confidence
    score: int
    reasons: tuple[str, ...]
    considered: tuple[Considered, ...]
    weighed: int
    at: int
    percent: int = 0
    tied: int = 0
    ranked: tuple[RankedCause, ...] = ()


COMMANDS = (WriteObserved,)
EVENTS = (CauseSuggested, IncidentClassified)
