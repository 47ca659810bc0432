"""`python -m schemas` must not pass over a processor whose library is missing: its ids would be missing in silence."""

from __future__ import annotations

import importlib
from types import SimpleNamespace
from typing import Any

import pytest

from schemas import __main__ as tool


def _imports(missing: str) -> Any:
    def imported(name: str) -> Any:
        if name == "processors.signals.state":
            raise ModuleNotFoundError(f"No module named {missing!r}", name=missing)
        return SimpleNamespace(PARTS=())

    return imported


@pytest.mark.parametrize("missing", ["processors.signals.state", "processors.signals"])
def test_a_processor_without_parts_is_passed_over(missing: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("schemas.registry.write", lambda _classes: [])
    monkeypatch.setattr(importlib, "import_module", _imports(missing))
    tool.main()


@pytest.mark.parametrize("missing", ["re2", "processors.signals.patterns"])
def test_a_library_that_is_missing_is_said(missing: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("schemas.registry.write", lambda _classes: [])
    monkeypatch.setattr(importlib, "import_module", _imports(missing))
    with pytest.raises(ModuleNotFoundError, match=missing):
        tool.main()
