"""Drafts a contract from what Celery has in force, and tells where a contract no longer fits the app."""

from __future__ import annotations

import glob
import json
import math
import re
from collections.abc import Iterator, Mapping
from difflib import get_close_matches
from fnmatch import fnmatchcase
from pathlib import Path

from harness.checker import WHOLE_APP
from harness.contract import SCHEMA, Contract, WorkerLayout
from harness.draft_promises import Promise, promises
from harness.draft_workers import found
from harness.settings import (
    Settings,
    claims_without_effect,
    conf_setting,
    task_names,
    task_queue,
)

_TABLES = ("", "retry", "result", "limits")


def draft(snapshot: Settings, app_name: str, folder: Path | None = None) -> str:
    """The contract of an app as TOML: tasks with equal guarantees share a tier, each value tells its origin.

    `folder` is where a Procfile or compose file may say which workers production runs; the working
    directory unless given. Only what is in force is promised; what cannot be told without a run is a comment.
    """
    lines = [
        f"# Drafted from {app_name}: what Celery has in force, and the line that puts it there.",
        "# Celery promises nothing more: no dead letter, no alert, no deduplication, no effect at most once.",
        "# Write down what you rely on; celery-harness verify tells whether it is kept.",
        f"schema = {SCHEMA}",
    ]
    groups = _groups(snapshot)
    if not groups:
        lines += ["", "# The app has no task of its own."]
    for name, group in groups.items():
        lines += ["", *_tier(name, group)]
    lines += _workers(snapshot, folder or Path())
    claims = claims_without_effect(snapshot)
    if claims:
        lines += ["", "# Claims without effect:"]
        lines += [f"# - {_one_line(claim.text)}  ({_one_line(claim.origin)})" for claim in claims]
    return "\n".join(lines) + "\n"


def fit(contract: Contract, snapshot: Settings) -> list[str]:
    """What of a contract no longer fits the app, one ``file:line: sentence`` each; empty where it fits."""
    names = task_names(snapshot)
    return [
        *_uncovered(contract, names),
        *_unmatched(contract, names),
        *_misrouted(contract, snapshot, names),
        *_unconsumed(contract, snapshot, names),
    ]


Group = dict[str, list[Promise]]
"""The promises of each task of a tier; equal in meaning, of different origin."""


def _groups(snapshot: Settings) -> dict[str, Group]:
    alike: dict[tuple[tuple[str, str, str, str], ...], Group] = {}
    for task in task_names(snapshot):
        kept = list(promises(snapshot, task))
        alike.setdefault(tuple(promise.meaning for promise in kept), {})[task] = kept
    named: dict[str, Group] = {}
    for group in sorted(
        alike.values(), key=lambda group: (task_queue(snapshot, next(iter(group))) or "", next(iter(group)))
    ):
        queue = task_queue(snapshot, next(iter(group))) or "unrouted"
        plain = re.sub(r"[^A-Za-z0-9_-]+", "-", queue).strip("-") or "tier"
        name, number = plain, 2
        while name in named or name == WHOLE_APP.name:
            name, number = f"{plain}-{number}", number + 1
        named[name] = group
    return named


def _tier(name: str, group: Group) -> Iterator[str]:
    columns = list(zip(*group.values(), strict=True))
    yield f"[tiers.{name}]"
    globs = [_toml(glob.escape(task)) for task in group]
    one = f"tasks = [{', '.join(globs)}]"
    yield from [one] if len(one) <= 100 else ["tasks = [", *(f"    {task}," for task in globs), "]"]
    for table in _TABLES:
        rows = [column for column in columns if column[0].table == table]
        if table and any(column[0].value is not None for column in rows):
            yield ""
            yield f"[tiers.{name}.{table}]"
        yield from (_row(column) for column in rows)


def _row(column: tuple[Promise, ...]) -> str:
    promise = column[0]
    if promise.value is None:
        return f"# {_one_line(promise.note)}"
    origins = list(dict.fromkeys(item.origin for item in column if item.origin))
    others = f" and {len(origins) - 1} more" if len(origins) > 1 else ""
    said = f"  # {_one_line(origins[0])}{others}" if origins else ""
    return f"{promise.key} = {_toml(promise.value)}{said}"


