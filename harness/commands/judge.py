"""``judge``: a stored run once more, without a broker."""

from __future__ import annotations

from pathlib import Path

import click

from harness import run, store
from harness.commands._running import show
from harness.verdict import EXIT_STATUS, overall


@click.command("judge")
@click.argument("folder", type=click.Path(path_type=Path), metavar="RUN")
@click.option("--json", "as_json", is_flag=True, help="One JSON document on standard output.")
@click.option("--quiet", is_flag=True, help="No report when all is kept.")
@click.pass_context
def command(ctx: click.Context, folder: Path, as_json: bool, quiet: bool) -> None:
    """Judge a stored run again, without a broker."""
    contract, history = store.load(folder)
    verdicts = run.judge(contract, history, only=history.header.only, tiers=history.header.tiers)
    show(contract, history, verdicts, as_json=as_json, quiet=quiet)
    ctx.exit(EXIT_STATUS[overall(verdicts)])
