"""See `Environment`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from harness.mutation import Mutant, Mutation, Target, is_number, scaled

FLAGS = {"true": "False", "false": "True", "yes": "no", "no": "yes", "on": "off", "off": "on"}


class Environment(Mutation):
    """A variable of the environment that the app reads has another value when the app is imported.

    Numbers become a tenth and the tenfold, switches are turned, lists of people emptied. Addresses and names
    are left alone: the stage replaces what they lead to.
    """

    def mutants(self, target: Target) -> Iterator[Mutant]:
        for name, read in sorted(target.reads.items()):
            before, others = _values(read)
            for after in dict.fromkeys(others):
                yield Mutant(self.name, name, before, after, environment={name: after})


def _values(read: Mapping[str, Any]) -> tuple[Any, list[str]]:
    """What the variable means now, and what it is to say instead."""
    text = read.get("given") if read.get("given") is not None else read.get("default")
    shown = read.get("shows")
    value = shown[0] if shown and text is None else text
    if isinstance(value, bool):
        return value, ["0" if value else "1"]
    if isinstance(value, int | float) and is_number(value):
        return value, [f"{each:g}" for each in scaled(value)]
    if isinstance(value, str) and value.lower() in FLAGS:
        return value, [FLAGS[value.lower()]]
    if isinstance(value, str) and value.isdigit():
        return value, [f"{each:d}" for each in map(int, scaled(int(value)))]
    if isinstance(value, str) and "@" in value and "://" not in value:
        return value, [""]
    return value, []
