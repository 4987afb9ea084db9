"""``explain``: one unit, whole."""

from __future__ import annotations

import click

from harness import discovery
from harness.errors import UsageError


@click.command("explain")
@click.argument("name")
def command(name: str) -> None:
    """Explain a fault, checker, stage, broker or reporter by its name."""
    found = [folder for folder in discovery.LISTED if name in discovery.names(folder)]
    if not found:
        every = sorted(each for folder in discovery.LISTED for each in discovery.names(folder))
        raise UsageError(f"There is nothing named {name!r}.", remedy=discovery.suggestion(name, every))
    for folder in found:
        click.echo(f"{name} ({folder.removesuffix('s')})\n\n{discovery.explanation(folder, name)}")
