"""The style guide as a test: lengths, door plates, silenced checks, one home for the Kafka client."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGES = ("schemas", "processors", "projections", "gateway")
FILE_LINES = 400
FUNCTION_LINES = 60

# path -> why it may be longer. An exception without a reason is not one.
LONG_FILES: dict[str, str] = {}
LONG_FUNCTIONS: dict[str, str] = {}

CODE = sorted(p for package in PACKAGES for p in (ROOT / package).rglob("*.py"))
ALL = [*CODE, *sorted((ROOT / "tests").rglob("*.py"))]


def name(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


@pytest.mark.parametrize("path", ALL, ids=name)
def test_files_and_functions_are_short(path: Path) -> None:
    text = path.read_text()
    assert len(text.splitlines()) <= FILE_LINES or name(path) in LONG_FILES, f"{name(path)}: split it"
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            lines = (node.end_lineno or node.lineno) - node.lineno + 1
            where = f"{name(path)}::{node.name}"
            assert lines <= FUNCTION_LINES or where in LONG_FUNCTIONS, f"{where} has {lines} lines: split it"


@pytest.mark.parametrize("path", [p for p in CODE if p.name == "__init__.py"], ids=name)
def test_every_package_has_a_door_plate(path: Path) -> None:
    plate = ast.get_docstring(ast.parse(path.read_text()))
    assert plate, f"{name(path)}: say what is here, who calls it, what it reads and writes, what it must never do"


@pytest.mark.parametrize("path", CODE, ids=name)
def test_every_module_says_what_it_is(path: Path) -> None:
    assert ast.get_docstring(ast.parse(path.read_text())), f"{name(path)} has no docstring"


@pytest.mark.parametrize("path", ALL, ids=name)
def test_what_is_silenced_has_a_reason(path: Path) -> None:
    for number, line in enumerate(path.read_text().splitlines(), 1):
        for mark in re.finditer(r"#\s*(?:type: ignore|noqa)(?:\[[^\]]*\]|: ?[A-Z0-9, ]+)?", line):
            rest = line[mark.end() :].strip(" #-:—")
            assert rest, f"{name(path)}:{number}: silenced without a reason"


# Put together at run time, so that this file does not contain what it looks for.
UNFINISHED = re.compile("|".join(["TO" + "DO", "FIX" + "ME", "XX" + "X", "HA" + "CK"]))


@pytest.mark.parametrize("path", ALL, ids=name)
def test_nothing_is_left_for_later(path: Path) -> None:
    for number, line in enumerate(path.read_text().splitlines(), 1):
        assert not UNFINISHED.search(line), f"{name(path)}:{number}: do it or file an issue"


@pytest.mark.parametrize("path", ALL, ids=name)
def test_nobody_sleeps_in_tests_and_only_the_host_knows_the_client(path: Path) -> None:
    host = name(path).startswith("processors/host/")
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import | ast.ImportFrom):
            modules = [a.name for a in node.names] if isinstance(node, ast.Import) else [node.module or ""]
            for module in modules:
                stock = name(path).startswith("tests/")  # stock clients are what users bring
                assert host or stock or module.split(".")[0] != "confluent_kafka", f"{name(path)} imports the client"
        waiting = name(path) == "tests/support/waiting.py"  # the one place that waits: a condition with a deadline
        if isinstance(node, ast.Call) and name(path).startswith("tests/") and not waiting:
            called = ast.unparse(node.func)
            assert called != "time.sleep", f"{name(path)}:{node.lineno}: wait for a condition with a deadline"


DOMAIN = re.compile(r"\b(incident|escalation|severity|paged|pager|dedup|fingerprint)\w*", re.IGNORECASE)


@pytest.mark.parametrize("path", [p for p in CODE if "/host/" in p.as_posix()], ids=name)
def test_the_host_knows_no_domain_word(path: Path) -> None:
    found = DOMAIN.search(path.read_text())
    assert found is None, f"{name(path)} says {found and found.group(0)!r}: the host runs any processor"
