"""The commands `schemas check|list`: what was ever written, held against the rules of evolution."""

from __future__ import annotations

import subprocess
from pathlib import Path

import click

from gateway.cli.output import EXIT_TEXT, fail, json_option, show, table
from processors.rooms import DECIDERS
from schemas import evolution, registry
from schemas.errors import MandateError, SchemaError
from schemas.messages.tables import STREAMS
from schemas.upcasters import UPCASTERS

# `git show` of one small file.
GIT_S = 30

folder_option = click.option(
    "--folder",
    type=click.Path(path_type=Path, file_okay=False, exists=True),
    help="Where avro/ and ids.lock are. Else those of this installation.",
)


@click.group(epilog=EXIT_TEXT)
def schemas() -> None:
    """The schemas of everything that is said: list them, and check that they only evolve as readers can bear."""


@schemas.command("list", epilog=EXIT_TEXT)
@json_option
def list_command(as_json: bool) -> int:
    """List every version of every schema with its id."""
    found = sorted(registry.by_id().values(), key=lambda w: (w.home, w.name, w.version))
    rows = [{"id": w.id, "schema": f"{w.home}/{w.name}", "version": f"{w.version[0]}.{w.version[1]}"} for w in found]
    if as_json:
        show({"schemas": rows})
    else:
        table(rows, {"SCHEMA": "schema", "VERSION": "version", "ID": "id"}, "There is no schema.")
    return 0


@schemas.command(epilog=EXIT_TEXT)
@folder_option
@click.option("--against", metavar="REF", help="A commit whose ids.lock must still hold, e.g. origin/main.")
@json_option
def check(folder: Path | None, against: str | None, as_json: bool) -> int:
    """Hold every schema against every earlier version that is kept, and ids.lock against itself (and REF's).

    A minor version only adds fields with defaults, or symbols to an enum that has a default; a changed type takes
    a new name; a field goes away with a major, after two majors that had it; ids never move.
    Exit code 1 when something is broken.
    """
    try:
        report = _report(folder or registry.FOLDER, against, own=folder is None)
    except MandateError as error:
        return fail(error, as_json)
    if as_json:
        show(
            {
                "schemas": report.schemas,
                "versions": report.versions,
                "violations": [violation.plain() for violation in report.violations],
                "notes": list(report.notes),
            }
        )
    else:
        for violation in report.violations:
            click.echo(f"error[{violation.code}]: {violation.what}: {violation.why}\n  {violation.remedy}")
        for note in report.notes:
            click.echo(f"note: {note}")
        verdict = f"{len(report.violations)} violations" if report.violations else "every one only adds"
        click.echo(f"{report.schemas} schemas in {report.versions} versions: {verdict}", err=True)
    return 1 if report.violations else 0


def _report(folder: Path, against: str | None, *, own: bool) -> evolution.Report:
    lock = folder / registry.LOCK.name
    try:
        text = lock.read_text()
    except OSError as error:
        remedy = "Restore it: records on every log carry the ids that are in it."
        raise SchemaError("schema_lock_missing", "ids.lock", str(error.strerror or error), remedy) from error
    return evolution.check(
        registry.kept(folder),
        text,
        lifted={name: tuple(steps) for name, steps in UPCASTERS.items()} if own else {},
        earlier_lock=None if against is None else _earlier(lock, against),
        today=_today() if own else None,
    )


def _today() -> dict[evolution.Name, str]:
    """The fingerprint of every message and part as the code has it now."""
    classes = [c for stream in STREAMS.values() for c in stream]
    classes += [c for decider in DECIDERS.values() for c in decider.parts]
    return {(registry.home_of(c), c.__name__): registry.fingerprint(registry.generated(c)) for c in classes}


def _earlier(lock: Path, ref: str) -> str:
    """ids.lock as commit `ref` has it; empty where that commit had none. Raises SchemaError `schema_ref_unknown`."""
    where = lock.resolve().parent
    # A name that begins with a dash would be an option of git's.
    known = _git(where, "rev-parse", "--verify", "--quiet", "--end-of-options", f"{ref}^{{commit}}")
    if known is None:
        raise SchemaError(
            "schema_ref_unknown",
            f"--against {ref}",
            "git knows no such commit here",
            "Name a branch, tag or commit of this checkout.",
        )
    return _git(where, "show", f"{known.strip()}:./{lock.name}") or '{"ids": {}}'


def _git(where: Path, *words: str) -> str | None:
    try:
        done = subprocess.run(["git", *words], cwd=where, capture_output=True, text=True, timeout=GIT_S, check=False)
    except (OSError, subprocess.TimeoutExpired) as error:
        why = f"{type(error).__name__}: {error}"
        raise SchemaError("git_failed", "--against", why, "Install git, or leave --against out.") from error
    return done.stdout if done.returncode == 0 else None
