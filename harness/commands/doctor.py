"""``doctor``: what this machine can run."""

from __future__ import annotations

import click

from harness import diagnosis


@click.command("doctor")
@click.pass_context
def command(ctx: click.Context) -> None:
    """Say what this machine can run, and the one line that gets what is missing."""
    ready = True
    for row in diagnosis.examine():
        click.echo(f"{'ok     ' if row.ok else 'missing'}  {row.name:<22} {row.text}")
        ready = ready and (row.ok or row.optional)
    ctx.exit(0 if ready else 2)
