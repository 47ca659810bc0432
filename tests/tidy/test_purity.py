"""What decides is pure: no clock, no chance, no float, no iteration over a set (DESIGN section 1)."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
ROOMS = ("dedup", "ordering", "signals", "incidents", "notifications")
FILES = sorted(
    p for folder in ("kernel", *ROOMS) for p in (ROOT / "processors" / folder).rglob("*.py") if p.name != "__main__.py"
)
BANNED_CALLS = {
    "now": "log time comes with the command",
    "utcnow": "log time comes with the command",
    "today": "log time comes with the command",
    "time": "log time comes with the command",
    "monotonic": "log time comes with the command",
    "uuid4": "ids are derived (schemas.ids)",
    "uuid1": "ids are derived (schemas.ids)",
    "urandom": "nothing is drawn",
    "getrandbits": "nothing is drawn",
    "open": "no I/O in what decides",
    "print": "no I/O in what decides",
    "hash": "Python's hash differs from process to process; use schemas.ids.derive",
    "id": "an address is chance",
}


def name(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


@pytest.mark.parametrize("path", FILES, ids=name)
def test_what_decides_calls_no_clock_chance_or_io(path: Path) -> None:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Call):
            called = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
            plain = isinstance(node.func, ast.Name)
            banned = called in BANNED_CALLS and (plain or called not in {"id", "hash", "open", "time", "now"})
            assert not banned, f"{name(path)}:{node.lineno} calls {called}: {BANNED_CALLS.get(called)}"


@pytest.mark.parametrize("path", FILES, ids=name)
def test_what_decides_has_no_floats(path: Path) -> None:
    for node in ast.walk(ast.parse(path.read_text())):
        number = isinstance(node, ast.Constant) and isinstance(node.value, float)
        division = isinstance(node, ast.BinOp | ast.AugAssign) and isinstance(node.op, ast.Div)
        impure = number or division
        assert not impure, f"{name(path)}:{getattr(node, 'lineno', 0)}: use integers"


@pytest.mark.parametrize("path", FILES, ids=name)
def test_what_decides_iterates_over_no_set(path: Path) -> None:
    for node in ast.walk(ast.parse(path.read_text())):
        loops = [node.iter] if isinstance(node, ast.For | ast.comprehension) else []
        for source in loops:
            bare = isinstance(source, ast.Set | ast.SetComp) or (
                isinstance(source, ast.Call) and getattr(source.func, "id", "") in {"set", "frozenset"}
            )
            assert not bare, f"{name(path)}:{source.lineno}: sort it first"


@pytest.mark.parametrize("room", ROOMS)
def test_every_room_has_the_same_drawers(room: str) -> None:
    folder = ROOT / "processors" / room
    for drawer in ("__init__.py", "state.py", "decide.py", "evolve.py"):
        assert (folder / drawer).exists(), f"processors/{room}/{drawer} is missing"
