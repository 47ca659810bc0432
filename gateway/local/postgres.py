"""A real Postgres for one machine, also for root, whom Postgres refuses."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import tempfile
from functools import cache
from pathlib import Path

from gateway.local.children import Spec
from gateway.local.errors import LocalStackError
from gateway.local.fetch import postgres_binaries
from gateway.local.paths import Home
from gateway.local.ports import HOST
from gateway.local.probes import postgres_answers

OWNER = "mandate"
# initdb takes 0.5 s; formatting Kafka, which takes as long, took more than thirty at a load of 12.
INITDB_DEADLINE_S = 90.0

# Six processes with a pool of at most 8 connections each, probes, and people.
SETTINGS = {"max_connections": "100", "shared_buffers": "64MB", "timezone": "UTC", "log_timezone": "UTC"}
# For throw-away data: a crash of the machine may lose it, a SIGKILL of the server may not (so commits stay
# synchronous).
NOT_DURABLE = {"fsync": "off", "full_page_writes": "off"}


def dsn(port: int, password: str, database: str = "postgres") -> str:
    """The address of a database, with its owner's password."""
    return f"postgresql://{OWNER}:{password}@{HOST}:{port}/{database}"


def spec(home: Home, data: Path, port: int, password: str, *, durable: bool = True) -> Spec:
    """Postgres as a process of the stack; its cluster is `data`. The process is `postgres` itself, not
    pg_ctl.
    """
    folder = postgres_binaries(home)
    settings = SETTINGS | ({} if durable else NOT_DURABLE)
    settings |= {"listen_addresses": HOST, "port": str(port), "unix_socket_directories": ""}
    options = [part for key, value in settings.items() for part in ("-c", f"{key}={value}")]
    return Spec(
        name="postgres",
        argv=(*_unprivileged(), str(folder / "bin" / "postgres"), "-D", str(data), *options),
        address=f"{HOST}:{port}",
        env=_environment(folder),
        probe=postgres_answers(dsn(port, password)),
        prepare=lambda: _initialise(folder, data, password),
        # SIGINT is Postgres's fast shutdown; SIGTERM waits for every client to leave.
        stop_signal=signal.SIGINT,
    )


def create_database(server: str, name: str) -> None:
    """Create a database unless it is there. `server` is the DSN of any database of the same cluster."""
    import psycopg

    with psycopg.connect(server, autocommit=True) as connection:
        if connection.execute("select 1 from pg_database where datname = %s", (name,)).fetchone() is None:
            connection.execute(psycopg.sql.SQL("create database {}").format(psycopg.sql.Identifier(name)))


def _initialise(folder: Path, data: Path, password: str) -> None:
    if (data / "PG_VERSION").exists():
        return
    shutil.rmtree(data, ignore_errors=True)  # what an interrupted initdb left
    data.parent.mkdir(parents=True, exist_ok=True)
    data.mkdir(mode=0o700)
    with tempfile.NamedTemporaryFile("w", dir=data.parent, prefix="pw-") as file:
        file.write(password)
        file.flush()
        if _unprivileged()[:1] == ("setpriv",):
            shutil.chown(data, "nobody", "nogroup")
            shutil.chown(file.name, "nobody", "nogroup")
        options = ["-A", "scram-sha-256", "--pwfile", file.name, "-U", OWNER, "-E", "UTF8", "--no-sync"]
        options += [
            "--locale-provider=builtin",
            "--builtin-locale=C.UTF-8",
            "--locale=C",
            "--no-instructions",
        ]
        run = subprocess.run(
            [*_unprivileged(), str(folder / "bin" / "initdb"), "-D", str(data), *options],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            env={**os.environ, **_environment(folder)},
            timeout=INITDB_DEADLINE_S,
            check=False,
        )
    if run.returncode != 0:
        raise LocalStackError(
            "initdb_failed",
            str(data),
            (run.stdout + run.stderr).strip()[-2000:],
            "Run: mandate doctor. Or give MANDATE_POSTGRES=postgresql://… of a server of your own",
        )


def _environment(folder: Path) -> dict[str, str]:
    return {"LD_LIBRARY_PATH": str(folder / "lib"), "LC_ALL": "C"}


@cache
def _unprivileged() -> tuple[str, ...]:
    """The prefix that makes a command run as an ordinary user: nothing unless we are root."""
    if os.geteuid() != 0:
        return ()
    # A user namespace in which root looks like nobody: the files stay ours. Not every container allows it.
    namespace = ("unshare", "--user", "--map-user=nobody", "--map-group=nogroup")
    if _works(namespace):
        return namespace
    change = ("setpriv", "--reuid=nobody", "--regid=nogroup", "--clear-groups", "--pdeathsig", "KILL")
    if _works(change):
        return change
    raise LocalStackError(
        "postgres_as_root",
        "Postgres",
        "it refuses to run as root, and neither unshare nor setpriv can become another user here",
        "Run as an ordinary user, or give MANDATE_POSTGRES=postgresql://… of a server of your own",
    )


def main() -> None:
    """`python -m gateway.local.postgres NAME` with MANDATE_POSTGRES set: a step of the plan."""
    create_database(os.environ["MANDATE_POSTGRES"], sys.argv[1])


def _works(prefix: tuple[str, ...]) -> bool:
    if shutil.which(prefix[0]) is None:
        return False
    run = subprocess.run([*prefix, "true"], stdin=subprocess.DEVNULL, capture_output=True, check=False)
    return run.returncode == 0


if __name__ == "__main__":
    main()
