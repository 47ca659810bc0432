"""The snippets of docs/first-action.md and README.md do what the documents say, as they stand, on a running stack."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.fix_whole import Whole
from tests.support.waiting import until

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[3]
# The documents say what to put in its place.
ADDRESS = "http://127.0.0.1:8080"
SEEN_S = 60.0


class Newcomer:
    """Somebody in a checkout of his own who copies what a document says, block after block."""

    def __init__(self, stack: Whole, checkout: Path) -> None:
        self._stack = stack
        self._checkout = checkout
        (checkout / "docs").mkdir()
        shutil.copy(ROOT / "docs" / "tenant.yaml", checkout / "docs")
        (checkout / ".venv").symlink_to(sys.prefix)
        self._env = stack.env | {"MANDATE_SPILL": str(checkout / "spill")}

    def shell(self, block: str) -> str:
        """What a block prints; it must end well."""
        text = block.replace(ADDRESS, self._stack.url)
        call = ["sh", "-e", "-c", text]
        done = subprocess.run(call, cwd=self._checkout, env=self._env, capture_output=True, text=True, check=False)
        assert done.returncode == 0, f"{block}\n{done.stdout}{done.stderr}"
        return done.stdout

    def shows(self, line: str, expected: str) -> None:
        """Until a line shows something: what was sent is in the read models a moment later."""
        until(lambda: expected in self.shell(line), SEEN_S, f"{expected!r} from {line}")

    def save(self, name: str, code: str) -> None:
        """A file in the checkout."""
        (self._checkout / name).write_text(code.replace(ADDRESS, self._stack.url))


def blocks(page: str, language: str) -> list[str]:
    """The code blocks of a document, without the lines that set up what the test has already."""
    found = re.findall(rf"```{language}\n(.*?)```", (ROOT / page).read_text(), re.DOTALL)
    kept = ["\n".join(line for line in block.splitlines() if not line.startswith("make ")) for block in found]
    return [block for block in kept if block.strip()]


def test_an_action_by_curl_and_by_python_and_an_error_by_curl(stack: Whole, tmp_path: Path) -> None:
    newcomer = Newcomer(stack, tmp_path)
    page = "docs/first-action.md"
    tenant, curl, timeline, python = blocks(page, "sh")
    newcomer.shell(tenant)
    assert '"status": 202' in newcomer.shell(curl)
    newcomer.shows(timeline, "payments-service")

    (name,) = re.findall(r"Save this as `(\S+)`", (ROOT / page).read_text())
    (code,) = blocks(page, "python")
    newcomer.save(name, code)
    assert newcomer.shell(python).startswith("Receipt(event_id=")
    newcomer.shows(python.splitlines()[-1], "TimeoutError: no answer in")

    own_error, *others = blocks("README.md", "sh")
    (rule,) = [block for block in others if "mandate whatif" in block]
    assert '"status": 202' in newcomer.shell(own_error)
    newcomer.shows(own_error.splitlines()[-1].split("#")[0], "search-service")
    # After the demo the tenant is another one.
    answer = newcomer.shell(rule.replace("demo-1", "shop"))
    assert "baseline  100 % of the record" in answer
    assert (tmp_path / "whatif.html").read_text().startswith("<!doctype html>")
