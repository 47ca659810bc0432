"""The answer to a question, put together: fidelity, differences, assumptions. Pure; text and report read it."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from gateway.configuration.difference import lines
from gateway.whatif import compare
from gateway.whatif.compare import Difference, Fidelity, Window
from gateway.whatif.document import document
from gateway.whatif.outside import Unmatched
from gateway.whatif.run import Question, Result
from gateway.whatif.seen import Seen
from schemas.errors import MandateError


class IncidentUnknown(MandateError):
    """Nobody knows an incident of this name in the window."""


@dataclass(frozen=True, slots=True)
class Change:
    """One changed document and its lines of difference."""

    tenant: str
    document: str
    lines: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Answer:
    """Everything that is shown. `before` and `after` are what each run said."""

    result: Result
    window: Window
    fidelity: Fidelity
    found: Difference
    changes: tuple[Change, ...]
    assumptions: tuple[str, ...]

    @property
    def before(self) -> Seen:
        """What the baseline said."""
        return self.result.before.seen

    @property
    def after(self) -> Seen:
        """What the what-if said."""
        return self.result.after.seen

    @property
    def unchanged(self) -> bool:
        """Whether settings were given and none of them differs from those in force when the window began."""
        return bool(self.changes) and not any(change.lines for change in self.changes)

    @property
    def unmatched(self) -> list[Unmatched]:
        """Commands that found no incident; of one incident's, where one was asked for."""
        known = self.found.named
        return [u for u in self.result.after.unmatched if u.incident_id in known]

    @property
    def document(self) -> dict[str, Any]:
        """The answer as JSON."""
        return document(self.fidelity, self.found, self.unmatched)


def answer(result: Result, incident: str | None = None) -> Answer:
    """Compare the runs. `incident` (INC-7) keeps what concerns it. Raises IncidentUnknown."""
    question = result.question
    window = Window(question.start, question.end)
    fidelity = compare.fidelity(result.record, result.before.seen, window)
    with_tenant = question.tenant is None
    found = compare.difference(result.before.seen, result.after.seen, window, with_tenant=with_tenant, only=incident)
    if incident is not None and not any(p.label == incident for p in found.pairs):
        raise IncidentUnknown(
            "incident_unknown",
            incident,
            "no incident of this name had an event in the window",
            "Look it up: mandate incidents list; or ask for another window.",
        )
    return Answer(result, window, fidelity, found, _changes(result), assumptions(question))


def _changes(result: Result) -> tuple[Change, ...]:
    out = []
    for tenant, bodies in result.question.changes.items():
        for name, body in bodies.items():
            old = result.recorded_documents.get(tenant, {}).get(name)
            differs = lines(None if old is None else json.loads(old), json.loads(body))
            out.append(Change(tenant, name, tuple(differs)))
    return tuple(out)


def assumptions(question: Question) -> tuple[str, ...]:
    """What a what-if has to assume, in sentences for people."""
    assume = question.assume_answer_s
    answers = (
        "gets no answer"
        if assume is None
        else f"is acknowledged by the person who was paged {assume} s after its delivery, unless somebody did before"
    )
    return (
        "Changed settings are in force from the beginning of the window to its end; a timer that was set before the "
        "window keeps its time.",
        "What agents, people, alerts and effects sent is taken at its recorded time, also where people might have "
        "acted otherwise.",
        "A person's command goes to the incident that holds most of the events that its incident held at that moment; "
        "without one it is listed as unmatched.",
        "What the processors write anew takes as long as the same words took in the record, or the median of its kind.",
        f"A page that was not recorded is delivered after the median of its channel and {answers}.",
        f"Pages that move by less than {compare.MOVED_MS} ms count as unmoved.",
    )
