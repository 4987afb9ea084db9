"""The lock file: what an app was observed to guarantee, as TOML that is reviewed like code.

Stable order and no times: the same guarantees give the same bytes, so that a difference in git is the app's.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import tomlkit

from harness.differences import Difference
from harness.errors import UsageError
from harness.guarantees import Guarantees

SCHEMA = 1
DEFAULT = Path("reports") / "guarantees.lock.toml"
HEAD = """What {app} was observed to guarantee, under faults, on stock workers.
celery-harness lock -A {app} writes it; review it like code. celery-harness gate compares."""


def dumps(found: Guarantees) -> str:
    """The whole file; tiers, tasks and keys are sorted."""
    document = tomlkit.document()
    for line in HEAD.format(app=found.app).splitlines():
        document.add(tomlkit.comment(line))
    document.add("schema", tomlkit.item(SCHEMA))
    document.add("app", tomlkit.item(found.app))
    tiers = {
        tier: {
            "promises": _plain(found.promises.get(tier, {})),
            "guarantees": _plain(found.outcomes.get(tier, {})),
        }
        for tier in sorted({*found.promises, *found.outcomes})
    }
    document.add("tiers", _table({tier: _filled(parts) for tier, parts in tiers.items()}))
    tasks = {
        task: {"tier": found.tiers[task], **_plain(found.facts.get(task, {}))} for task in sorted(found.tiers)
    }
    document.add("tasks", _table(tasks))
    return tomlkit.dumps(document)


def loads(text: str, path: str) -> Guarantees:
    """What a lock file says; `UsageError` where it cannot be read."""
    remedy = "Make it anew: celery-harness lock -A APP"
    try:
        document = tomllib.loads(text)
        if document["schema"] != SCHEMA:
            raise UsageError(
                f"{path}: schema {document['schema']!r}, and this version reads schema {SCHEMA}.",
                remedy=remedy,
            )
        tiers, tasks = document.get("tiers", {}), document.get("tasks", {})
        return Guarantees(
            app=str(document["app"]),
            promises={tier: dict(parts.get("promises", {})) for tier, parts in tiers.items()},
            outcomes={tier: dict(parts.get("guarantees", {})) for tier, parts in tiers.items()},
            facts={task: {k: v for k, v in parts.items() if k != "tier"} for task, parts in tasks.items()},
            tiers={task: str(parts["tier"]) for task, parts in tasks.items()},
        )
    except (tomllib.TOMLDecodeError, KeyError, AttributeError, TypeError, ValueError) as error:
        raise UsageError(f"{path}: not a lock file: {error}.", remedy=remedy) from error


def read(path: Path) -> Guarantees | None:
    """The lock file at a path; None where there is none."""
    try:
        return loads(path.read_text(encoding="utf-8"), str(path)) if path.exists() else None
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"{path}: cannot be read: {error}.") from error


def write(path: Path, text: str) -> None:
    """Write a file and the folder it is in; it appears whole or not at all."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        partial = path.with_name(f"{path.name}.partial")
        partial.write_text(text, encoding="utf-8")
        partial.replace(path)
    except OSError as error:
        raise UsageError(f"{path}: cannot be written: {error}.", remedy="Name another file.") from error


def value(found: Guarantees, difference: Difference) -> Any:
    """What a lock file says about what differs; None where it says nothing."""
    part = {"promises": found.promises, "guarantees": found.outcomes, "facts": found.facts}[difference.part]
    return part.get(difference.of, {}).get(difference.name)


def _filled(parts: Mapping[str, Any]) -> dict[str, Any]:
    return {name: part for name, part in parts.items() if part}


def _plain(found: Mapping[str, Any]) -> dict[str, Any]:
    """Sorted, with whole numbers as such: 30.0 and 30 are one promise."""
    return {key: _number(found[key]) for key in sorted(found)}


def _number(value: Any) -> Any:
    if isinstance(value, float) and value.is_integer():
        return int(value)
    return str(value) if isinstance(value, float) and value == float("inf") else value


def _table(parts: Mapping[str, Any]) -> Any:
    table = tomlkit.table(is_super_table=all(isinstance(part, Mapping) for part in parts.values()))
    for name, part in parts.items():
        table.add(name, _table(part) if isinstance(part, Mapping) else part)
    return table
