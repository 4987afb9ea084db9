"""``replay``: a stored run made again."""

from __future__ import annotations

import shlex
from dataclasses import replace
from functools import partial
from itertools import pairwise
from pathlib import Path

import click

from harness import run, store
from harness.commands._formats import format_options
from harness.commands._running import ended_by_signals, show, warn
from harness.verdict import EXIT_STATUS, overall
from harness.view import Progress


@click.command("replay")
@click.argument("folder", type=click.Path(path_type=Path), metavar="RUN")
@format_options
@click.option("--quiet", is_flag=True, help="No progress, and no report when all is kept.")
@click.pass_context
def command(ctx: click.Context, folder: Path, form: str, quiet: bool) -> None:
    """Run a stored run again: the same contract, seed, stage and faults."""
    contract, history = store.load(folder)
    header = history.header
    contract = replace(contract, focus=_focus(header.command))
    with Progress(quiet=quiet or form != "text") as progress, ended_by_signals():
        outcomes = run.verify(
            run.Request(
                app=header.app, contract=contract, workdir=Path(header.workdir), stage=header.stage,
                broker=header.broker, warp="auto" if header.warp == "idle" else header.warp,
                seed=header.seed, database=header.database,
                only=header.only, tiers=header.tiers, reports=folder.resolve().parent.parent,
                command=header.command, report=progress.say, warn=partial(warn, quiet=quiet),
            )
        )  # fmt: skip
    show(outcomes.contract, outcomes.history, outcomes.verdicts, form=form, quiet=quiet)
    ctx.exit(EXIT_STATUS[overall(outcomes.verdicts)])


def _focus(command: str) -> tuple[str, ...]:
    """The tasks that stood for their tier in a run, as its command names them."""
    words = shlex.split(command)
    return tuple(after for word, after in pairwise(words) if word == "--focus")
