"""`mandate doctor`: a table of checks, each fault with its fix."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from gateway.cli.main import mandate
from gateway.local import prerequisites


@pytest.fixture(autouse=True)
def _own_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MANDATE_HOME", str(tmp_path))


def doctor(*options: str) -> Result:
    return CliRunner().invoke(mandate, ["doctor", *options], standalone_mode=False)


def test_a_healthy_machine_without_a_stack_has_nothing_to_fix() -> None:
    result = doctor("--json")
    found = json.loads(result.output)["checks"]
    assert result.return_value == 0, found
    assert all(set(check) == {"check", "ok", "status", "fix"} for check in found)
    assert next(c["status"] for c in found if c["check"] == "the local stack") == "not running"


def test_a_fault_is_shown_with_its_fix_and_the_exit_code_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(prerequisites, "java_version", lambda: 11)
    result = doctor()
    assert result.return_value == 1
    line = next(line for line in result.output.splitlines() if line.startswith("JDK 17"))
    assert "FIX" in line


def test_a_damaged_map_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "map.yaml").write_text("topics: [")
    monkeypatch.setenv("MANDATE_TOPOLOGY", str(tmp_path / "map.yaml"))
    result = doctor("--json")
    damaged = next(c for c in json.loads(result.output)["checks"] if c["check"] == "topology.yaml")
    assert (damaged["ok"], bool(damaged["fix"]), result.return_value) == (False, True, 1)
