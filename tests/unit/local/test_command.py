"""The root of the command: every entry exists, help is cheap, errors say what to do."""

import subprocess
import sys

import click
import pytest
from click.testing import CliRunner

from gateway.cli import main as cli
from gateway.cli.main import COMMANDS, mandate
from schemas.errors import MandateError


@pytest.mark.parametrize("name", list(COMMANDS))
def test_every_command_of_the_table_can_be_loaded_and_says_what_it_is(name: str) -> None:
    with click.Context(mandate) as context:
        command = mandate.get_command(context, name)
    assert command is not None
    assert command.name == name
    assert COMMANDS[name].summary.endswith(".")
    assert command.help


def test_help_lists_every_command_and_imports_none() -> None:
    # In a process of its own: this one has imported them already.
    code = (
        "import sys; sys.argv = ['mandate', '--help']\n"
        "from gateway.cli.main import main\n"
        "try: main()\n"
        "except SystemExit: print([m for m in sys.modules if m in ('rich', 'psycopg', 'aiohttp', 'yaml')])\n"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert all(name in run.stdout for name in COMMANDS)
    assert run.stdout.splitlines()[-1] == "[]"


def test_a_mistyped_command_is_answered_with_the_nearest() -> None:
    result = CliRunner().invoke(mandate, ["statsu"])
    assert result.exit_code == cli.EXIT_USAGE
    assert "Did you mean: mandate status" in result.output


def test_an_error_of_ours_is_two_lines_and_no_traceback(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fail(**_settings: object) -> None:
        raise MandateError("some_code", "the thing", "a cause", "Do this.")

    monkeypatch.setattr(cli, "mandate", fail)
    with pytest.raises(SystemExit) as ended:
        cli.main()
    assert ended.value.code == cli.EXIT_FAILED
    assert capsys.readouterr().err == "error[some_code]: the thing: a cause\nDo this.\n"
