"""Mutants that somebody calls equivalent: entries in ``pyproject.toml``, each with a reason.

    [[tool.celery-harness.equivalent]]
    mutant = "environment/EMAIL_PORT/*"
    reason = "the stage has a mail server of its own"

Such a mutant is made all the same: where something notices it, it counts as killed, and the entry is
said to be wrong.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase
from pathlib import Path

from harness.errors import UsageError
from harness.mutation_bench import EQUIVALENT, SURVIVED, Judged
from harness.suppressions import entries

TABLE, KEYS = "equivalent", frozenset({"mutant", "reason"})


@dataclass(frozen=True, slots=True)
class Mark:
    """One entry: a glob over the ids of mutants, why they change nothing, and where that is said."""

    mutant: str
    reason: str
    where: str


def marks(workdir: Path) -> Iterator[Mark]:
    """The entries of the nearest ``pyproject.toml``; `UsageError` for a broken one."""
    for entry, where in entries(workdir, TABLE, 'mutant = "..." and reason = "..."'):
        strange = set(entry) ^ KEYS
        if strange or not all(isinstance(value, str) and value.strip() for value in entry.values()):
            raise UsageError(
                f"{where}: the entry lacks a mutant or a reason, or has something else.",
                remedy="An entry has mutant and reason, both text.",
            )
        yield Mark(entry["mutant"], entry["reason"], where)


def marked(judged: Sequence[Judged], given: Sequence[Mark]) -> list[Judged]:
    """The mutants, those that survived and are marked with their reason as equivalent."""
    return [_marked(each, given) for each in judged]


def wrong(judged: Sequence[Judged], given: Sequence[Mark], *, every: bool) -> list[str]:
    """What is wrong with the marks: mutants that were noticed, and, where all were made, marks of none."""
    found = []
    for mark in given:
        mine = [each for each in judged if fnmatchcase(each.mutant.id, mark.mutant)]
        noticed = [each for each in mine if each.by]
        if noticed:
            by = f"{noticed[0].by} notices {noticed[0].mutant.id}"
            found.append(f"{mark.where}: {mark.mutant} is not equivalent: {by}")
        elif every and not mine:
            found.append(f"{mark.where}: there is no mutant {mark.mutant}")
    return found


def _marked(each: Judged, given: Sequence[Mark]) -> Judged:
    mark = next((mark for mark in given if fnmatchcase(each.mutant.id, mark.mutant)), None)
    if mark is None or each.outcome != SURVIVED:
        return each
    return replace(each, outcome=EQUIVALENT, reason=f"{mark.reason} ({mark.where})")
