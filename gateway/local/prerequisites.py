"""What the machine must have before anything is installed, and how to install it.

`python3 -m gateway.local.prerequisites` runs on any Python from 3.7 on, without any package (`make demo` calls
it first); `mandate doctor` shows the same checks. Exit code 0: all there, 1: something is missing.
"""

from __future__ import annotations

import importlib.util
import os
import platform
import re
import shutil
import subprocess
import sys
from typing import NamedTuple

PYTHON_LEAST = (3, 11)
JAVA_LEAST = 17
# It answers in 0.1 s; a machine that is swapping gets nine hundred times that.
JAVA_DEADLINE_S = 90.0
# Measured: 0.45 GB of Python packages, 0.15 GB of jars and Postgres, the rest is for a day of data.
DISK_LEAST_GB = 2


class Check(NamedTuple):
    """One line of the table: `fix` is what to do when it is not `ok`."""

    check: str
    ok: bool
    status: str
    fix: str


def checks(folder: str = ".") -> list[Check]:
    """All checks of this machine; `folder` is where the stack will keep its files."""
    return [_machine(), _python(), _venv(), _java(), _maven(), _disk(folder), _user()]


def _machine() -> Check:
    found = f"{platform.system()} {platform.machine()}"
    fix = "Use Linux x86-64 (a virtual machine will do); elsewhere give MANDATE_KAFKA, _POSTGRES and _REDIS"
    return Check("Linux x86-64", found in ("Linux x86_64", "Linux amd64"), found, fix)


def _python() -> Check:
    fix = "apt-get install python3.11 python3.11-venv, then: make PYTHON=python3.11"
    return Check("Python 3.11 or newer", sys.version_info[:2] >= PYTHON_LEAST, platform.python_version(), fix)


def _venv() -> Check:
    there = importlib.util.find_spec("venv") is not None and importlib.util.find_spec("ensurepip") is not None
    return Check("Python's venv", there, "present" if there else "missing", "apt-get install python3-venv")


def _java() -> Check:
    fix = "apt-get install openjdk-17-jdk-headless"
    version = java_version()
    status = "missing" if version is None else str(version)
    return Check("JDK 17 or newer", version is not None and version >= JAVA_LEAST, status, fix)


def java_version() -> int | None:
    """The major version of the java on PATH, or None."""
    if shutil.which("java") is None:
        return None
    try:
        run = subprocess.run(
            ["java", "-version"],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            timeout=JAVA_DEADLINE_S,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return parse_java_version(run.stdout.decode("utf-8", "replace"))


def parse_java_version(text: str) -> int | None:
    """17 of `openjdk version "17.0.15"`, 8 of `java version "1.8.0_392"`; None where there is no such line."""
    found = re.search(r'version "(\d+)(?:\.(\d+))?', text)
    if found is None:
        return None
    return int(found.group(2) or 0) if found.group(1) == "1" else int(found.group(1))


def _maven() -> Check:
    there = shutil.which("mvn") is not None
    return Check("Maven", there, "present" if there else "missing", "apt-get install maven")


def _disk(folder: str) -> Check:
    while not os.path.exists(folder):
        folder = os.path.dirname(os.path.abspath(folder))
    free = shutil.disk_usage(folder).free / 1e9
    status = f"{free:.1f} GB free"
    return Check("2 GB of disk", free >= DISK_LEAST_GB, status, "Free some space, or name another disk in MANDATE_HOME")


def _user() -> Check:
    if os.geteuid() != 0:
        return Check("a user for Postgres", True, "not root", "")
    for tool in ("unshare", "setpriv"):
        if shutil.which(tool):
            return Check("a user for Postgres", True, "root, with " + tool, "")
    return Check("a user for Postgres", False, "root", "apt-get install util-linux, or do not be root")


def main() -> int:
    """Print what is missing with its install line."""
    missing = [check for check in checks() if not check.ok]
    for check in missing:
        sys.stderr.write(f"missing: {check.check} ({check.status})\n    {check.fix}\n")
    if missing:
        sys.stderr.write("Then try again.\n")
    return 1 if missing else 0


if __name__ == "__main__":
    sys.exit(main())
