"""What each test of this folder begins with (a stack on which everything serves), and what a failure shows of it."""

from __future__ import annotations

from collections.abc import Generator

import pytest

from tests.support.fix_whole import Whole

# The last words of each process that are more than news; a report of a whole run must stay readable.
LINES = 12
WORTH = (" ERROR ", " CRITICAL ", "error[", "GIVEN UP", "ended with", "killed by", "not healthy")


@pytest.fixture(autouse=True)
def healthy(stack: Whole) -> None:
    """A test that failed in the middle of a fault must not be paid for by the next one."""
    if not stack.ready():
        stack.up()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Add what the processes of the stack complained of, which is gone with the run's folder."""
    report = yield
    stack = getattr(item, "funcargs", {}).get("stack")
    if report.failed and isinstance(stack, Whole):
        for log in sorted(stack.home.logs.glob("*.log")):
            lines = log.read_text(errors="replace").splitlines()
            said = [line[:300] for line in lines if any(word in line for word in WORTH)][-LINES:]
            if said:
                report.sections.append((f"log of {log.stem}", "\n".join(said)))
    return report
