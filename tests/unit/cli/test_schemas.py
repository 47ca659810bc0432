"""`mandate schemas check`: what it finds in a folder, against a commit, and how it says so."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from gateway.cli.schemas import schemas
from schemas import registry


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A copy of our own schemas that a test may break."""
    shutil.copytree(registry.AVRO, tmp_path / "avro")
    shutil.copy(registry.LOCK, tmp_path)
    return tmp_path


def check(*words: str) -> Result:
    return CliRunner().invoke(schemas, ["check", *words], standalone_mode=False)


def git(folder: Path, *words: str) -> None:
    names = ["-c", "user.name=t", "-c", "user.email=t@example.org", "-c", "commit.gpgsign=false"]
    subprocess.run(["git", *names, *words], cwd=folder, check=True, capture_output=True, timeout=300)


def rewrite(path: Path, old: str, new: str) -> None:
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new, 1))


def test_our_own_schemas_pass_and_the_classes_are_what_the_files_say():
    done = check()
    assert done.return_value == 0
    assert all(line.startswith("note: ") for line in done.stdout.splitlines())
    assert done.stderr.endswith("every one only adds\n")


def test_a_broken_file_is_an_error_with_cause_and_remedy(folder: Path):
    rewrite(folder / "avro/actions/Action/1.1.avsc", '"name": "session"', '"name": "run"')
    done = check("--folder", str(folder))
    assert done.return_value == 1
    assert "error[schema_field_renamed]: actions/Action 1.1 after 1.0 at session: it is called run now; " in done.stdout
    assert "error[schema_not_locked]: actions/Action 1.1: " in done.stdout
    assert "\n  Put the old name back" in done.stdout


def test_the_same_as_json(folder: Path):
    (folder / "avro/actions/Action/1.0.avsc").unlink()
    done = check("--folder", str(folder), "--json")
    assert done.return_value == 1
    said = json.loads(done.stdout)
    assert {v["code"] for v in said["violations"]} == {"schema_version_missing", "schema_file_missing"}
    assert set(said["violations"][0]) == {"what", "code", "schema", "version", "against", "path", "why", "remedy"}
    assert said["schemas"] == len({(w.home, w.name) for w in registry.by_id().values()})


def test_ids_are_held_against_a_commit(folder: Path):
    git(folder, "init", "-q")
    git(folder, "add", ".")
    git(folder, "commit", "-q", "-m", "as released")
    assert check("--folder", str(folder), "--against", "HEAD").return_value == 0
    lock = json.loads((folder / "ids.lock").read_text())
    lock["ids"] = {mark: number + 1 for mark, number in lock["ids"].items()}
    (folder / "ids.lock").write_text(json.dumps(lock))
    assert check("--folder", str(folder)).return_value == 0
    done = check("--folder", str(folder), "--against", "HEAD")
    assert done.return_value == 1
    assert "error[schema_id_changed]: id 1: the schema that had it is 2 now" in done.stdout


def test_a_commit_from_before_there_were_ids_asks_nothing(folder: Path):
    git(folder, "init", "-q")
    git(folder, "commit", "-q", "--allow-empty", "-m", "nothing yet")
    assert check("--folder", str(folder), "--against", "HEAD").return_value == 0


@pytest.mark.parametrize("ref", ["nobody-has-this", "--output=x", ""])
def test_an_unknown_commit_is_refused(folder: Path, ref: str):
    git(folder, "init", "-q")
    done = check("--folder", str(folder), f"--against={ref}")
    assert done.return_value == 1
    assert done.stderr.startswith("error[schema_ref_unknown]")


def test_without_ids_lock_nothing_can_be_said(folder: Path):
    (folder / "ids.lock").unlink()
    done = check("--folder", str(folder))
    assert (done.return_value, done.stderr.split(":")[0]) == (1, "error[schema_lock_missing]")


def test_the_list_names_each_version_with_its_id():
    done = CliRunner().invoke(schemas, ["list", "--json"], standalone_mode=False)
    rows = {(r["schema"], r["version"]): r["id"] for r in json.loads(done.stdout)["schemas"]}
    assert rows["actions/Action", "1.0"] == 1
    assert len(rows) == len(registry.by_id())
