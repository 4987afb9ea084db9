"""``judge``: a stored run once more, without a broker."""

from __future__ import annotations

from pathlib import Path

import click

from harness import run, store
from harness.commands._formats import format_options
from harness.commands._running import show
from harness.verdict import EXIT_STATUS, overall


@click.command("judge")
@click.argument("folder", type=click.Path(path_type=Path), metavar="RUN")
@format_options
@click.option("--quiet", is_flag=True, help="No report when all is kept.")
@click.pass_context
def command(ctx: click.Context, folder: Path, form: str, quiet: bool) -> None:
    """Judge a stored run again, without a broker."""
    contract, history = store.load(folder)
    verdicts = run.judge(contract, history, only=history.header.only, tiers=history.header.tiers)
    show(contract, history, verdicts, form=form, quiet=quiet)
    ctx.exit(EXIT_STATUS[overall(verdicts)])
