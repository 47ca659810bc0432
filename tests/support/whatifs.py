"""Asking what-if of a world on virtual time."""

from __future__ import annotations

from copy import deepcopy
from typing import Any

from gateway.whatif.answer import Answer, answer
from gateway.whatif.run import Question, ask, documents_of
from processors.host.history import History
from tests.support.recorded import MemoryHistory
from tests.support.shop import ESCALATION
from tests.support.world import START_MS, World


def what_if(
    world: World,
    documents: dict[str, Any] | None = None,
    *,
    begin: float = 0.0,
    end: float | None = None,
    incident: str | None = None,
    assume_answer_s: int | None = None,
    history: History | None = None,
) -> Answer:
    """The answer about a world's whole story (or a part of it, in seconds) under other documents."""
    changes = {} if documents is None else {world.tenant: documents_of(documents)}
    until = world.now if end is None else end
    question = Question(
        START_MS + int(begin * 1000), START_MS + int(until * 1000), world.tenant, changes, assume_answer_s
    )
    return answer(ask(history or MemoryHistory(world.log), world.map, question), incident)


def alice_waits(seconds: int) -> dict[str, Any]:
    """The shop's escalation with another wait for Alice."""
    escalation = deepcopy(ESCALATION)
    policies: Any = escalation["policies"]
    policies[0]["steps"][0]["wait_s"] = seconds
    return {"escalation": escalation}
