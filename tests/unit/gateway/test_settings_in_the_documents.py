"""What would break: a reader copies settings from a page of docs/ and the gateway refuses them."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from schemas.configuration import DEFAULTS, canonical, parse_document

DOCS = Path(__file__).parents[3] / "docs"


def blocks(page: str) -> list[dict[str, Any]]:
    found = [yaml.safe_load(text) for text in re.findall(r"```yaml\n(.*?)```", (DOCS / page).read_text(), re.DOTALL)]
    inline = re.findall(r"printf '(.*?)\\n' > \w+\.yaml", (DOCS / page).read_text())
    return [*found, *map(yaml.safe_load, inline)]


@pytest.mark.parametrize(("page", "least"), [("thresholds.md", 5), ("incidents.md", 1)])
def test_settings_shown_in_the_documents_are_taken(page: str, least: int) -> None:
    shown = [(name, body) for block in blocks(page) for name, body in block.items() if name in DEFAULTS]
    assert len(shown) >= least
    for name, body in shown:
        parse_document(name, canonical(body))
