"""``mutate``: whether the gate would notice a change of each setting that carries a guarantee."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import click

from harness import discovery
from harness.commands._options import app_name, app_options
from harness.commands._running import ended_by_signals, put, warn
from harness.view import Progress


@click.command("mutate")
@app_options
@click.option(
    "--contract", "contract_path", type=click.Path(dir_okay=False, path_type=Path), metavar="FILE",
    help="The promises; else those that verify would find.",
)  # fmt: skip
@click.option("--broker", default="redis", show_default=True, metavar="B", help="redis or rabbitmq.")
@click.option("--seed", type=int, default=1, show_default=True, help="Seed of everything random.")
@click.option(
    "--only", multiple=True, metavar="MUTANT",
    help="Make only these: an operator, or a glob over the ids that --list shows; may be repeated.",
)  # fmt: skip
@click.option(
    "--at-least", type=click.FloatRange(0, 100), default=100, show_default=True, metavar="PERCENT",
    help="The lowest score that passes.",
)  # fmt: skip
@click.option(
    "--jobs", type=click.IntRange(1), metavar="N", help="Mutants at a time; one a core unless said."
)
@click.option("--list", "list_only", is_flag=True, help="Show the mutants, and make none.")
@click.option("--verbose", is_flag=True, help="Show also what noticed each mutant that was killed.")
@click.option("--json", "json_wanted", is_flag=True, help="One JSON document on standard output.")
@click.option("--quiet", is_flag=True, help="No progress, and no report when the score is reached.")
@click.pass_context
def command(
    ctx: click.Context, app: str | None, workdir: Path, contract_path: Path | None, broker: str, seed: int,
    only: tuple[str, ...], at_least: float, jobs: int | None, list_only: bool, verbose: bool,
    json_wanted: bool, quiet: bool,
) -> None:  # fmt: skip
    """Change each setting that carries a guarantee, one at a time, and see whether that is noticed.

    The app's code stays as it is: each mutant is made in memory, in a copy of a simulated world. Exit status:
    0 the score is reached, 1 it is not, 2 usage or environment, 3 there is nothing to change.
    """
    from harness import mutate, mutation_report

    name = app_name(app)
    discovery.find("brokers", broker)
    with Progress(quiet=quiet or json_wanted) as progress, ended_by_signals():
        request = mutate.Request(
            app=name, workdir=workdir, contract=contract_path, broker=broker, seed=seed, only=only,
            jobs=jobs or 0, report=progress.say, warn=partial(warn, quiet=quiet or json_wanted),
        )  # fmt: skip
        mutants = mutate.listed(request) if list_only else []
        score = None if list_only else mutate.mutate(request)
    if score is None:
        put(mutation_report.as_list(mutants))
        return
    status = mutate.outcome_of(score, at_least)
    if json_wanted:
        put(mutation_report.as_json(score))
    elif status or not quiet:
        put(mutation_report.as_text(score, verbose=verbose))
    ctx.exit(status)
