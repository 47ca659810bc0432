"""Retries without their pauses: what is tested is what happens, not how long it takes."""

from __future__ import annotations

import pytest


@pytest.fixture(autouse=True)
def _no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("processors.effects.outcomes.PAUSE_SECONDS", 0)
    monkeypatch.setattr("processors.effects.relay.PAUSE_SECONDS", 0.01)
