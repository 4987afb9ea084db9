"""``images``: what the containers stage is made of."""

from __future__ import annotations

from pathlib import Path

import click

from harness import engine, image_lock
from harness import images as supply


@click.command("images")
@click.argument("action", type=click.Choice(["list", "build", "pull"]), default="list")
@click.argument("roles", nargs=-1, metavar="[ROLE[=REFERENCE]]...")
@click.option(
    "--lock",
    type=click.Path(dir_okay=False, path_type=Path),
    default=image_lock.LOCK,
    show_default=True,
    metavar="FILE",
    help="Which images were pulled; those are pulled again.",
)
def command(action: str, roles: tuple[str, ...], lock: Path) -> None:
    """List, build (from Debian packages, no registry) or pull the images of the containers stage."""
    client = engine.connect()
    try:
        if action == "list":
            for role, source, reference in supply.listed(client):
                click.echo(f"{role:<10} {source:<12} {reference}")
        elif action == "build":
            for line in supply.build(client, roles or tuple(supply.PACKAGES), click.echo):
                click.echo(line)
        else:
            for line in image_lock.pull(client, roles or tuple(supply.OFFICIAL), lock):
                click.echo(line)
    finally:
        client.close()
