"""The documents tell the truth: commands run, targets, files and routes exist."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGES = [p for p in [ROOT / "README.md", ROOT / "ARCHITECTURE.md", *sorted((ROOT / "docs").glob("*.md"))] if p.exists()]
TARGETS = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))


def commands(page: Path) -> list[str]:
    """The lines of all `sh` blocks, continued lines joined, comments left out."""
    blocks = re.findall(r"```sh\n(.*?)```", page.read_text(), re.DOTALL)
    lines = "\n".join(blocks).replace("\\\n", " ").splitlines()
    return [line.split("  #")[0].strip() for line in lines if line.strip() and not line.strip().startswith("#")]


CALLS = sorted({(p.name, c) for p in PAGES for c in commands(p)})


@pytest.mark.parametrize(("page", "line"), CALLS, ids=lambda v: v[:60])
def test_every_command_in_the_documents_exists(page: str, line: str) -> None:
    # What a command is given by another one is no command of its own.
    words = shlex.split(re.sub(r"\$\([^)]*\)", "given", line))
    while words and re.fullmatch(r"[A-Z_]+=.*", words[0]):
        words.pop(0)
    if words[0] == "make":
        assert all(w in TARGETS for w in words[1:] if "=" not in w), f"{page}: {line}"
    elif words[0].endswith("mandate"):
        options = [w for w in words[1:] if not w.startswith("<")]
        verbs = []
        for word in options:
            if not re.fullmatch(r"[a-z][a-z-]+", word):
                break
            verbs.append(word)
        shown = mandate(*verbs[:2], "--help") or mandate(*verbs[:1], "--help")
        assert shown, f"{page}: {line}"
        for option in [w.split("=")[0] for w in options if w.startswith("--")]:
            assert option in shown, f"{page}: {line}: no {option}"
    elif words[0] in {
        "curl",
        "git",
        "cd",
        "helm",
        "kubectl",
        "kafka-transactions.sh",
        "kafka-console-consumer.sh",
        "printf",
        "sed",
    }:
        pass
    else:
        assert words[0] in {"python", ".venv/bin/python"}, f"{page}: {line}: a command the test does not know"


def mandate(*words: str) -> str:
    """The help text of a command, or nothing when there is no such command."""
    call = [sys.executable, "-m", "gateway.cli.main", *words]
    done = subprocess.run(call, cwd=ROOT, capture_output=True, text=True, timeout=300, check=False)
    return done.stdout if done.returncode == 0 else ""


FILES = re.compile(r"`((?:schemas|processors|projections|gateway|tests|helm|docs|bench)/[\w./-]+)`")


@pytest.mark.parametrize("page", PAGES, ids=lambda p: p.name)
def test_every_file_named_in_the_documents_exists(page: Path) -> None:
    for named in FILES.findall(page.read_text()):
        assert (ROOT / named).exists(), f"{page.name} names {named}"


def test_nothing_committed_names_this_machine() -> None:
    listed = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True).stdout.split()
    here = str(ROOT) + "/"
    for path in listed:
        file = ROOT / path
        if file.suffix in {".py", ".md", ".yaml", ".yml", ".toml", ".txt", ".xml", ".sh", ".json"} and file.exists():
            assert here not in file.read_text(errors="replace"), f"{path} names a path of this machine"
