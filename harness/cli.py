"""The command line: ``celery-harness``, and ``celery -A APP harness`` through Celery's own entry point."""

from __future__ import annotations

import random
import shlex
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from types import FrameType
from typing import Any

import click

from harness import diagnosis, discovery, run, store
from harness.choice import contract_beside, find_contract
from harness.contract import Contract
from harness.contract_file import load
from harness.draft import draft, fit
from harness.errors import HarnessError, UsageError
from harness.inspection import inspect
from harness.reporters.json import Json
from harness.reporters.text import TextReport
from harness.verdict import EXIT_STATUS, Verdict, overall
from harness.view import Progress, wants_color

FOLDERS = ("faults", "checkers", "stages", "brokers")


class Group(click.Group):
    """Turns every error that a user can meet into one line and its exit status."""

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command; errors go to standard error."""
        try:
            return super().invoke(ctx)
        except HarnessError as error:
            click.echo(f"celery-harness: {error}", err=True)
            ctx.exit(error.exit_status)


@click.group(cls=Group, name="harness", context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="celery-harness", prog_name="celery-harness")
def harness() -> None:
    """Prove, by experiment, what a Celery configuration really guarantees.

    Exit status: 0 kept, 1 broken, 2 usage or environment, 3 unknown.
    """


def app_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """``-A`` and ``--workdir``, as Celery's own command has them."""
    workdir = click.Path(exists=True, file_okay=False, path_type=Path)
    command = click.option(
        "--workdir",
        type=workdir,
        default=Path(),
        help="Change to this folder first, as Celery's option does.",
    )(command)
    return click.option("-A", "--app", "app", metavar="APP", help="What Celery's -A takes: proj.celery:app")(
        command
    )


def app_name(given: str | None) -> str:
    """The app: the option, else the one that ``celery -A APP harness`` was given."""
    if given:
        return given
    words = sys.argv
    for place, word in enumerate(words[:-1]):
        if word in ("-A", "--app"):
            return words[place + 1]
        if word.startswith("--app="):
            return word.partition("=")[2]
    raise UsageError("No app was named.", remedy="Say which: -A proj.celery:app")


@harness.command()
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
@click.option("--server", metavar="BINARY", help="The broker's binary on PATH: valkey-server, redis-server.")
@click.option(
    "--warp",
    default="auto",
    show_default=True,
    metavar="auto|off|N",
    help="Let time jump while everything sleeps; off for real time, N for a fixed rate.",
)
@click.option("--seed", type=int, help="Seed of everything random; printed with every verdict.")
@click.option("--only", multiple=True, metavar="GUARANTEE", help="Judge only these; may be repeated.")
@click.option("--tier", "tiers", multiple=True, metavar="T", help="Judge only these tiers; may be repeated.")
@click.option("--json", "as_json", is_flag=True, help="One JSON document on standard output.")
@click.option("--quiet", is_flag=True, help="No progress, and no report when all is kept.")
@click.option(
    "--reports",
    type=click.Path(file_okay=False, path_type=Path),
    default=Path("reports"),
    show_default=True,
    metavar="DIR",
    help="Where runs are kept.",
)
@click.pass_context
def verify(
    ctx: click.Context, app: str | None, workdir: Path, contract_path: Path | None, stage: str, broker: str,
    database: str, server: str | None, warp: str, seed: int | None,
    only: tuple[str, ...], tiers: tuple[str, ...],
    as_json: bool, quiet: bool, reports: Path,
) -> None:  # fmt: skip
    """Run the app on a stage, under faults, and judge every guarantee of its contract."""
    name = app_name(app)
    _check_warp(warp)
    discovery.find("stages", stage)
    discovery.find("brokers", broker)
    for checker in only:
        discovery.find("checkers", checker)
    with Progress(quiet=quiet or as_json) as progress, ended_by_signals():
        progress.say("reading the contract")
        contract, drafted = find_contract(name, workdir, contract_path)
        if drafted and not quiet:
            click.echo(
                "celery-harness: there is no contract.toml; judging what Celery has in force.", err=True
            )
        outcomes = run.verify(
            run.Request(
                app=name, contract=contract, workdir=workdir.resolve(), stage=stage, broker=broker, warp=warp,
                seed=random.randrange(10**6) if seed is None else seed, only=only, tiers=tiers,
                reports=reports, server=server, database=database,
                command=_command(name, workdir, contract_path, stage, warp, database),
                report=progress.say, warn=partial(_warn, quiet=quiet),
            )
        )  # fmt: skip
    _show(outcomes.contract, outcomes.history, outcomes.verdicts, as_json=as_json, quiet=quiet)
    if not as_json and not quiet:
        click.echo(f"kept in {outcomes.folder}")
    ctx.exit(EXIT_STATUS[overall(outcomes.verdicts)])


