"""``sweep``: which protocol steps of a task's life stand the loss of worker, child or connection."""

from __future__ import annotations

from pathlib import Path

import click

from harness import sweep as sweeping
from harness.choice import find_contract
from harness.commands._options import SEED, app_name, app_options, jobs_option
from harness.commands._running import ended_by_signals
from harness.errors import UsageError
from harness.laboratories import laboratories
from harness.sweep import LOSSES, Row, Sweep
from harness.trials import Schedule, Task
from harness.view import Progress

HEADINGS = {"kill_worker": "worker lost", "kill_child": "child lost", "drop_connections": "connection lost"}


@click.command("sweep")
@app_options
@click.option(
    "--task", "tasks", multiple=True, required=True, metavar="NAME", help="Whose life; may be repeated."
)
@click.option(
    "--fails", type=int, default=0, show_default=True, help="How many attempts fail before one succeeds."
)
@click.option(
    "--broker", default="redis", show_default=True, metavar="B", help="redis or rabbitmq, simulated."
)
@click.option(
    "--guarantee", "guarantees", multiple=True, metavar="G", help="Judge only these; may be repeated."
)
@click.option(
    "--contract",
    "contract_path",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE",
    help="The promises; else those that verify would find.",
)
@click.option("--seed", type=SEED, default=0, show_default=True, help="Seed of everything random.")
@jobs_option
@click.option("--quiet", is_flag=True, help="No progress.")
@click.pass_context
def command(
    ctx: click.Context, app: str | None, workdir: Path, tasks: tuple[str, ...], fails: int, broker: str,
    guarantees: tuple[str, ...], contract_path: Path | None, seed: int, jobs: int | None, quiet: bool,
) -> None:  # fmt: skip
    """Lose worker, child and connection before and after every protocol step of a task, one run each.

    On the simulated stage. Exit status 0 where every step stands it, 1 where one does not.
    """
    name = app_name(app)
    contract, _ = find_contract(name, workdir, contract_path)
    with (
        Progress(quiet=quiet) as progress,
        ended_by_signals(),
        laboratories(
            name, contract, workdir.resolve(), broker=broker, seed=seed, guarantees=guarantees, jobs=jobs
        ) as labs,
    ):
        names = labs.each[0].world.tasks
        unknown = [task for task in tasks if task not in names]
        if unknown:
            raise UsageError(f"The app has no task {unknown[0]!r}.", remedy=f"It has: {', '.join(names)}.")
        raises = "filesystem" if fails else None
        schedule = Schedule(tuple(Task(task, raises=raises, failing_attempts=fails) for task in tasks))
        found = sweeping.sweep(labs, schedule, progress.say)
    for line in table(found):
        click.echo(line)
    ctx.exit(1 if found.broken else 0)


def table(found: Sweep) -> list[str]:
    """The steps, one a line, and what each loss before and after it broke."""
    columns = [(action, when) for action in LOSSES for when in ("before", "after")]
    head = ["step", "in", *(f"{HEADINGS[action]} {when}" for action, when in columns)]
    rows = [[_step(row), row.role, *(_cell(row, column) for column in columns)] for row in found.rows]
    widths = [max(len(line[place]) for line in [head, *rows]) for place in range(len(head))]
    lines = [
        "  ".join(word.ljust(width) for word, width in zip(line, widths, strict=True)).rstrip()
        for line in [head, *rows]
    ]
    safe = found.trials - len(found.broken)
    lines += [
        "",
        f"{len(found.rows)} steps, {found.trials} losses: {safe} stood, {len(found.broken)} broke something",
    ]
    return lines


def _step(row: Row) -> str:
    whose = f"task {row.task}" if row.task.isdigit() else row.task
    return f"{row.kind} {row.nth} of {whose}"


def _cell(row: Row, column: tuple[str, str]) -> str:
    cell = row.cells.get(column)
    if cell is None:
        return "·"
    return ", ".join(cell.broken).upper() if cell.broken else "safe"
