"""A story that was played once for all tests of this folder that only look at it."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.support.fix_whole import Done, Whole
from tests.support.waiting import until


@dataclass(frozen=True)
class Played:
    """A tenant's story, its receipts, and what a rebuild of everything said that ran at the same time."""

    tenant: str
    accepted: int
    receipts: Path
    rebuilt: Done


@pytest.fixture(scope="session")
def played(stack: Whole, tmp_path_factory: pytest.TempPathFactory) -> Played:
    """The story, while every read model is built anew beside it."""
    receipts = tmp_path_factory.mktemp("story") / "receipts.jsonl"
    profile = stack.home.directory / "profile.json"
    before = profile.stat().st_mtime_ns if profile.exists() else 0
    with ThreadPoolExecutor(1) as pool:
        telling = pool.submit(stack.run, "demo", "--json", "--no-input", "--receipts", str(receipts))
        until(lambda: telling.done() or (profile.exists() and profile.stat().st_mtime_ns != before), 60, "the story")
        assert not telling.done(), telling.result().err
        rebuilt = stack.run("rebuild", "--all", "--json")
        told = telling.result()
    assert told.code == 0, told.err
    document: dict[str, Any] = told.plain
    return Played(json.loads(profile.read_text())["tenant"], document["accepted"], receipts, rebuilt)
