"""Getting the contenders ready, once: `python -m bench.peers.setup`. Quick when done.

Every step leaves a stamp with the digest of what it was made from. What cannot be installed is said and left out; the
measurement then has a row that says so.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from gateway.local.paths import find_home

HERE = Path(__file__).parent
# 100 MB of jars and 106 MB of wheels took a minute together; a slow mirror may take ten times that.
STEP_SECONDS = 600.0


class NotInstallable(Exception):
    """A contender that this machine cannot have; the text says why."""


def folder(name: str) -> Path:
    """Where a contender is installed."""
    return find_home().cache / "peers" / name


def kafka_streams() -> str:
    """The class path of the compiled contender. Raises NotInstallable."""
    home = folder("kafka_streams")
    project = HERE / "kafka_streams"
    sources = [project / "pom.xml", *sorted(project.rglob("*.java"))]

    def build() -> None:
        maven = shutil.which("mvn")
        if maven is None or shutil.which("javac") is None:
            raise NotInstallable("no mvn or no javac on PATH")
        goals = ("compile", "dependency:copy-dependencies", f"-DoutputDirectory={home / 'jars'}")
        _run([maven, "-q", "-B", "-f", str(project / "pom.xml"), f"-Dpeer.directory={home / 'target'}", *goals])

    _once(home, sources, build)
    return ":".join([str(home / "target" / "classes"), *(str(jar) for jar in sorted((home / "jars").glob("*.jar")))])


def virtualenv(name: str) -> str:
    """The Python of a virtualenv with what `<name>.txt` locks. Raises NotInstallable."""
    home, locked = folder(name), HERE / f"{name}.txt"
    python = home / "bin" / "python"

    def build() -> None:
        _run([sys.executable, "-m", "venv", str(home)])
        pip = ("-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--require-hashes")
        _run([str(python), *pip, "-r", str(locked)])

    _once(home, [locked], build)
    return str(python)


def _once(home: Path, sources: Sequence[Path], build: Callable[[], None]) -> None:
    digest = hashlib.sha256(b"".join(source.read_bytes() for source in sources)).hexdigest()
    home.parent.mkdir(parents=True, exist_ok=True)
    with (home.parent / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        stamp = home / ".stamp"
        if stamp.exists() and stamp.read_text() == digest:
            return
        shutil.rmtree(home, ignore_errors=True)
        print(f"fetching the contender {home.name} (once) …", file=sys.stderr, flush=True)
        build()
        stamp.write_text(digest)


def _run(argv: Sequence[str]) -> None:
    try:
        done = subprocess.run(
            argv,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=STEP_SECONDS,
            check=False,
            env={key: value for key, value in os.environ.items() if key != "PYTHONPATH"},
        )
    except subprocess.TimeoutExpired as late:
        raise NotInstallable(f"{argv[0]} took more than {STEP_SECONDS:.0f} s") from late
    if done.returncode != 0:
        said = (done.stdout + done.stderr).strip().splitlines()[:4]
        raise NotInstallable(f"{Path(argv[0]).name} ended with {done.returncode}: " + " ".join(said)[:400])


STEPS: dict[str, Callable[[], str]] = {
    "kafka_streams": kafka_streams,
    "quix": lambda: virtualenv("quix"),
    "faust": lambda: virtualenv("faust"),
}


def main() -> int:
    """Install all; 0 also when one cannot be had, because the others can still be measured."""
    for name, step in STEPS.items():
        try:
            step()
        except NotInstallable as why:
            print(f"{name} is left out: {why}", file=sys.stderr)
    return 0


if __name__ == "__main__":
    sys.exit(main())
