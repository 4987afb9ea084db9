"""``verify``: run an app on a stage and judge it."""

from __future__ import annotations

import random
import shlex
from dataclasses import replace
from functools import partial
from pathlib import Path

import click

from harness import discovery, run
from harness.choice import contract_beside, find_contract
from harness.commands._formats import format_options
from harness.commands._options import SEED, Folder, app_name, app_options
from harness.commands._running import ended_by_signals, show, warn
from harness.errors import UsageError
from harness.verdict import EXIT_STATUS, overall
from harness.view import Progress


@click.command("verify")
@app_options
@click.option(
    "--contract",
    "contract_path",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE",
    help="The promises; contract.toml in the working directory, else drafted from the app.",
)
@click.option("--stage", default="processes", show_default=True, metavar="S", help="Where to run it.")
@click.option("--broker", default="redis", show_default=True, metavar="B", help="redis or rabbitmq.")
@click.option(
    "--database",
    type=click.Choice(["sqlite", "postgres"]),
    default="sqlite",
    show_default=True,
    help="What the app's Django database is replaced by.",
)
@click.option(
    "--worker-image",
    metavar="REF",
    help="Your own image as workers and client of --stage containers; the app is in it.",
)
@click.option("--server", metavar="BINARY", help="The broker's binary on PATH: valkey-server, redis-server.")
@click.option(
    "--warp",
    default="auto",
    show_default=True,
    metavar="auto|off|N",
    help="Let time jump while everything sleeps; off for real time, N for a fixed rate.",
)
@click.option("--seed", type=SEED, help="Seed of everything random; printed with every verdict.")
@click.option("--only", multiple=True, metavar="GUARANTEE", help="Judge only these; may be repeated.")
@click.option("--tier", "tiers", multiple=True, metavar="T", help="Judge only these tiers; may be repeated.")
@click.option(
    "--focus", multiple=True, metavar="TASK",
    help="Send this task where one stands for its tier; may be repeated.",
)  # fmt: skip
@format_options
@click.option("--quiet", is_flag=True, help="No progress, and no report when all is kept.")
@click.option(
    "--reports",
    type=Folder(),
    default=Path("reports"),
    show_default=True,
    metavar="DIR",
    help="Where runs are kept.",
)
@click.pass_context
def command(
    ctx: click.Context, app: str | None, workdir: Path, contract_path: Path | None, stage: str, broker: str,
    database: str, worker_image: str | None, server: str | None, warp: str, seed: int | None,
    only: tuple[str, ...], tiers: tuple[str, ...], focus: tuple[str, ...],
    form: str, quiet: bool, reports: Path,
) -> None:  # fmt: skip
    """Run the app on a stage, under faults, and judge every guarantee of its contract."""
    name = app_name(app)
    _check_warp(warp)
    discovery.find("stages", stage)
    discovery.find("brokers", broker)
    for checker in only:
        discovery.find("checkers", checker)
    with Progress(quiet=quiet or form != "text") as progress, ended_by_signals():
        progress.say("reading the contract")
        if worker_image:
            _check_image(name, workdir, contract_path, stage)
        contract, drafted = find_contract(name, workdir, contract_path)
        if drafted and not quiet:
            click.echo(
                "celery-harness: there is no contract.toml; judging what Celery has in force.", err=True
            )
        contract = replace(contract, focus=focus)
        outcomes = run.verify(
            run.Request(
                app=name, contract=contract, workdir=workdir.resolve(), stage=stage, broker=broker, warp=warp,
                seed=random.randrange(10**6) if seed is None else seed, only=only, tiers=tiers,
                reports=reports, server=server, database=database,
                images=(("worker", worker_image),) if worker_image else (),
                command=_words(
                    name, workdir, contract_path, stage, warp, database, server, focus, worker_image
                ),
                report=progress.say, warn=partial(warn, quiet=quiet),
            )
        )  # fmt: skip
    show(outcomes.contract, outcomes.history, outcomes.verdicts, form=form, quiet=quiet)
    if form == "text" and not quiet:
        click.echo(f"kept in {outcomes.folder}; open its report.html in a browser")
    ctx.exit(EXIT_STATUS[overall(outcomes.verdicts)])


def _check_image(name: str, workdir: Path, contract_path: Path | None, stage: str) -> None:
    if stage != "containers":
        raise UsageError(f"--worker-image: stage {stage} has no images.", remedy="Add --stage containers.")
    if contract_path is None and contract_beside(name, workdir) is None:
        raise UsageError(
            "--worker-image: the app is in the image, and no contract can be drafted from it here.",
            remedy="Write one (docs/contract.md): --contract FILE",
        )


def _check_warp(warp: str) -> None:
    if warp in ("auto", "off"):
        return
    try:
        rate = float(warp)
    except ValueError:
        rate = 0.0
    if not 1 <= rate <= 60:
        raise UsageError(f"--warp {warp}: no such rate.", remedy="Take auto, off, or a number from 1 to 60.")


def _words(
    name: str, workdir: Path, contract_path: Path | None, stage: str, warp: str, database: str,
    server: str | None, focus: tuple[str, ...], worker_image: str | None,
) -> str:  # fmt: skip
    words = ["celery-harness", "verify", "-A", name]
    words += ["--workdir", str(workdir)] if workdir != Path() else []
    words += ["--contract", str(contract_path)] if contract_path else []
    words += ["--stage", stage] if stage != "processes" else []
    words += ["--warp", warp] if warp != "auto" else []
    words += ["--database", database] if database != "sqlite" else []
    words += ["--server", server] if server else []
    words += ["--worker-image", worker_image] if worker_image else []
    words += [word for task in focus for word in ("--focus", task)]
    return shlex.join(words)
