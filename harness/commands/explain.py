"""``explain``: one unit, whole."""

from __future__ import annotations

import click

from harness import discovery
from harness.errors import UsageError


@click.command("explain")
@click.argument("name")
def command(name: str) -> None:
    """Explain a fault, checker, rule, stage, broker or reporter by its name; a rule also by its id."""
    ids = {vars(discovery.find("rules", each))["id"]: each for each in discovery.names("rules")}
    name = ids.get(name.upper(), name)
    found = [folder for folder in discovery.LISTED if name in discovery.names(folder)]
    if not found:
        every = sorted([*ids, *(each for folder in discovery.LISTED for each in discovery.names(folder))])
        raise UsageError(f"There is nothing named {name!r}.", remedy=discovery.suggestion(name, every))
    for folder in found:
        click.echo(f"{name} ({folder.removesuffix('s')})\n\n{discovery.explanation(folder, name)}")
        if folder == "rules":
            click.echo(f"\n{discovery.find(folder, name)().told()}")
