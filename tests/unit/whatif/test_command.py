"""`mandate whatif`: what it prints, which exit code says what, whose records it takes."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import yaml
from click.testing import CliRunner, Result

from gateway.cli import whatif as command
from gateway.cli.access import Profile
from schemas.errors import MandateError
from tests.support.recorded import MemoryHistory
from tests.support.shop import ESCALATION, Shop
from tests.support.whatifs import alice_waits
from tests.support.world import World

# The story begins at 2023-11-14T22:13:20Z.
WINDOW = ("--from", "2023-11-14T22:13:20Z", "--to", "2023-11-14T22:14:05Z")


@pytest.fixture(scope="module")
def world() -> World:
    return Shop().play(45.0)


@pytest.fixture
def asked(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    @contextmanager
    def history(bootstrap: str | None = None, passes: object = None) -> Iterator[MemoryHistory]:
        yield MemoryHistory(world.log)

    monkeypatch.setattr("gateway.cli.history.history", history)
    monkeypatch.setattr(command, "read_profile", lambda: Profile("shop", "bob", "t", "a", "t"))


def run(*words: str) -> Result:
    return CliRunner().invoke(command.whatif, words, standalone_mode=False)


def rule(folder: Path, documents: dict[str, Any]) -> str:
    file = folder / "rule.yaml"
    file.write_text(yaml.safe_dump(documents))
    return str(file)


def test_the_answer_as_json_has_the_agreed_shape(asked: None, tmp_path: Path) -> None:
    done = run(*WINDOW, "--config", rule(tmp_path, alice_waits(4)), "--json")
    assert (done.return_value, done.stderr) == (0, "")
    document = json.loads(done.stdout)
    assert list(document) == ["baseline", "incidents", "pages", "intervention", "cases", "unmatched"]
    assert list(document["incidents"]) == ["gained", "lost", "regrouped"]
    assert list(document["pages"]) == ["added", "removed", "moved"]
    assert list(document["intervention"]) == ["before", "after"]
    assert list(document["cases"]) == ["gained", "lost"]
    assert document["pages"]["moved"] == [{"incident": "INC-1", "to": "bob", "channel": "webhook", "by_seconds": -4}]


def test_the_answer_as_text_and_the_report(asked: None, tmp_path: Path) -> None:
    report = tmp_path / "report.html"
    done = run(*WINDOW, "--config", rule(tmp_path, alice_waits(4)), "--report", str(report))
    assert done.return_value == 0
    assert "baseline  100 % of the record: 1 of 1 incidents, 2 of 2 pages" in done.stdout
    assert "bob would have been paged 4 s earlier" in done.stdout
    assert "alice has 4 s to answer instead of 8 s" in done.stdout
    assert "gets no answer" in done.stdout
    text = report.read_text()
    assert "What if @alice had 4 s to answer, not 8 s?" in text
    assert "http" not in text.replace("http-equiv", "")  # nothing is asked of anybody


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (("--from", "2020-01-01T00:00:00Z", "--to", "2020-01-02T00:00:00Z"), command.EXIT_EMPTY, "window_empty"),
        ((*WINDOW, "--incident", "INC-9"), command.EXIT_INCIDENT, "incident_unknown"),
    ],
)
def test_what_cannot_be_answered_has_a_code_of_its_own(asked: None, words: Any, code: int, said: str) -> None:
    done = run(*words)
    assert (done.return_value, said in done.stderr) == (code, True)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("escalation: {policies: [", "configuration_syntax"),
        ("escalations: {}", "configuration_unknown"),
        ("escalation: {default_policy: 7}", "configuration_invalid"),
        (yaml.safe_dump({"escalation": {**ESCALATION, "default_policy": "nobody"}}), "configuration_no_default_policy"),
    ],
)
def test_settings_that_cannot_be_accepted_name_the_place(asked: None, tmp_path: Path, text: str, said: str) -> None:
    file = tmp_path / "broken.yaml"
    file.write_text(text)
    done = run(*WINDOW, "--config", str(file))
    assert (done.return_value, said in done.stderr) == (command.EXIT_SETTINGS, True), done.stderr


def test_settings_that_change_nothing_are_told(asked: None, tmp_path: Path) -> None:
    same = run(*WINDOW, "--config", rule(tmp_path, alice_waits(8)))
    assert (same.return_value, "those in force: nothing was tried" in same.stdout) == (0, True)
    other = run(*WINDOW, "--config", rule(tmp_path, alice_waits(4)))
    assert "nothing was tried" not in other.stdout
    empty = tmp_path / "empty.yaml"
    empty.write_text("{}\n")
    done = run(*WINDOW, "--config", str(empty))
    assert (done.return_value, "configuration_empty" in done.stderr) == (command.EXIT_SETTINGS, True)


def test_a_history_that_cannot_be_read_is_named_and_leaves_no_report(
    asked: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def corrupt(self: MemoryHistory, place: Any, start: int, end: int) -> Any:
        raise MandateError("history_hole", "actions.raw[0]@7", "a stretch is missing", "Look.")

    monkeypatch.setattr(MemoryHistory, "read", corrupt)
    report = tmp_path / "report.html"
    done = run(*WINDOW, "--report", str(report))
    assert (done.return_value, "actions.raw[0]@7" in done.stderr) == (13, True)
    assert not report.exists()


def test_a_window_that_ends_before_it_begins_and_settings_of_nobody_are_wrong_usage(
    asked: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert "ends before it begins" in str(run("--from", "now", "--to", "-1h").exception)
    file = rule(tmp_path, alice_waits(4))
    assert "--tenant" in str(run(*WINDOW, "--all-tenants", "--config", file).exception)
    monkeypatch.setattr(command, "read_profile", lambda: None)
    assert "whose settings" in str(run(*WINDOW, "--config", file).exception)


def test_without_a_tenant_all_records_are_the_operators_and_with_one_its_own(
    asked: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    everybody = run(*WINDOW, "--all-tenants", "--json")
    assert list(json.loads(everybody.stdout)["intervention"]["before"]) == ["shop/INC-1"]
    assert run(*WINDOW, "--tenant", "another").return_value == command.EXIT_EMPTY


def test_a_baseline_that_is_not_the_record_is_answered_and_said(asked: None, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = MemoryHistory.read

    def without_failures(self: MemoryHistory, place: Any, start: int, end: int) -> Any:
        # Half of what agents sent is missing: the incident cannot hold what it held.
        return (r for r in whole(self, place, start, end) if place.topic != "actions.raw" or r.offset % 2)

    monkeypatch.setattr(MemoryHistory, "read", without_failures)
    done = run(*WINDOW)
    assert done.return_value == command.EXIT_BASELINE
    assert "The baseline does not equal the record" in done.stdout
