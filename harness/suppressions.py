"""Findings that somebody keeps: comments on the line, entries in ``pyproject.toml``, each with a reason."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

from harness.configuration import Suppression
from harness.errors import UsageError
from harness.finding import Finding, Severity
from harness.sources import Sources

COMMENT = re.compile(r"#\s*harness:\s*ignore\[([\w\s,]*)\]\s*(.*)")
KEYS = frozenset({"rule", "subject", "reason"})


def on_lines(sources: Sources) -> Iterator[Suppression]:
    """``# harness: ignore[RTY001] reason`` in the app's own modules; several ids share a reason."""
    for file in sources.paths:
        for line, comment in sources.comments(file):
            found = COMMENT.search(comment)
            for rule in found[1].split(",") if found else ():
                yield Suppression(
                    rule.strip(), f"{file}:{line}", found[2].strip() if found else "", on_line=True
                )


def in_project(workdir: Path) -> Iterator[Suppression]:
    """``[[tool.celery-harness.ignore]]`` of the nearest ``pyproject.toml``; `UsageError` for a broken one.

    Each entry has ``rule``, ``reason`` and maybe ``subject``, a glob over the subjects of findings.
    """
    for entry, where in entries(workdir, "ignore", 'rule = "..." and reason = "..."'):
        yield _entry(entry, where)


def entries(workdir: Path, name: str, needs: str) -> Iterator[tuple[dict[str, Any], str]]:
    """The tables ``[[tool.celery-harness.NAME]]`` of the nearest ``pyproject.toml``, and their places."""
    folder = workdir.resolve()
    path = next((each / "pyproject.toml" for each in (folder, *folder.parents) if _is_file(each)), None)
    if path is None:
        return
    shown = path.name if path.parent == folder else str(path)
    try:
        text = path.read_text(encoding="utf-8")
        tool = tomllib.loads(text).get("tool", {}).get("celery-harness", {})
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise UsageError(f"{shown} cannot be read: {error}.") from None
    found = tool.get(name, [])
    if not isinstance(found, list) or not all(isinstance(entry, dict) for entry in found):
        raise UsageError(
            f"{shown}: tool.celery-harness.{name} is no list of tables.",
            remedy=f"Write [[tool.celery-harness.{name}]] with {needs}.",
        )
    lines = [n for n, line in enumerate(text.splitlines(), 1) if f"[[tool.celery-harness.{name}]]" in line]
    for place, entry in enumerate(found):
        yield entry, f"{shown}:{lines[place]}" if place < len(lines) else shown


def _is_file(folder: Path) -> bool:
    return (folder / "pyproject.toml").is_file()


def _entry(entry: dict[str, Any], where: str) -> Suppression:
    strange = set(entry) - KEYS
    if strange or not all(isinstance(value, str) for value in entry.values()) or "rule" not in entry:
        said = f"has {', '.join(sorted(strange))}" if strange else "lacks a rule, or has what is no text"
        raise UsageError(f"{where}: the entry {said}.", remedy="An entry has rule, reason and maybe subject.")
    return Suppression(entry["rule"], where, entry.get("reason", ""), entry.get("subject", ""))


def applied(
    findings: Iterable[Finding], suppressions: Sequence[Suppression]
) -> tuple[list[Finding], list[Suppression]]:
    """The findings, with their reason where one is kept, and the suppressions, marked where used.

    What has no reason keeps nothing, and `unknown` cannot be kept: it fails no build, and to hide it would
    hide a blind spot.
    """
    used: set[int] = set()
    done = []
    for finding in findings:
        reason = ""
        for place, each in enumerate(suppressions):
            if each.reason and finding.severity is not Severity.UNKNOWN and _silences(each, finding):
                used.add(place)
                reason = reason or each.reason
        done.append(replace(finding, suppressed=reason))
    marked = [replace(each, used=place in used) for place, each in enumerate(suppressions)]
    return done, marked


def _silences(suppression: Suppression, finding: Finding) -> bool:
    if suppression.rule not in (finding.rule, finding.name):
        return False
    if suppression.on_line:
        return suppression.where == finding.where
    return not suppression.subject or fnmatchcase(finding.subject, suppression.subject)
