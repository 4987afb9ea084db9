"""``--format`` and ``--json``: any reporter, by the name of its file."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import click

from harness import discovery


def format_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """``--format NAME`` and ``--json``, which is short for ``--format json``."""
    command = click.option(
        "--json",
        "as_json",
        is_flag=True,
        expose_value=False,
        callback=_as_json,
        is_eager=True,
        help="Short for --format json.",
    )(command)
    return click.option(
        "--format",
        "form",
        metavar="FORMAT",
        default="text",
        show_default=True,
        callback=_known,
        help=f"What goes to standard output: {', '.join(discovery.names('reporters'))}.",
    )(command)


def _as_json(context: click.Context, _option: click.Parameter, given: bool) -> None:
    if given:
        context.meta["harness.json"] = True


def _known(context: click.Context, _option: click.Parameter, name: str) -> str:
    if context.meta.get("harness.json"):
        return "json"
    discovery.find("reporters", name)
    return name
