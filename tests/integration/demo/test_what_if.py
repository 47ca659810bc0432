"""`mandate whatif` after the story on a real stack: the baseline is the record, half of Alice's time moves Bob's page
by exactly that, and the report opens in a browser, light and dark, at a desk and on a phone."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from gateway.demo import shop
from tests.integration.demo.conftest import Played
from tests.support.browser import DESKTOP, PHONE, barriers, chromium, opened
from tests.support.fix_whole import Whole

pytestmark = pytest.mark.slow


@pytest.fixture
def tenant(played: Played) -> str:
    """A tenant whose story has been played."""
    return played.tenant


def settings(stack: Whole, tenant: str, folder: Path, **changed: Any) -> str:
    """A file with these documents of the tenant, changed."""
    file = folder / "rule.yaml"
    file.write_text(yaml.safe_dump(changed))
    return str(file)


def in_force(stack: Whole, tenant: str) -> dict[str, Any]:
    documents: dict[str, Any] = stack.run("config", "show", "--tenant", tenant, "--json").plain["documents"]
    return documents


async def test_half_of_alices_time_moves_bobs_page_by_exactly_that(stack: Whole, tenant: str, tmp_path: Path) -> None:
    escalation = in_force(stack, tenant)["escalation"]
    for policy in escalation["policies"]:
        for step in policy["steps"]:
            if step["person"] == shop.ALICE:
                step["wait_s"] //= 2
    rule = settings(stack, tenant, tmp_path, escalation=escalation)
    report = tmp_path / "whatif.html"
    done = stack.run("whatif", "--from", "-1h", "--to", "now", "--config", rule, "--report", str(report), "--json")
    assert done.code == 0, done.err
    assert done.plain["baseline"] == {"fidelity": {"incidents": 1.0, "pages": 1.0, "cases": 1.0}}
    assert done.plain["pages"] == {
        "added": [],
        "removed": [],
        "moved": [{"incident": "INC-1", "to": "bob", "channel": "webhook", "by_seconds": -shop.ALICE_WAIT_S / 2}],
    }
    assert done.plain["unmatched"] == []
    await seen_in_a_browser(report)


async def seen_in_a_browser(report: Path) -> None:
    if chromium() is None:
        pytest.skip("there is no Chromium on this machine")
    pictures = set()
    for viewport, dark in ((DESKTOP, False), (DESKTOP, True), (PHONE, False), (PHONE, True)):
        async with opened(viewport, dark=dark) as seen:
            await seen.page.goto(report.as_uri())
            pictures.add(await seen.page.screenshot(full_page=True))
            assert seen.complaints == []
            assert seen.asked == [report.as_uri()]
            await seen.fits()
            assert await barriers(seen.page) == []
            heading = await seen.page.text_content("h1")
            assert heading == "What if @alice had 4 s to answer, not 8 s?"
            assert await seen.page.locator("svg .good").first.text_content() == "4 s earlier"
    assert len(pictures) == 4


def test_another_owner_and_another_threshold_page_others_and_group_otherwise(
    stack: Whole, tenant: str, tmp_path: Path
) -> None:
    rule = settings(stack, tenant, tmp_path, ownership={"resources": []})
    other = stack.run("whatif", "--config", rule, "--json")
    assert other.code == 0, other.err
    assert [p["to"] for p in other.plain["pages"]["removed"]] == ["alice", "bob"]
    assert "carol" in [p["to"] for p in other.plain["pages"]["added"]]
    narrow = {**in_force(stack, tenant)["incidents"], "attach_window_s": 1}
    rule = settings(stack, tenant, tmp_path, incidents=narrow)
    split = stack.run("whatif", "--config", rule, "--json")
    assert split.code == 0, split.err
    assert [i["incident"] for i in split.plain["incidents"]["regrouped"]] == ["INC-1"]
    assert split.plain["incidents"]["gained"]


def test_bad_input_is_an_error_of_its_own_with_its_own_code(stack: Whole, tenant: str, tmp_path: Path) -> None:
    broken = tmp_path / "broken.yaml"
    broken.write_text("escalation: {policies: [}\n")
    for given, code, said in (
        (("--config", str(broken)), 8, "configuration_syntax"),
        (("--from", "-9h", "--to", "-8h"), 6, "window_empty"),
        (("--incident", "INC-999"), 7, "incident_unknown"),
        (("--from", "yesterday"), 2, "no time"),
    ):
        done = stack.run("whatif", *given)
        assert (done.code, said in done.err) == (code, True), done.err
