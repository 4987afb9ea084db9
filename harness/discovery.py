"""Finds the instances of an idea by walking its folder: one file, one instance, registered nowhere else."""

from __future__ import annotations

import functools
import importlib
import inspect
import pkgutil
from collections.abc import Sequence
from difflib import get_close_matches
from typing import Any

from harness.errors import UsageError

FOLDERS = {
    "faults": "Fault",
    "checkers": "Checker",
    "stages": "Stage",
    "brokers": "Broker",
    "reporters": "Reporter",
    "rules": "Rule",
    "gate_reports": "GateReport",
    "mutations": "Mutation",
}
LISTED = ("faults", "checkers", "rules", "mutations", "stages", "brokers", "reporters")
"""What ``list`` and ``explain`` show."""


@functools.cache
def names(folder: str) -> tuple[str, ...]:
    """The public names in a folder (``faults``, ``checkers``, ...), sorted."""
    package = importlib.import_module(f"harness.{folder}")
    return tuple(sorted(m.name for m in pkgutil.iter_modules(package.__path__) if not m.name.startswith("_")))


@functools.cache
def find(folder: str, name: str) -> type:
    """The class that the file `name` of a folder defines; `UsageError` with a suggestion if there is none."""
    known = names(folder)
    if name not in known:
        raise UsageError(
            f"There is no {folder.removesuffix('s')} named {name!r}.", remedy=suggestion(name, known)
        )
    module = importlib.import_module(f"harness.{folder}.{name}")
    idea = FOLDERS[folder]
    for _, candidate in inspect.getmembers(module, inspect.isclass):
        bases = {base.__name__ for base in candidate.__mro__[1:]}
        if candidate.__module__ == module.__name__ and idea in bases and not inspect.isabstract(candidate):
            return candidate
    raise UsageError(f"harness/{folder}/{name}.py defines no {idea}.")


def command(name: str) -> Any:
    """The click command that the file ``harness/commands/NAME.py`` defines as `command`."""
    return importlib.import_module(f"harness.commands.{name}").command


def suggestion(name: str, known: Sequence[str]) -> str:
    """The known name that was probably meant, else all of them."""
    near = get_close_matches(name, known, n=1)
    return f"Did you mean {near[0]}?" if near else f"There are: {', '.join(known)}."


def summary(folder: str, name: str) -> str:
    """The first sentence of an instance's docstring."""
    return (inspect.getdoc(find(folder, name)) or "").split("\n\n")[0].replace("\n", " ")


def explanation(folder: str, name: str) -> str:
    """The whole docstring of an instance."""
    return inspect.getdoc(find(folder, name)) or ""
