"""``compare``: what an upgrade, or another broker, changes in what an app does."""

from __future__ import annotations

from pathlib import Path

import click

from harness import discovery
from harness.commands._options import app_name, app_options
from harness.commands._running import ended_by_signals, put
from harness.verdict import EXIT_STATUS
from harness.view import Progress


@click.command("compare")
@app_options
@click.option(
    "--with", "versions", multiple=True, metavar="REQUIREMENT",
    help="Versions to run with ('celery==5.6.3', 'celery==5.4.0 kombu==5.4.2'); one is compared with what is "
    "installed, several with each other.",
)  # fmt: skip
@click.option("--broker", "brokers", multiple=True, metavar="B", help="redis or rabbitmq; may be repeated.")
@click.option(
    "--contract", "contract_path", type=click.Path(dir_okay=False, path_type=Path), metavar="FILE",
    help="The promises; else those that verify would find.",
)  # fmt: skip
@click.option("--stage", default="processes", show_default=True, metavar="S", help="Where to run it.")
@click.option("--seed", type=int, default=1, show_default=True, help="Seed of everything random.")
@click.option("--only", multiple=True, metavar="GUARANTEE", help="Judge only these; may be repeated.")
@click.option("--tier", "tiers", multiple=True, metavar="T", help="Judge only these tiers; may be repeated.")
@click.option("--json", "json_wanted", is_flag=True, help="One JSON document on standard output.")
@click.option("--quiet", is_flag=True, help="No progress.")
@click.pass_context
def command(
    ctx: click.Context, app: str | None, workdir: Path, versions: tuple[str, ...], brokers: tuple[str, ...],
    contract_path: Path | None, stage: str, seed: int, only: tuple[str, ...], tiers: tuple[str, ...],
    json_wanted: bool, quiet: bool,
) -> None:  # fmt: skip
    """Run the same experiments in several environments or on several brokers, and show what differs.

    Environments are made by uv, from what is installed and the versions named, and kept. Exit status: 0
    nothing is weaker, 1 something is, 2 usage or environment, 3 something could not be judged.
    """
    from harness import upgrade, upgrade_report

    name = app_name(app)
    discovery.find("stages", stage)
    for broker in brokers:
        discovery.find("brokers", broker)
    for checker in only:
        discovery.find("checkers", checker)
    with Progress(quiet=quiet or json_wanted) as progress, ended_by_signals():
        found = upgrade.run(
            upgrade.Request(
                app=name, workdir=workdir, versions=versions, brokers=brokers, contract=contract_path,
                stage=stage, seed=seed, only=only, tiers=tiers, report=progress.say,
            )
        )  # fmt: skip
    put(upgrade_report.as_json(found) if json_wanted else upgrade_report.as_text(found))
    ctx.exit(EXIT_STATUS[upgrade.worst(found)])
