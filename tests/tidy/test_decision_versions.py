"""A decision version that was raised has its line in CHANGELOG.md and a golden log of its own."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from processors.rooms import DECIDERS
from tests.golden.recording import FOLDER, files, name_of, read

CHANGELOG = (Path(__file__).parents[2] / "CHANGELOG.md").read_text()
TODAY = {name: decider.version for name, decider in DECIDERS.items()}


def test_todays_versions_have_a_golden_log() -> None:
    assert (FOLDER / name_of(TODAY)).exists(), (
        "a decision version was raised: `python -m tests.golden.record`, and count what the older logs declare in "
        "tests/golden/declared.json"
    )


@pytest.mark.parametrize("name", TODAY)
def test_every_raised_version_is_in_the_changelog(name: str) -> None:
    for version in range(2, TODAY[name] + 1):
        assert re.search(rf"\b{name}: decision version {version}\b", CHANGELOG), (
            f"CHANGELOG.md: say what `{name}: decision version {version}` decides otherwise"
        )


@pytest.mark.parametrize("path", files(), ids=lambda p: p.name.split(".")[0])
def test_a_golden_log_is_named_by_its_versions(path: Path) -> None:
    assert path.name == name_of(read(path).versions)
