"""``lint``: what the configuration in force does not do, without a run."""

from __future__ import annotations

from pathlib import Path

import click

from harness.choice import contract_beside
from harness.commands._options import app_name, app_options
from harness.contract_file import load
from harness.finding import Severity
from harness.findings_report import as_json, as_text
from harness.lint import lint


@click.command("lint")
@app_options
@click.option(
    "--contract",
    "contract_path",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE",
    help="The promises and workers; contract.toml in the working directory, else none.",
)
@click.option("--only", multiple=True, metavar="RULE", help="Ask only these, by id or name; may be repeated.")
@click.option(
    "--fail-on",
    type=click.Choice(["high", "medium", "low"]),
    default="high",
    show_default=True,
    help="The mildest severity that fails.",
)
@click.option("--json", "json_wanted", is_flag=True, help="One JSON document on standard output.")
@click.option("--verbose", is_flag=True, help="Each finding in full: why, mend and source at every place.")
@click.pass_context
def command(
    ctx: click.Context, app: str | None, workdir: Path, contract_path: Path | None, only: tuple[str, ...],
    fail_on: str, json_wanted: bool, verbose: bool,
) -> None:  # fmt: skip
    """Judge what Celery has in force by static rules: nothing is run.

    Exit status: 0 nothing at or above --fail-on, 1 a finding, 2 usage or environment. What cannot be told
    is said as unknown and never fails.
    """
    name = app_name(app)
    path = contract_path or contract_beside(name, workdir)
    found = lint(name, workdir, load(path) if path is not None else None, only)
    click.echo(as_json(found) if json_wanted else as_text(found, verbose=verbose), nl=False)
    ctx.exit(1 if found.failed(Severity(fail_on)) else 0)