def _workers(snapshot: Settings, folder: Path) -> Iterator[str]:
    queues = snapshot.get("queues") or {}
    declared = [name for name, queue in queues.items() if queue.get("declared", True)]
    given = conf_setting(snapshot, "worker_concurrency").value
    concurrency = given if isinstance(given, int) and given > 0 else 1
    layouts, file = found(folder, declared, concurrency)
    if layouts:
        yield from ("", f"# Workers as {file} starts them.")
    else:
        yield from ("", "# No Procfile or compose file starts a worker here: one that consumes every queue.")
        used = {queue for task in task_names(snapshot) if (queue := task_queue(snapshot, task))}
        layouts = (WorkerLayout("all", tuple(sorted(used | set(queues))), concurrency),)
    for place, worker in enumerate(layouts):
        yield from [""] if place else []
        yield f"[workers.{worker.name}]"
        yield f"queues = {_toml(list(worker.queues))}"
        yield f"concurrency = {worker.concurrency}"
        yield f"pool = {_toml(worker.pool)}"
        if worker.options:
            yield f"options = {_toml(list(worker.options))}"


def _uncovered(contract: Contract, names: tuple[str, ...]) -> Iterator[str]:
    for name in names:
        if contract.tier_of(name) is None:
            yield f"{contract.path}: the task {name} is in no tier: nothing is promised of it."


def _unmatched(contract: Contract, names: tuple[str, ...]) -> Iterator[str]:
    for tier in contract.tiers:
        where = contract.origin(f"tiers.{tier.name}.tasks")
        for pattern in tier.tasks:
            if not any(fnmatchcase(name, pattern) for name in names):
                hint = _hint(pattern, names)
                yield f"{where}: the tier {tier.name} selects {pattern!r}, which matches no task.{hint}"
        if (
            names
            and all(contract.tier_of(name) is not tier for name in names)
            and any(fnmatchcase(name, pattern) for name in names for pattern in tier.tasks)
        ):
            yield f"{where}: every task of the tier {tier.name} belongs to an earlier tier."
    for sample in contract.samples:
        if sample not in names:
            where = contract.origin(f"samples.{sample}")
            yield f"{where}: there is a sample for {sample}, and no such task.{_hint(sample, names)}"


def _misrouted(contract: Contract, snapshot: Settings, names: tuple[str, ...]) -> Iterator[str]:
    for name in names:
        tier = contract.tier_of(name)
        queue = task_queue(snapshot, name)
        if tier is not None and tier.queue is not None and queue != tier.queue:
            where = contract.origin(f"tiers.{tier.name}.queue")
            origin = ((snapshot.get("tasks") or {}).get(name) or {}).get("queue_origin")
            goes = f"it goes to {queue!r}" + (f" ({origin})" if origin else "")
            yield f"{where}: the tier {tier.name} promises the queue {tier.queue!r} for {name}; {goes}."


def _unconsumed(contract: Contract, snapshot: Settings, names: tuple[str, ...]) -> Iterator[str]:
    queues = snapshot.get("queues") or {}
    used = {queue: name for name in reversed(names) if (queue := task_queue(snapshot, name))}
    declared = {name for name, queue in queues.items() if queue.get("declared", True)}
    consumed: set[str] = set()
    for worker in contract.workers:
        consumed |= set(worker.queues) or declared
        for queue in worker.queues:
            if queue not in queues and queue not in used:
                where = contract.origin(f"workers.{worker.name}.queues")
                hint = _hint(queue, tuple(sorted({*queues, *used})))
                fact = f"the worker {worker.name} consumes {queue!r}, a queue that the app does not have"
                yield f"{where}: {fact}.{hint}"
    if not contract.workers:
        return
    promised = {tier.queue for tier in contract.tiers if tier.queue is not None}
    for tier in contract.tiers:
        if tier.queue is not None and tier.queue not in consumed:
            where = contract.origin(f"tiers.{tier.name}.queue")
            yield f"{where}: no worker consumes {tier.queue!r}, the queue of the tier {tier.name}."
    for queue, name in sorted(used.items()):
        if queue not in consumed and queue not in promised:
            yield f"{contract.path}: no worker consumes {queue!r}, the queue that {name} goes to."


def _hint(name: str, known: tuple[str, ...]) -> str:
    near = get_close_matches(name, known, n=1)
    return f" Did you mean {near[0]!r}?" if near else ""


def _toml(value: object) -> str:
    """A value on one line; JSON's strings are TOML's, but for the delete character."""
    if isinstance(value, Mapping):
        return "{ " + ", ".join(f"{key} = {_toml(item)}" for key, item in value.items()) + " }"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(_toml(item) for item in value) + "]"
    if isinstance(value, float) and (value.is_integer() or math.isinf(value)):
        return "inf" if math.isinf(value) else str(int(value))
    text = json.dumps(value, ensure_ascii=False)
    return text.replace("\x7f", "\\u007f")


def _one_line(text: str) -> str:
    return re.sub(r"[\x00-\x1f\x7f]+", " ", text)
