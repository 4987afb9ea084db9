"""``contract``: what is in force, as a contract."""

from __future__ import annotations

from pathlib import Path

import click

from harness.choice import contract_beside
from harness.commands._options import app_name, app_options
from harness.contract_file import load
from harness.draft import draft, fit
from harness.errors import UsageError
from harness.inspection import inspect


@click.command("contract")
@app_options
@click.option("--check", is_flag=True, help="Tell whether the contract still fits the app.")
@click.option(
    "--contract",
    "contract_file",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE",
    help="The promises to check; else those that verify would find.",
)
@click.pass_context
def command(
    ctx: click.Context, app: str | None, workdir: Path, check: bool, contract_file: Path | None
) -> None:
    """Draft the contract: what Celery has in force for every task, and what put it there."""
    name = app_name(app)
    inspection = inspect(name, workdir)
    if not check:
        click.echo(draft(inspection.snapshot, name, workdir), nl=False)
        return
    given = contract_file or contract_beside(name, workdir)
    if given is None:
        raise UsageError(
            "There is no contract.toml to check.", remedy=f"Draft one: celery-harness contract -A {name}"
        )
    problems = fit(load(given), inspection.snapshot)
    for problem in problems:
        click.echo(problem)
    if not problems:
        click.echo(f"{given} fits {name}.")
    ctx.exit(1 if problems else 0)
