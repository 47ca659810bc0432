"""The wheel holds the four packages with their data, and nothing else."""

from __future__ import annotations

import subprocess
import sys
import zipfile
from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_the_wheel_holds_the_four_packages_and_their_data(tmp_path: Path) -> None:
    call = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(tmp_path)]
    subprocess.run(call, cwd=ROOT, check=True, capture_output=True, timeout=300)
    names = zipfile.ZipFile(next(tmp_path.glob("*.whl"))).namelist()
    tops = {n.split("/")[0] for n in names if ".dist-info/" not in n}
    assert tops == {"schemas", "processors", "projections", "gateway"}
    for needed in ("schemas/ids.lock", "schemas/avro/actions/Action/1.0.avsc", "schemas/py.typed"):
        assert needed in names
    assert not [n for n in names if n.endswith((".pyc", ".log"))]
