"""The command line: ``celery-harness``, and ``celery -A APP harness`` through Celery's own entry point."""

from __future__ import annotations

import os
import signal
import traceback
from pathlib import Path
from typing import Any, NoReturn

import click

from harness import discovery
from harness.errors import HarnessError, UsageError

TRACEBACK = "CELERY_HARNESS_TRACEBACK"
"""The variable with which an unforeseen error is shown whole."""


class Group(click.Group):
    """Finds its commands by walking ``harness/commands``, and imports the one that is asked for.

    Every error that a user can meet becomes one line and its exit status.
    """

    def list_commands(self, ctx: click.Context) -> list[str]:
        """The names of the files."""
        return list(discovery.names("commands"))

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """What the file of that name defines."""
        return discovery.command(cmd_name) if cmd_name in discovery.names("commands") else None

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """As click does it; a name that is none gets the one that was probably meant."""
        known = discovery.names("commands")
        if args and not args[0].startswith("-") and args[0] not in known:
            raise UsageError(f"There is no command {args[0]!r}.", remedy=discovery.suggestion(args[0], known))
        return super().resolve_command(ctx, args)

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """As click does it; what it refuses is one line."""
        try:
            return super().parse_args(ctx, args)
        except click.UsageError as error:
            if isinstance(error, click.exceptions.NoArgsIsHelpError):
                raise
            _refuse(ctx, error)

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command; errors go to standard error."""
        try:
            return super().invoke(ctx)
        except click.UsageError as error:
            if isinstance(error, click.exceptions.NoArgsIsHelpError):
                raise
            _refuse(ctx, error)
        except HarnessError as error:
            click.echo(f"celery-harness: {error}", err=True)
            ctx.exit(error.exit_status)
        except KeyboardInterrupt:
            click.echo("celery-harness: interrupted; all that was started is ended.", err=True)
            ctx.exit(128 + signal.SIGINT)
        except (click.ClickException, click.exceptions.Exit, click.Abort):
            raise
        except (
            Exception
        ) as error:  # Python's own status for it is 1, which means broken: a gate must not read it
            if os.environ.get(TRACEBACK):
                raise
            click.echo(f"celery-harness: {_unforeseen(error)}", err=True)
            ctx.exit(HarnessError.exit_status)


def _refuse(ctx: click.Context, error: click.UsageError) -> NoReturn:
    """Click's own refusal in one line, without its usage before it."""
    said = " ".join(error.format_message().split())
    path = (error.ctx or ctx).command_path
    click.echo(f"celery-harness: {said.rstrip('.')}. All options: {path} --help", err=True)
    ctx.exit(UsageError.exit_status)


def _unforeseen(error: Exception) -> str:
    """One line for what the machine refuses, or for a bug of ours with its place."""
    if isinstance(error, OSError):
        return f"the machine does not let it go on: {error}. {TRACEBACK}=1 shows where."
    frames = traceback.extract_tb(error.__traceback__)
    place = f"{Path(frames[-1].filename).name}:{frames[-1].lineno}" if frames else "?"
    first = str(error).partition("\n")[0]
    return f"internal error at {place}: {type(error).__name__}: {first}. {TRACEBACK}=1 shows the traceback."


@click.group(cls=Group, name="harness", context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="celery-harness", prog_name="celery-harness")
def harness() -> None:
    """Prove, by experiment, what a Celery configuration really guarantees.

    Exit status: 0 kept, 1 broken, 2 usage or environment, 3 unknown.
    """


def commands() -> dict[str, click.Command]:
    """Every command by its name."""
    return {name: discovery.command(name) for name in discovery.names("commands")}


def main() -> None:
    """The console script."""
    harness(prog_name="celery-harness")
