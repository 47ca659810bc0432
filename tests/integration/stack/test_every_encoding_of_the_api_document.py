"""The commands of docs/api.md do what it says, as they stand, on a running stack: every encoding becomes an action."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from tests.integration.stack.test_the_first_action_of_a_newcomer import ROOT, Newcomer, blocks
from tests.support.fix_whole import Whole

pytestmark = pytest.mark.slow

PAGE = "docs/api.md"


def test_every_encoding_arrives_as_an_action(stack: Whole, tmp_path: Path) -> None:
    newcomer = Newcomer(stack, tmp_path)
    newcomer.shell(blocks("docs/first-action.md", "sh")[0])
    (code,) = blocks(PAGE, "python")
    (name,) = re.findall(r"Save this as `(\S+)`", (ROOT / PAGE).read_text())
    newcomer.save(name, code)
    asking, *sending = blocks(PAGE, "sh")
    assert '"openapi":"3.1' in newcomer.shell(asking)
    receipts = []
    for block in sending:
        answer = json.loads(newcomer.shell(block))
        assert "warnings" not in answer
        receipts += answer["results"]
    assert [(receipt["status"], "warnings" in receipt) for receipt in receipts] == [(202, False)] * 6
    for n in range(1, 7):
        newcomer.shows(".venv/bin/mandate timeline --json --limit 50", f'"api-{n}"')
