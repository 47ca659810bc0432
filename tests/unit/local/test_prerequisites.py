"""What a machine must have, and that each lack comes with its install line."""

import os
import shutil

import pytest

from gateway.local import prerequisites
from gateway.local.prerequisites import checks, main, parse_java_version


@pytest.mark.parametrize(
    ("text", "version"),
    [
        ('openjdk version "17.0.15" 2025-04-15', 17),
        ('java version "1.8.0_392"', 8),
        ('openjdk version "21" 2023-09-19', 21),
        ('Picked up JAVA_TOOL_OPTIONS: -Xmx1g\nopenjdk version "25-ea"', 25),
        ("bash: java: command not found", None),
        ("", None),
    ],
)
def test_the_version_of_java_is_read_from_what_it_says(text: str, version: int | None) -> None:
    assert parse_java_version(text) == version


def test_each_missing_thing_is_named_with_its_install_line(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(shutil, "which", lambda _name: None)
    assert main() == 1
    said = capsys.readouterr().err
    assert "missing: JDK 17 or newer (missing)\n    apt-get install openjdk-17-jdk-headless" in said
    assert "missing: Maven (missing)\n    apt-get install maven" in said


def test_an_old_java_is_missing_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(prerequisites, "java_version", lambda: 11)
    found = {check.check: check for check in checks()}
    assert (found["JDK 17 or newer"].ok, found["JDK 17 or newer"].status) == (False, "11")


def test_every_fault_has_a_fix(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "which", lambda _name: None)
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    monkeypatch.setattr(prerequisites, "DISK_LEAST_GB", 10**9)
    assert all(check.fix for check in checks() if not check.ok)
    assert len([check for check in checks() if not check.ok]) >= 4
