"""What commands that run or judge have in common: signals, warnings and the report."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from types import FrameType
from typing import Any

import click

from harness.contract import Contract
from harness.history import History
from harness.reporters.json import Json
from harness.reporters.text import TextReport
from harness.verdict import EXIT_STATUS, Verdict, overall
from harness.view import wants_color


def warn(text: str, *, quiet: bool) -> None:
    """One line on standard error, unless it is to be quiet."""
    if not quiet:
        click.echo(f"celery-harness: {text}", err=True)


def show(contract: Contract, history: Any, verdicts: Any, *, as_json: bool, quiet: bool) -> None:
    """The report on standard output; with `quiet` only where not all is kept."""
    shown: list[Verdict] = list(verdicts)
    try:
        _print(contract, history, shown, as_json=as_json, quiet=quiet)
    except BrokenPipeError:  # whoever read it has seen enough; the exit status stays what the verdicts say
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _print(
    contract: Contract, history: History, shown: Sequence[Verdict], *, as_json: bool, quiet: bool
) -> None:
    if as_json:
        click.echo(Json().render(contract, history, shown, color=False), nl=False)
    elif not quiet or EXIT_STATUS[overall(shown)]:
        click.echo(
            TextReport().render(contract, history, shown, color=wants_color(sys.stdout)), nl=False, color=True
        )


@contextmanager
def ended_by_signals() -> Iterator[None]:
    """SIGTERM and SIGHUP end the run as Ctrl-C does: everything that was started is ended."""

    def leave(number: int, _frame: FrameType | None) -> None:
        raise SystemExit(128 + number)

    before = {number: signal.signal(number, leave) for number in (signal.SIGTERM, signal.SIGHUP)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
