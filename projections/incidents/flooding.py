"""Pure: sentences about degraded dependencies on an incident's timeline. Floods have a read model of their own."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from schemas.messages.incidents.flooding import DependencyCleared, DependencySuspected


def _suspected(event: DependencySuspected) -> str:
    return f"{event.text} [POSSIBLE] Because {'; '.join(event.reasons)}."


def _cleared(event: DependencyCleared) -> str:
    return event.text


SENTENCES: Mapping[type, Callable[[Any], str]] = {DependencySuspected: _suspected, DependencyCleared: _cleared}
