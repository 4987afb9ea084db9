"""What several commands take: ``-A`` and ``--workdir``."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from harness.errors import UsageError

SEED = click.IntRange(0, 2**63 - 1)
"""What ``--seed`` takes."""


class Folder(click.Path):
    """A folder that may not be there yet; an empty name is none."""

    def __init__(self) -> None:
        super().__init__(file_okay=False, path_type=Path)

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """The path; refused where it is empty, which would be the working directory."""
        if not str(value).strip():
            self.fail("the name of the folder is empty.", param, ctx)
        return super().convert(value, param, ctx)


def app_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """``-A`` and ``--workdir``, as Celery's own command has them."""
    workdir = click.Path(exists=True, file_okay=False, path_type=Path)
    command = click.option(
        "--workdir",
        type=workdir,
        default=Path(),
        help="Change to this folder first, as Celery's option does.",
    )(command)
    return click.option("-A", "--app", "app", metavar="APP", help="What Celery's -A takes: proj.celery:app")(
        command
    )


def jobs_option(command: Callable[..., Any]) -> Callable[..., Any]:
    """``--jobs``, for what tries schedules on simulated worlds."""
    return click.option(
        "--jobs",
        type=click.IntRange(1, 8),
        metavar="N",
        help="How many worlds to try schedules on at once, else one a processor; it changes no result.",
    )(command)


def app_name(given: str | None) -> str:
    """The app: the option, else the one that ``celery -A APP harness`` was given."""
    if given is not None and not given.strip():
        raise UsageError("No app was named: -A is empty.", remedy="Say which: -A proj.celery:app")
    if given:
        return given
    words = sys.argv
    for place, word in enumerate(words[:-1]):
        if word in ("-A", "--app"):
            return words[place + 1]
        if word.startswith("--app="):
            return word.partition("=")[2]
    raise UsageError("No app was named.", remedy="Say which: -A proj.celery:app")
