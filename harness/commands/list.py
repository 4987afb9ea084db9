"""``list``: what there is."""

from __future__ import annotations

import click

from harness import discovery


@click.command("list")
@click.argument("what", type=click.Choice(discovery.LISTED), required=False)
def command(what: str | None) -> None:
    """List faults, checkers, rules, mutations, stages, brokers and reporters: one file and line each."""
    for folder in (what,) if what else discovery.LISTED:
        if what is None:
            click.echo(f"{folder}:")
        width = max(len(name) for name in discovery.names(folder))
        for name in discovery.names(folder):
            label = f"{vars(discovery.find(folder, name))['id']}  " if folder == "rules" else ""
            click.echo(f"{'' if what else '  '}{label}{name:<{width}}  {discovery.summary(folder, name)}")
