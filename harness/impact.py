"""What a change can touch: settings in force before and after, and the guarantees that depend on them.

A checker says what it depends on (`harness.checker.Checker.depends`). A setting that no checker names can
change anything. So can code, unless all that differs in a file are values that show in the settings in force.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase
from typing import Any

from harness.checker import WHOLE_APP, Checker
from harness.contract import Contract
from harness.guarantees import promises_of
from harness.members import usual_member
from harness.settings import Settings

CODE = (".py", ".toml", ".txt", ".lock", ".cfg", ".yaml", ".yml", ".json", "Procfile", "Dockerfile")
"""Files that can change what an app does; documentation cannot."""
IGNORED = frozenset({"origin", "queue_origin", "file", "line"})
"""Parts of the snapshot that say where something stands, not what it is."""
_PLACE = re.compile(r" in \S+:\d+$")
_PORT = re.compile(r"127\.0\.0\.1:\d+")
"""Where an inspected app finds its servers: another port each time."""
MOST = 12
"""Reasons that are told of one guarantee."""


@dataclass(frozen=True, slots=True)
class Change:
    """One setting, task option or promise that differs; `task` is empty for what concerns the whole app."""

    name: str
    task: str
    before: Any
    after: Any
    origin: str = ""

    @property
    def text(self) -> str:
        """``time_limit of payroll.tasks.pay``."""
        return f"{self.name} of {self.task}" if self.task else self.name


@dataclass(frozen=True, slots=True)
class Choice:
    """A guarantee that is put to the test, in these tiers (all where empty), and why."""

    guarantee: str
    tiers: tuple[str, ...]
    why: tuple[str, ...]


def changes(before: Settings, after: Settings, moved: tuple[str, str] = ("", "")) -> list[Change]:
    """Every setting in force that differs; `moved` are the folders of both, which no value may show."""
    old, new = (_flat(_relocated(each, place)) for each, place in ((before, moved[0]), (after, moved[1])))
    found = []
    for task, name in sorted({*old, *new}):
        was, now = old.get((task, name), (None, "")), new.get((task, name), (None, ""))
        if was[0] != now[0]:
            found.append(Change(name, task, was[0], now[0], now[1] or was[1]))
    return found


def promised(before: Contract, after: Contract) -> list[Change]:
    """Every promise, worker, sample and example of the contract that differs."""
    old, new = _told(before), _told(after)
    return [
        Change(f"contract: {name}", "", old.get(name), new.get(name), after.origin(name))
        for name in sorted({*old, *new})
        if old.get(name) != new.get(name)
    ]


@dataclass(frozen=True, slots=True)
class FileChange:
    """A file of the app that differs; None for a side on which it is not there, or is no text."""

    path: str
    before: str | None = None
    after: str | None = None


def choose(
    contract: Contract, checkers: Sequence[Checker], found: Iterable[Change], files: Iterable[FileChange]
) -> list[Choice]:
    """The guarantees that a change can touch; `files` are those of the app that changed."""
    changed = list(found)
    reasons: dict[str, dict[str, None]] = {}
    tiers: dict[str, set[str] | None] = {}
    for why, touched, where in _reasons(contract, checkers, changed, list(files)):
        for name in touched:
            reasons.setdefault(name, {})[why] = None
            known = tiers.setdefault(name, set())
            tiers[name] = None if where is None or known is None else known | where
    return [
        Choice(checker.name, tuple(sorted(tiers[checker.name] or ())), tuple(reasons[checker.name])[:MOST])
        for checker in checkers
        if checker.name in reasons
    ]


def focused(contract: Contract, found: Iterable[Change]) -> Contract:
    """A resolved contract by which tasks that a change names are sent where one stands for its tier.

    Where the change names the task that stands for it anyway, that one does.
    """
    named = {change.task for change in found}
    focus: list[str] = []
    for tier in contract.tiers:
        if usual_member(contract, tier) not in named:
            focus += [task for task in tier.members if task in named]
    return replace(contract, focus=tuple(focus))


def _reasons(
    contract: Contract, checkers: Sequence[Checker], changed: Sequence[Change], files: Sequence[FileChange]
) -> Iterator[tuple[str, list[str], set[str] | None]]:
    """Why, which guarantees, and in which tiers (None: in all)."""
    everything = [checker.name for checker in checkers if _promised(checker, contract)]
    for change in changed:
        named = [each.name for each in checkers if any(fnmatchcase(change.name, p) for p in each.depends)]
        named += [each.name for each in checkers if not each.depends and named]
        tier = contract.tier_of(change.task) if change.task else None
        where = {tier.name} if tier is not None else _tier_of_promise(change.name)
        yield change.text, [name for name in named if name in everything] or everything, where
    values = {(repr(change.before), repr(change.after)) for change in changed}
    for file in files:
        if file.path.endswith(CODE) and not _is_contract(file.path, contract) and not _shown(file, values):
            yield f"{file.path}: code changed, so anything can", everything, None


def _is_contract(path: str, contract: Contract) -> bool:
    """Whether a file is the contract, whose promises are compared one by one."""
    return path == contract.path or contract.path.endswith(f"/{path}") or path.endswith(f"/{contract.path}")


def _shown(file: FileChange, values: set[tuple[str, str]]) -> bool:
    """Whether all that differs in a file of Python are values, each of which changed alike in a setting."""
    literals = literals_changed(file.before, file.after)
    return literals is not None and all(pair in values for pair in literals)


def literals_changed(before: str | None, after: str | None) -> list[tuple[str, str]] | None:
    """The values that differ between two versions of a Python file; None where anything else differs.

    Comments and layout are no difference.
    """
    try:
        trees = [ast.parse(text) for text in (before, after) if text is not None]
    except (SyntaxError, ValueError):
        return None
    if len(trees) < 2:
        return None
    old, new = ([node for node in ast.walk(tree) if isinstance(node, ast.Constant)] for tree in trees)
    pairs = [(repr(a.value), repr(b.value)) for a, b in zip(old, new, strict=False)]
    for node in (*old, *new):
        node.value = 0
    if len(old) != len(new) or ast.dump(trees[0]) != ast.dump(trees[1]):
        return None
    return [(was, now) for was, now in pairs if was != now]


def _promised(checker: Checker, contract: Contract) -> bool:
    tiers = (WHOLE_APP,) if checker.scope == "app" else contract.tiers
    return any(checker.promise(tier) is not None for tier in tiers)


def _tier_of_promise(name: str) -> set[str] | None:
    words = name.split(".")
    return {words[1]} if words[0] == "contract: tiers" and len(words) > 1 else None


def _flat(settings: Settings) -> dict[tuple[str, str], tuple[Any, str]]:
    """Each value in force by task and name, with its origin."""
    found: dict[tuple[str, str], tuple[Any, str]] = {}
    for name, item in (settings.get("conf") or {}).items():
        found["", name] = _value(item)
    for task, options in (settings.get("tasks") or {}).items():
        for name, item in options.items():
            if name not in IGNORED:
                origin = str(options.get("queue_origin", "")) if name == "queue" else ""
                value, said = _value(item)
                found[task, name] = (
                    _without_places(value),
                    said or origin or f"{options.get('file')}:{options.get('line')}",
                )
    for name in (
        "default_queue",
        "queues",
        "unknown",
        "annotations_without_effect",
        "options_without_effect",
    ):
        if settings.get(name):
            found["", name] = (_without_places(settings[name]), "")
    return found


def _value(item: Any) -> tuple[Any, str]:
    if isinstance(item, Mapping) and "value" in item:
        return item["value"], str(item.get("origin", ""))
    return item, ""


def _without_places(value: Any) -> Any:
    """Without the lines on which something stands: they move with every edit above them."""
    if isinstance(value, Mapping):
        return {key: _without_places(item) for key, item in value.items() if key not in {*IGNORED, "at"}}
    if isinstance(value, str):
        return _PLACE.sub("", value)
    return [_without_places(item) for item in value] if isinstance(value, list) else value


def _relocated(value: Any, folder: str) -> Any:
    if isinstance(value, str):
        return _PORT.sub("127.0.0.1", value.replace(folder, "") if folder else value)
    if isinstance(value, Mapping):
        return {key: _relocated(item, folder) for key, item in value.items()}
    return [_relocated(item, folder) for item in value] if isinstance(value, list | tuple) else value


def _told(contract: Contract) -> dict[str, Any]:
    told: dict[str, Any] = {
        f"tiers.{tier.name}.{name}": value
        for tier in contract.tiers
        for name, value in promises_of(tier).items()
    }
    told |= {f"workers.{worker.name}": worker for worker in contract.workers}
    told |= {f"samples.{task}": sample for task, sample in contract.samples.items()}
    return (
        told
        | {"app.setup": contract.setup, "app.environment": dict(contract.environment)}
        | {f"app.servers.{broker}": dict(given) for broker, given in contract.servers.items()}
    )
