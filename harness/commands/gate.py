"""``gate``: what a change does to the guarantees of an app."""

from __future__ import annotations

import sys
from functools import partial
from pathlib import Path

import click

from harness import discovery, gate, lock_file
from harness.commands._options import SEED, Folder, app_name, app_options
from harness.commands._running import ended_by_signals, handing_on, put, warn
from harness.gate_report import GateReport
from harness.verdict import EXIT_STATUS
from harness.view import Progress, wants_color


@click.command("gate")
@app_options
@click.option(
    "--base", default="", metavar="REV", help="What to compare with; what is committed unless said."
)
@click.option(
    "--all", "everything", is_flag=True, help="Judge everything, not only what the change can touch."
)
@click.option(
    "--contract", "contract_path", type=click.Path(dir_okay=False, path_type=Path), metavar="FILE",
    help="The promises; else those that verify would find.",
)  # fmt: skip
@click.option(
    "--lock", "path", type=click.Path(dir_okay=False, path_type=Path), default=lock_file.DEFAULT,
    show_default=True, metavar="FILE",
    help="What the base was observed to guarantee; without it the base is run.",
)  # fmt: skip
@click.option(
    "--stage", default="", metavar="S",
    help="Where to run it; unless said simulated, where that is there, and processes for what is doubtful.",
)  # fmt: skip
@click.option("--broker", default="redis", show_default=True, metavar="B", help="redis or rabbitmq.")
@click.option("--seed", type=SEED, default=gate.SEED, show_default=True, help="Seed of everything random.")
@click.option(
    "--format", "forms", multiple=True, metavar="FORMAT[=FILE]", default=("text",), show_default=True,
    help=f"{', '.join(discovery.names('gate_reports'))}; to standard output or a file; may be repeated.",
)  # fmt: skip
@click.option(
    "--equal-passes", is_flag=True, help="Exit status 0, not 2, where nothing differs from the base."
)
@click.option("--quiet", is_flag=True, help="No progress.")
@click.option(
    "--reports", type=Folder(), default=Path("reports"), show_default=True,
    metavar="DIR", help="Where runs are kept.",
)  # fmt: skip
@click.pass_context
def command(
    ctx: click.Context, app: str | None, workdir: Path, base: str, everything: bool,
    contract_path: Path | None, path: Path, stage: str, broker: str, seed: int,
    forms: tuple[str, ...], equal_passes: bool, quiet: bool, reports: Path,
) -> None:  # fmt: skip
    """Say which guarantees a change of configuration weakens, and fail where it does.

    The working copy is compared with a revision of git, by the lock file of that revision where it has one.
    What is weaker passes only where the lock file was updated in the same change.
    """
    name = app_name(app)
    wanted = [(form.partition("=")[0], form.partition("=")[2]) for form in forms]
    reporters: list[GateReport] = [discovery.find("gate_reports", form)() for form, _ in wanted]
    if stage:
        discovery.find("stages", stage)
    discovery.find("brokers", broker)
    silent = quiet or any(form != "text" and not file for form, file in wanted)
    with Progress(quiet=silent) as progress, ended_by_signals(), handing_on(stage):
        request = gate.Request(
            app=name, workdir=workdir, contract=contract_path, base=base, everything=everything,
            lock=path, stage=stage, broker=broker, seed=seed, reports=reports,
            report=progress.say, warn=partial(warn, quiet=quiet),
        )  # fmt: skip
        try:
            found = gate.gate(request)
        except gate.NothingDiffers as equal:
            if not equal_passes:
                raise
            put(f"{equal.fact}\n")
            return
    for reporter, (form, file) in zip(reporters, wanted, strict=True):
        if file:
            lock_file.write(Path(file), reporter.render(found, color=False))
        else:
            color = form == "text" and wants_color(sys.stdout)
            put(reporter.render(found, color=color))
    ctx.exit(EXIT_STATUS[found.outcome])
