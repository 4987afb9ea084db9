"""What commands that run or judge have in common: signals, warnings and the report."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from types import FrameType

import click

from harness import discovery
from harness.contract import Contract
from harness.history import History
from harness.reporter import Reporter
from harness.stage import Stage
from harness.verdict import EXIT_STATUS, Verdict, overall
from harness.view import wants_color


def warn(text: str, *, quiet: bool) -> None:
    """One line on standard error, unless it is to be quiet."""
    if not quiet:
        click.echo(f"celery-harness: {text}", err=True)


def show(
    contract: Contract, history: History, verdicts: Sequence[Verdict], *, form: str, quiet: bool
) -> None:
    """The report on standard output; as text with `quiet` only where not all is kept."""
    if form == "text" and quiet and not EXIT_STATUS[overall(verdicts)]:
        return
    reporter: Reporter = discovery.find("reporters", form)()
    color = form == "text" and wants_color(sys.stdout)
    put(reporter.render(contract, history, verdicts, color=color))


def put(text: str) -> None:
    """A whole report on standard output, as it is."""
    try:
        click.echo(text, nl=False, color=True)
    except BrokenPipeError:  # whoever read it has seen enough; the exit status stays what the verdicts say
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


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


def handing_on(stage: str) -> AbstractContextManager[None]:
    """Within this, one run on a stage hands on to the next what is slow to start; "" where none is named."""
    kind: type[Stage] | None = discovery.find("stages", stage) if stage else None
    return kind.session() if kind is not None else nullcontext()
