"""``lock``: what an app was observed to guarantee, as a file for git."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import click

from harness import gate, lock_file
from harness.commands._options import Folder, app_name, app_options
from harness.commands._running import ended_by_signals, handing_on, warn
from harness.view import Progress


@click.command("lock")
@app_options
@click.option(
    "--contract", "contract_path", type=click.Path(dir_okay=False, path_type=Path), metavar="FILE",
    help="The promises; else those that verify would find.",
)  # fmt: skip
@click.option(
    "--lock", "path", type=click.Path(dir_okay=False, path_type=Path), default=lock_file.DEFAULT,
    show_default=True, metavar="FILE", help="The file to write.",
)  # fmt: skip
@click.option("--stage", default="", metavar="S", help="Where to run it; processes unless said.")
@click.option("--broker", default="redis", show_default=True, metavar="B", help="redis or rabbitmq.")
@click.option("--check", is_flag=True, help="Write nothing; exit status 1 where the file is out of date.")
@click.option("--quiet", is_flag=True, help="No progress, and nothing to say but errors.")
@click.option(
    "--reports", type=Folder(), default=Path("reports"), show_default=True,
    metavar="DIR", help="Where runs are kept.",
)  # fmt: skip
@click.pass_context
def command(
    ctx: click.Context, app: str | None, workdir: Path, contract_path: Path | None, path: Path, stage: str,
    broker: str, check: bool, quiet: bool, reports: Path,
) -> None:  # fmt: skip
    """Run everything, and write down what was observed: the same app gives the same bytes.

    Exit status: 0 written, 1 out of date (with --check), 2 usage or environment, 3 the machine is too slow.
    """
    name = app_name(app)
    with Progress(quiet=quiet) as progress, ended_by_signals(), handing_on(stage):
        found = gate.lock(
            gate.Request(
                app=name, workdir=workdir, contract=contract_path, lock=path, stage=stage, broker=broker,
                reports=reports, report=progress.say, warn=partial(warn, quiet=quiet),
            )
        )  # fmt: skip
    text = lock_file.dumps(found)
    known = path.read_text(encoding="utf-8") if path.exists() else ""
    said = "is current" if text == known else "is out of date" if check else "written"
    if not check and text != known:
        lock_file.write(path, text)
    if not quiet:
        click.echo(f"{path} {said}")
    ctx.exit(1 if check and text != known else 0)
