"""The command `whatif`: last week again, under other settings. It reads the log and writes nothing to it."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING

import click

from gateway.cli import settings_file
from gateway.cli.access import read_profile
from gateway.cli.history_errors import EXIT_HISTORY, HISTORY_TEXT, failed
from gateway.cli.output import EXIT_TEXT, fail, json_option, show
from gateway.cli.times import FORMS, TIME
from schemas.errors import ConfigurationError, MandateError

if TYPE_CHECKING:
    from gateway.whatif.answer import Answer

EXIT_EMPTY = 6
EXIT_INCIDENT = 7
EXIT_SETTINGS = 8
EXIT_BASELINE = 9
_CODES = {"window_empty": EXIT_EMPTY, "incident_unknown": EXIT_INCIDENT}


@click.command(
    epilog=f"{EXIT_TEXT} 6 nothing happened in the window, 7 no such incident, 8 the settings cannot be accepted, "
    f"9 answered, but the baseline is not the record. {HISTORY_TEXT}"
)
@click.option("--from", "start", type=TIME, default="-1h", show_default=True, help=f"Where the window begins: {FORMS}.")
@click.option("--to", "end", type=TIME, default="now", show_default=True, help="Where it ends.")
@click.option(
    "--config",
    "config",
    type=click.Path(path_type=Path, dir_okay=False, exists=True),
    help="Settings to try, as for config apply; sections it does not name stay as recorded.",
)
@click.option("--incident", help="Only what concerns this incident (INC-7).")
@click.option(
    "--report", type=click.Path(path_type=Path, dir_okay=False, writable=True), help="Write an HTML report here."
)
@click.option(
    "--assume-answer",
    type=click.IntRange(0, 86_400),
    help="Assume that pages which were not recorded are answered this many seconds after their delivery.",
)
@click.option("--tenant", help="Whose records. Else the profile's tenant.")
@click.option("--all-tenants", is_flag=True, help="Everybody's records: for the operator of this stack.")
@click.option("--kafka", "bootstrap", help="The broker, host:port. Else MANDATE_KAFKA, else the local stack's.")
@json_option
def whatif(
    start: int,
    end: int,
    config: Path | None,
    incident: str | None,
    report: Path | None,
    assume_answer: int | None,
    tenant: str | None,
    all_tenants: bool,
    bootstrap: str | None,
    as_json: bool,
) -> int:
    """Run a recorded window again under other settings: who would have been paged, and when?

    First the recorded settings are run and held against the record (the baseline); then the settings of
    --config. Nothing leaves this process: no page, no record, no connection but the one that reads.

    \b
    Example:
      mandate whatif --from -7d --to now --config new.yaml --report whatif.html
    """
    try:
        whose = _tenant(tenant, all_tenants, config)
        if start >= end:
            raise click.UsageError("the window ends before it begins")
        found = _answer((start, end), whose, config, incident, assume_answer, bootstrap, quiet=as_json)
        if report is not None:
            from gateway.whatif.report import html

            report.write_text(html(found, time.time_ns() // 1_000_000))
    except ConfigurationError as error:
        fail(error, as_json)
        return EXIT_SETTINGS
    except MandateError as error:
        return failed(error, as_json, _CODES.get(error.code, EXIT_HISTORY))
    if as_json:
        show(found.document)
    else:
        _print(found, report)
    return 0 if found.fidelity.whole else EXIT_BASELINE


def _tenant(tenant: str | None, all_tenants: bool, config: Path | None) -> str | None:
    if all_tenants:
        if tenant is not None or config is not None:
            raise click.UsageError("settings are of one tenant: give --tenant instead of --all-tenants")
        return None
    profile = read_profile()
    whose = tenant or (profile.tenant if profile else None)
    if whose is None and config is not None:
        raise click.UsageError("whose settings? Give --tenant, or run mandate demo once: it leaves a profile")
    return whose


def _answer(
    window: tuple[int, int],
    tenant: str | None,
    config: Path | None,
    incident: str | None,
    assume_answer: int | None,
    bootstrap: str | None,
    quiet: bool,
) -> Answer:
    from gateway.cli.history import every, history, tell_removed
    from gateway.whatif.answer import answer
    from gateway.whatif.run import Question, ask, documents_of
    from schemas import topology

    changes = {}
    if config is not None:
        assert tenant is not None  # _tenant has seen to it
        changes[tenant] = documents_of(settings_file.read(config).documents)
        if not changes[tenant]:
            raise ConfigurationError(
                "configuration_empty",
                str(config),
                "it names no section of settings",
                "Begin with those in force: mandate config show > rule.yaml",
            )

    def progress(what: str, count: int) -> None:
        if not quiet:
            click.echo(f"{what}: {count:,} records", err=True)

    question = Question(window[0], window[1], tenant, changes, assume_answer)
    with history(bootstrap, passes=every) as opened:
        tell_removed(opened)
        return answer(ask(opened, topology.load(), question, progress), incident)


def _print(found: Answer, report: Path | None) -> None:
    from gateway.whatif.text import lines

    for line in lines(found):
        click.echo(line)
    if report is not None:
        click.echo(f"report written to {report}", err=True)
