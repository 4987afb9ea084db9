"""``replay``: a stored run made again, or a counterexample of the simulated stage tried on real workers."""

from __future__ import annotations

import shlex
from dataclasses import replace
from functools import partial
from itertools import pairwise
from pathlib import Path
from typing import Any

import click

from harness import run, store
from harness.choice import find_contract
from harness.commands._formats import format_options
from harness.commands._options import SEED, app_name, app_options
from harness.commands._running import ended_by_signals, show, warn
from harness.confirm import Answer, Replayed, cannot_strike, replay, workers
from harness.errors import UsageError
from harness.trials import Schedule, Trial, laboratory
from harness.verdict import EXIT_STATUS, overall
from harness.view import Progress

STATUS = {Answer.CONFIRMED: 1, Answer.REFUTED: 0, Answer.UNKNOWN: 3}


@click.command("replay")
@click.argument("what", metavar="RUN|TOKEN")
@app_options
@click.option("--broker", default="redis", show_default=True, metavar="B", help="Of a token: the broker.")
@click.option(
    "--guarantee", "guarantees", multiple=True, metavar="G", help="Of a token: judge only these; repeatable."
)
@click.option(
    "--contract",
    "contract_path",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE",
    help="Of a token: the promises; else those that verify would find.",
)
@click.option("--seed", type=SEED, default=0, show_default=True, help="Of a token: the seed that found it.")
@format_options
@click.option("--quiet", is_flag=True, help="No progress, and no report when all is kept.")
@click.pass_context
def command(
    ctx: click.Context, what: str, app: str | None, workdir: Path, broker: str, guarantees: tuple[str, ...],
    contract_path: Path | None, seed: int, form: str, quiet: bool,
) -> None:  # fmt: skip
    """Run a stored run again; or try a token that search or sweep printed on real workers.

    RUN is the folder of a run: the same contract, seed, stage and faults. TOKEN is a counterexample of the
    simulated stage, with -A: each fault strikes real workers at the same protocol step. Exit status 1 where
    it is confirmed, 0 where it is refuted, 3 where nothing is known, with the reason.
    """
    folder = Path(what)
    if folder.exists() or not _is_token(what):
        ctx.exit(_run_again(folder, form=form, quiet=quiet))
    name = app_name(app)
    contract, _ = find_contract(name, workdir, contract_path)
    schedule = Schedule.read(what)
    options: dict[str, Any] = {"broker": broker, "seed": seed}
    with Progress(quiet=quiet) as progress, ended_by_signals():
        progress.say("simulated")
        with laboratory(name, contract, workdir.resolve(), guarantees=guarantees, **options) as lab:
            trial = lab.try_out(schedule)
        if not trial.broken:
            raise UsageError(
                "This schedule breaks nothing on the simulated stage: there is nothing to confirm.",
                remedy="Give the app, broker, contract and seed with which the token was found.",
            )
        asked = tuple(sorted({verdict.guarantee for verdict in trial.broken}))
        why = cannot_strike(schedule)
        found = (
            Replayed(Answer.UNKNOWN, why, trial)
            if why
            else replay(
                schedule,
                trial.broken,
                partial(workers, name, contract, workdir.resolve(), guarantees=asked, **options),
                report=progress.say,
            )
        )
    for line in told(trial, found):
        click.echo(line)
    ctx.exit(STATUS[found.answer])


def told(trial: Trial, found: Replayed) -> list[str]:
    """What was replayed, what the simulation said, and what real workers say."""
    lines = [f"{found.answer.value.upper()} on real workers: {found.why}"]
    lines += [f"  simulated  {v.guarantee} [{v.tier}]: {v.observed}" for v in trial.broken]
    lines += [f"  schedule   {line}" for line in trial.schedule.lines()]
    return lines


def _is_token(what: str) -> bool:
    try:
        Schedule.read(what)
    except UsageError:
        return False
    return True


def _run_again(folder: Path, *, form: str, quiet: bool) -> int:
    """The same run, from its folder; the exit status."""
    contract, history = store.load(folder)
    header = history.header
    contract = replace(contract, focus=_focus(header.command))
    with Progress(quiet=quiet or form != "text") as progress, ended_by_signals():
        outcomes = run.verify(
            run.Request(
                app=header.app, contract=contract, workdir=Path(header.workdir), stage=header.stage,
                broker=header.broker, warp="auto" if header.warp == "idle" else header.warp,
                seed=header.seed, database=header.database,
                server=header.server or None, images=tuple(header.images.items()),
                only=header.only, tiers=header.tiers, reports=folder.resolve().parent.parent,
                command=header.command, report=progress.say, warn=partial(warn, quiet=quiet),
            )
        )  # fmt: skip
    show(outcomes.contract, outcomes.history, outcomes.verdicts, form=form, quiet=quiet)
    return int(EXIT_STATUS[overall(outcomes.verdicts)])


def _focus(command: str) -> tuple[str, ...]:
    """The tasks that stood for their tier in a run, as its command names them."""
    words = shlex.split(command)
    return tuple(after for word, after in pairwise(words) if word == "--focus")
