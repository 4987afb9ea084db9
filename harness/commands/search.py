"""``search``: look for the smallest schedule of faults that breaks a guarantee."""

from __future__ import annotations

import re
import shlex
from pathlib import Path
from typing import Any

import click

from harness.choice import find_contract
from harness.commands._options import SEED, Folder, app_name, app_options, jobs_option
from harness.commands._running import ended_by_signals
from harness.errors import StageError, UsageError
from harness.laboratories import laboratories
from harness.trials import Schedule, Trial, laboratory
from harness.view import Progress


@click.command("search")
@app_options
@click.option(
    "--examples", type=click.IntRange(1), metavar="N", help="How many schedules to try; 1,000 unless said."
)
@click.option("--for", "duration", metavar="60s", help="How long to look instead: 60s, 5m.")
@click.option(
    "--guarantee", "guarantees", multiple=True, metavar="G", help="Judge only these; may be repeated."
)
@click.option(
    "--broker", default="redis", show_default=True, metavar="B", help="redis or rabbitmq, simulated."
)
@click.option(
    "--contract",
    "contract_path",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE",
    help="The promises; else those that verify would find.",
)
@click.option("--seed", type=SEED, default=0, show_default=True, help="Seed of everything random.")
@click.option(
    "--clock-steps",
    is_flag=True,
    help="Step the wall clock by an hour, too: locks that expire are gone then.",
)
@click.option("--token", metavar="TOKEN", help="Run just the schedule that an earlier search printed.")
@click.option(
    "--examples-in",
    "database",
    type=Folder(),
    default=Path("reports/examples"),
    show_default=True,
    metavar="DIR",
    help="Where schedules that broke something are kept, to be tried first.",
)
@jobs_option
@click.option("--quiet", is_flag=True, help="No progress.")
@click.pass_context
def command(
    ctx: click.Context, app: str | None, workdir: Path, examples: int | None, duration: str | None,
    guarantees: tuple[str, ...], broker: str, contract_path: Path | None, seed: int, clock_steps: bool,
    token: str | None, database: Path, jobs: int | None, quiet: bool,
) -> None:  # fmt: skip
    """Look for a schedule of tasks and faults that breaks a guarantee, and shrink it.

    On the simulated stage. Exit status 0 where none was found, 1 where one was: it is printed with the
    command that runs it again, and with the one that tries it on real workers.
    """
    name = app_name(app)
    contract, _ = find_contract(name, workdir, contract_path)
    options: dict[str, Any] = {"broker": broker, "seed": seed, "guarantees": guarantees}
    for_s = None if duration is None else seconds(duration)
    with Progress(quiet=quiet) as progress, ended_by_signals():
        if token:
            with laboratory(name, contract, workdir.resolve(), **options) as lab:
                trial: Trial | None = lab.try_out(Schedule.read(token))
            said = "1 schedule"
        else:
            searching = _searching()
            with laboratories(name, contract, workdir.resolve(), jobs=jobs, **options) as labs:
                found = searching.search(
                    labs,
                    examples=examples,
                    for_s=for_s,
                    seeded=seed,
                    database=database,
                    clock_steps=clock_steps,
                    report=progress.say,
                )
            trial, said = found.trial, f"{found.tried} schedules in {found.took_s:.0f} s"
            if trial is not None:
                with laboratory(name, contract, workdir.resolve(), **options) as fresh:
                    again = fresh.try_out(trial.schedule)
                said += ", and broken again" if again.broken else ", but not broken in a fresh process"
                said += ", byte for byte" if again.digest() == trial.digest() else ", with another history"
    if trial is None or not trial.broken:
        click.echo(f"{said}: nothing broken")
        ctx.exit(0)
    options_again = [
        *("-A", name),
        *(("--workdir", str(workdir)) if workdir != Path() else ()),
        *("--broker", broker, "--seed", str(seed)),
        *(("--contract", str(contract_path)) if contract_path is not None else ()),
        *(word for each in guarantees for word in ("--guarantee", each)),
    ]
    token = trial.schedule.token()
    for verdict in trial.broken:
        click.echo(f"BROKEN {verdict.guarantee} [{verdict.tier}]: {verdict.observed}")
        click.echo(f"  blame      {verdict.blame}")
    for line in trial.schedule.lines():
        click.echo(f"  schedule   {line}")
    click.echo(f"  found in   {said}")
    click.echo(f"  reproduce  {shlex.join(['celery-harness', 'search', *options_again, '--token', token])}")
    click.echo(f"  replay     {shlex.join(['celery-harness', 'replay', token, *options_again])}")
    ctx.exit(1)


def seconds(text: str) -> float:
    """``90``, ``90s`` or ``2m``, in seconds."""
    found = re.fullmatch(r"(\d+(?:\.\d+)?)(s|m)?", text)
    if found is None:
        raise UsageError(f"--for {text}: no such time.", remedy="Take 60s or 5m.")
    return float(found[1]) * (60 if found[2] == "m" else 1)


def _searching() -> Any:
    """`harness.search`, which needs Hypothesis; `StageError` where that is not installed."""
    try:
        from harness import search
    except ImportError as error:
        raise StageError(
            f"Searching needs {error.name}, which is not installed.",
            remedy="pip install 'celery-harness[simulated]'",
        ) from error
    return search
