"""The root of the `mandate` command. A command is one line in COMMANDS; its module is imported when it is
called."""

from __future__ import annotations

import difflib
import importlib
import sys
from dataclasses import dataclass

import click

from schemas.errors import MandateError

# Exit codes of every command; a command may add its own from 3 on and says so in its help.
EXIT_OK = 0
EXIT_FAILED = 1
EXIT_USAGE = 2
EXIT_INTERRUPTED = 130


@dataclass(frozen=True)
class Entry:
    """Where a command is and the line of `mandate --help` for it, so that help imports nothing."""

    module: str
    attribute: str
    summary: str


COMMANDS: dict[str, Entry] = {
    "up": Entry("gateway.cli.stack", "up", "Start the local stack in the background."),
    "down": Entry("gateway.cli.stack", "down", "Stop the local stack; nothing is left running."),
    "status": Entry("gateway.cli.stack", "status", "Show every process, its health, address and memory."),
    "logs": Entry("gateway.cli.logs", "logs", "Show or follow the logs of the local stack."),
    "doctor": Entry("gateway.cli.doctor", "doctor", "Check this machine and the stack, with a fix for each fault."),
    "demo": Entry("gateway.cli.demo", "demo", "Watch a story: something breaks, a person is paged, and acknowledges."),
    "send": Entry("gateway.cli.send", "send", "Send actions from options, a file or stdin."),
    "import": Entry("gateway.cli.imports", "import_", "Import other systems' histories as actions (CloudTrail)."),
    "incidents": Entry("gateway.cli.reading", "incidents", "List and show incidents."),
    "ack": Entry("gateway.cli.commands", "ack", "Acknowledge an incident: you are on it."),
    "resolve": Entry("gateway.cli.commands", "resolve", "Resolve an incident: it is over."),
    "incident": Entry(
        "gateway.cli.incident", "incident", "Move an incident: assign, contain, join, hand off, approve and more."
    ),
    "report": Entry("gateway.cli.incident", "report", "Report a problem: it opens an incident or joins one."),
    "change": Entry("gateway.cli.incident", "change", "Tell of a deploy or another change, which may be a cause."),
    "changes": Entry("gateway.cli.changes", "changes", "List changes, and show what one changed."),
    "review": Entry("gateway.cli.review", "review", "List what was flagged (floods, unusual actors), and judge it."),
    "dependency": Entry("gateway.cli.review", "dependency", "How external dependencies stand, and saying so."),
    "observe": Entry("gateway.cli.triggers", "observe", "Tell of a measured value; thresholds decide what it means."),
    "suggestions": Entry("gateway.cli.triggers", "suggestions", "List, accept and dismiss what may be an incident."),
    "timeline": Entry("gateway.cli.reading", "timeline", "Show what agents did."),
    "fate": Entry("gateway.cli.fate", "fate", "Say what became of one action: seen, dropped, kept, set aside."),
    "pages": Entry("gateway.cli.reading", "pages", "Show who was paged and what came of it."),
    "case": Entry("gateway.cli.ledger", "case", "List and show RML cases."),
    "ledger": Entry("gateway.cli.ledger", "ledger", "Verify the ledger of effects."),
    "token": Entry("gateway.cli.token", "token", "Print a token that the local stack keeps, for curl or to sign in."),
    "config": Entry("gateway.cli.config", "config", "Apply and show a tenant's configuration."),
    "catalog": Entry("gateway.cli.catalog", "catalog", "Import and show the service catalog: owners and dependencies."),
    "replay": Entry("gateway.cli.replay", "replay", "Decide the recorded log again with this code, and compare."),
    "dropped": Entry("gateway.cli.dead_letters", "dropped", "List what deduplication dropped."),
    "dead-letters": Entry(
        "gateway.cli.dead_letters", "dead_letters", "List, show and redrive what could not be decided."
    ),
    "reconcile": Entry("gateway.cli.reconcile", "reconcile", "Balance what was accepted against what became of it."),
    "rebuild": Entry("gateway.cli.rebuild", "rebuild", "Build read models anew beside those that serve, and swap."),
    "archive": Entry("gateway.cli.archive", "archive", "Show and verify the archive of every record."),
    "whatif": Entry("gateway.cli.whatif", "whatif", "Run a recorded window again under other settings: who is paged."),
    "schemas": Entry("gateway.cli.schemas", "schemas", "List the schemas; hold each against every earlier version."),
    "topology": Entry("gateway.cli.topology", "topology", "Compare topology.yaml with a broker, apply it, draw it."),
}


class LazyGroup(click.Group):
    """A group whose commands are named in COMMANDS and imported one at a time."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """The names, in the order of the table: as a person meets them."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import the command."""
        entry = COMMANDS.get(cmd_name)
        if entry is None:
            return None
        command = getattr(importlib.import_module(entry.module), entry.attribute)
        assert isinstance(command, click.Command), f"{entry.module}:{entry.attribute} is no command"
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """As click does, with a suggestion for a mistyped name."""
        if args and args[0] not in COMMANDS and not args[0].startswith("-"):
            near = difflib.get_close_matches(args[0], COMMANDS, n=1)
            hint = f" Did you mean: mandate {near[0]}" if near else " All commands: mandate --help"
            ctx.fail(f"There is no command {args[0]!r}.{hint}")
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """The list of commands, from the table alone."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, entry.summary) for name, entry in COMMANDS.items()])


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="mandate", message="mandate %(version)s")
def mandate() -> None:
    """Watch what AI agents do, page people in time, explain it afterwards.

    \b
    First steps:
      mandate up          start Kafka, Postgres, Redis and Mandate on this machine
      mandate demo        watch a story: something breaks, a person is paged
      mandate down        stop everything

    Exit codes of every command: 0 done, 1 failed, 2 wrong usage, 130 interrupted; more in a command's own
    help.
    """


def main() -> None:
    """Entry point: errors of ours become two lines on stderr and exit code 1, never a traceback."""
    try:
        code = mandate(standalone_mode=False)
    except click.exceptions.Abort:
        sys.exit(EXIT_INTERRUPTED)
    except click.ClickException as error:
        error.show()
        sys.exit(error.exit_code)
    except MandateError as error:
        click.echo(f"error[{error.code}]: {error.what}: {error.why}\n{error.remedy}", err=True)
        sys.exit(EXIT_FAILED)
    except BrokenPipeError:
        # `mandate logs | head`: the reader has gone, which is no error of ours.
        sys.stderr.close()
        sys.exit(EXIT_OK)
    sys.exit(code if isinstance(code, int) else EXIT_OK)


if __name__ == "__main__":
    main()
