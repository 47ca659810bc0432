"""bench/RESULTS.json: read, merge, write; and what is said of the machine, without its name."""

from __future__ import annotations

import json
import os
import platform
import subprocess
from datetime import UTC, datetime
from pathlib import Path

from bench.figures import Json

HERE = Path(__file__).parent
JSON, MARKDOWN = HERE / "RESULTS.json", HERE / "RESULTS.md"


def machine() -> Json:
    """Cores, memory and versions. No names: the file is published."""
    memory = next(line for line in Path("/proc/meminfo").read_text().splitlines() if line.startswith("MemTotal"))
    return {
        "cores": len(os.sched_getaffinity(0)),
        "memory_gb": round(int(memory.split()[1]) * 1024 / 1e9, 1),
        "system": platform.system(),
        "python": platform.python_version(),
    }


def now() -> Json:
    """When a part was run, on which commit, and how busy the machine was just before."""
    commit = subprocess.run(
        ["git", "rev-parse", "--short", "HEAD"], cwd=HERE, capture_output=True, text=True, check=False
    )
    return {
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "commit": commit.stdout.strip() or None,
        "load_average": round(os.getloadavg()[0], 1),
    }


def read(path: Path = JSON) -> Json:
    """What is known; empty at first."""
    found: Json = json.loads(path.read_text()) if path.exists() else {}
    return found


def merged(before: Json, name: str, found: Json, said: Json) -> Json:
    """With one part's new entries; all others stay. `said` is how the run went (date, load, seconds, error)."""
    runs = {**before.get("runs", {}), name: said}
    return {**before, **found, "machine": machine(), "runs": runs}


def write(document: Json, path: Path = JSON) -> None:
    """Replace the file as a whole."""
    beside = path.with_suffix(".new")
    beside.write_text(json.dumps(document, indent=1, sort_keys=True) + "\n")
    beside.replace(path)


def keep_profile(label: str, found: Json, path: Path = JSON) -> None:
    """A processor's profile, as `before` or `after`."""
    document = read(path)
    profiles = document.setdefault("profiles", {}).setdefault(found["processor"], {})
    profiles[label] = found | now()
    write(document, path)