@harness.command()
@click.argument("folder", type=click.Path(path_type=Path), metavar="RUN")
@click.option("--json", "as_json", is_flag=True, help="One JSON document on standard output.")
@click.option("--quiet", is_flag=True, help="No report when all is kept.")
@click.pass_context
def judge(ctx: click.Context, folder: Path, as_json: bool, quiet: bool) -> None:
    """Judge a stored run again, without a broker."""
    contract, history = store.load(folder)
    verdicts = run.judge(contract, history, only=history.header.only, tiers=history.header.tiers)
    _show(contract, history, verdicts, as_json=as_json, quiet=quiet)
    ctx.exit(EXIT_STATUS[overall(verdicts)])


@harness.command()
@click.argument("folder", type=click.Path(path_type=Path), metavar="RUN")
@click.option("--quiet", is_flag=True, help="No progress, and no report when all is kept.")
@click.pass_context
def replay(ctx: click.Context, folder: Path, quiet: bool) -> None:
    """Run a stored run again: the same contract, seed, stage and faults."""
    contract, history = store.load(folder)
    header = history.header
    with Progress(quiet=quiet) as progress, ended_by_signals():
        outcomes = run.verify(
            run.Request(
                app=header.app, contract=contract, workdir=Path(header.workdir), stage=header.stage,
                broker=header.broker, warp="off" if header.warp == "off" else "auto",
                seed=header.seed, database=header.database,
                only=header.only, tiers=header.tiers, reports=folder.resolve().parent.parent,
                command=header.command, report=progress.say, warn=partial(_warn, quiet=quiet),
            )
        )  # fmt: skip
    _show(outcomes.contract, outcomes.history, outcomes.verdicts, as_json=False, quiet=quiet)
    ctx.exit(EXIT_STATUS[overall(outcomes.verdicts)])


@harness.command()
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
def contract(
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


@harness.command("list")
@click.argument("what", type=click.Choice(FOLDERS), required=False)
def list_(what: str | None) -> None:
    """List faults, checkers, stages and brokers: one file each, one line each."""
    for folder in (what,) if what else FOLDERS:
        if what is None:
            click.echo(f"{folder}:")
        width = max(len(name) for name in discovery.names(folder))
        for name in discovery.names(folder):
            click.echo(f"{'' if what else '  '}{name:<{width}}  {discovery.summary(folder, name)}")


@harness.command()
@click.argument("name")
def explain(name: str) -> None:
    """Explain a fault, checker, stage or broker by its name."""
    found = [folder for folder in FOLDERS if name in discovery.names(folder)]
    if not found:
        every = sorted(each for folder in FOLDERS for each in discovery.names(folder))
        raise UsageError(f"There is nothing named {name!r}.", remedy=discovery.suggestion(name, every))
    for folder in found:
        click.echo(f"{name} ({folder.removesuffix('s')})\n\n{discovery.explanation(folder, name)}")


@harness.command()
@click.pass_context
def doctor(ctx: click.Context) -> None:
    """Say what this machine can run, and the one line that gets what is missing."""
    ready = True
    for row in diagnosis.examine():
        click.echo(f"{'ok     ' if row.ok else 'missing'}  {row.name:<22} {row.text}")
        ready = ready and (row.ok or row.optional)
    ctx.exit(0 if ready else 2)


def _warn(text: str, *, quiet: bool) -> None:
    if not quiet:
        click.echo(f"celery-harness: {text}", err=True)


def _check_warp(warp: str) -> None:
    if warp in ("auto", "off"):
        return
    try:
        rate = float(warp)
    except ValueError:
        rate = 0.0
    if not 1 <= rate <= 60:
        raise UsageError(f"--warp {warp}: no such rate.", remedy="Take auto, off, or a number from 1 to 60.")


def _command(
    name: str, workdir: Path, contract_path: Path | None, stage: str, warp: str, database: str
) -> str:
    words = ["celery-harness", "verify", "-A", name]
    words += ["--workdir", str(workdir)] if workdir != Path() else []
    words += ["--contract", str(contract_path)] if contract_path else []
    words += ["--stage", stage] if stage != "processes" else []
    words += ["--warp", warp] if warp != "auto" else []
    words += ["--database", database] if database != "sqlite" else []
    return shlex.join(words)


def _show(contract: Contract, history: Any, verdicts: Any, *, as_json: bool, quiet: bool) -> None:
    shown: list[Verdict] = list(verdicts)
    if as_json:
        click.echo(Json().render(contract, history, shown, color=False), nl=False)
    elif not quiet or EXIT_STATUS[overall(shown)]:
        click.echo(
            TextReport().render(contract, history, shown, color=wants_color(sys.stdout)), nl=False, color=True
        )


@contextmanager
def ended_by_signals() -> Iterator[None]:
    """SIGTERM and SIGHUP end the run as Ctrl-C does: everything that was started is ended."""

    def leave(number: int, _frame: FrameType | None) -> None:
        raise SystemExit(128 + number)

    before = {number: signal.signal(number, leave) for number in (signal.SIGTERM, signal.SIGHUP)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def main() -> None:
    """The console script."""
    harness(prog_name="celery-harness")
