"""Annotations and decorator options: which reach a task, and which Celery never reads."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from difflib import get_close_matches
from typing import Any

from celery.app.task import Task

from harness.probe.inspect_plain import plain
from harness.probe.inspect_project import Project
from harness.probe.inspect_task import Inspected, autoretry_in_force

OPTIONS_OF_A_TASK = frozenset(dir(Task)) | {
    "autoretry_for", "dont_autoretry_for", "retry_kwargs", "retry_backoff", "retry_backoff_max",
    "retry_jitter", "override_max_retries", "queue", "exchange", "exchange_type", "routing_key",
    "delivery_mode", "compression", "immediate", "mandatory", "base", "bind", "shared", "lazy", "filter",
    "run", "pydantic", "pydantic_strict", "pydantic_context",
    "pydantic_dump_kwargs", "connection", "add_to_parent", "run_every", "options",
}  # fmt: skip
"""What Celery reads of a task, or its decorators take as an argument (celery/app/base.py, autoretry.py)."""


class Annotations:
    """The annotations of an app, as Celery applies them: the exact name first, ``'*'`` over it."""

    def __init__(self, configured: Any) -> None:
        listed = configured if isinstance(configured, list | tuple) else [configured]
        self.maps = [item for item in listed if isinstance(item, Mapping)]

    def of(self, name: str) -> dict[str, tuple[str, Any]]:
        """Attribute by attribute, the key and the value that reach a task (celery/app/annotations.py)."""
        reached: dict[str, tuple[str, Any]] = {}
        for key in (name, "*"):
            attributes = next((item[key] for item in self.maps if key in item), None)
            if isinstance(attributes, Mapping):
                reached |= {str(attribute): (key, value) for attribute, value in attributes.items()}
        return reached

    def entries(self) -> Iterator[tuple[str, Mapping[str, Any]]]:
        """Every key with its attributes."""
        for item in self.maps:
            for key, attributes in item.items():
                yield str(key), attributes if isinstance(attributes, Mapping) else {}

    def without_effect(self, tasks: Mapping[str, Inspected], project: Project) -> list[dict[str, Any]]:
        """What was written and reaches no task, or is nothing that a task has."""
        found = []
        for key, attributes in self.entries():
            where = project.dict_key(key) or "task_annotations"
            why = _no_task(key, tasks)
            if why:
                close = get_close_matches(key, tasks, n=1) if "*" not in key else []
                found.append(_entry(key, None, why, where, close[0] if close else ""))
            targets = list(tasks.values()) if why or key == "*" else [tasks[key]]
            for attribute, value in attributes.items():
                why_not = self._attribute(key, str(attribute), value, targets, project, matched=not why)
                if why_not:
                    found.append(_entry(key, str(attribute), why_not, where, _near_option(str(attribute))))
        return found

    def _attribute(
        self, key: str, name: str, value: Any, tasks: Sequence[Inspected], project: Project, *, matched: bool
    ) -> str:
        if not is_read(name, [seen.task for seen in tasks], project):
            return "Celery reads no such attribute of a task"
        if not matched or name.startswith("@"):
            return ""
        if key != "*":
            overriding = self.of(key).get(name, (key, value))
            if overriding[0] == "*" and overriding[1] != value:
                return f"'*' is applied after it and sets {plain(overriding[1], name)!r}"
        if key != "*" and name in tasks[0].decorated:
            in_force = autoretry_in_force(tasks[0].task)
            if name in in_force and in_force[name] != value:
                return f"the decorator sets {plain(in_force[name], name)!r}, and Celery takes that"
        mine = [seen for seen in tasks if self.of(seen.task.name).get(name, ("",))[0] == key]
        lost = [seen for seen in mine if _lost(seen, name, value)]
        if lost and len(lost) == len(tasks):
            return f"the task has {plain(getattr(lost[0].task, name, None), name)!r}: it was bound before"
        return ""


def options_without_effect(tasks: Mapping[str, Inspected], project: Project) -> list[dict[str, Any]]:
    """Keywords of task decorators that Celery stores and never reads."""
    return [
        {"task": name, "name": option, "origin": where, "near": _near_option(option)}
        for name, seen in tasks.items()
        for option, where in seen.decorated.items()
        if not is_read(option, [seen.task], project, decorated=True) and hasattr(seen.task, option)
    ]


def is_read(name: str, tasks: Sequence[Any], project: Project, *, decorated: bool = False) -> bool:
    """Whether Celery, the task's own class, or a line of the project reads an attribute of a task."""
    if name.removeprefix("@") in OPTIONS_OF_A_TASK or project.reads_attribute(name):
        return True
    for task in tasks:
        kinds = [
            kind for kind in type(task).__mro__[1 if decorated else 0 :] if kind.__module__ != Task.__module__
        ]
        foreign = [kind for kind in kinds if not kind.__module__.startswith("celery.") and kind is not object]
        if any(kind.__module__ not in project.modules and kind is not type(task) for kind in foreign):
            return True  # a base class of an installed package may read anything
        if any(name in vars(kind) for kind in foreign if kind is not type(task)):
            return True
    return False


def _no_task(key: str, tasks: Mapping[str, Inspected]) -> str:
    if key == "*" or key in tasks or key.startswith("celery."):
        return ""
    if any(sign in key for sign in "*?["):
        return "annotations take exact task names or '*' alone; Celery matches no patterns here"
    return "the app has no task of this name"


def _lost(seen: Inspected, name: str, value: Any) -> bool:
    try:
        return bool(getattr(seen.task, name, None) != value)
    except Exception:
        return False


def _near_option(name: str) -> str:
    if name == "retry_policy":
        return "max_retries, retry_backoff, retry_backoff_max"
    public = [option for option in OPTIONS_OF_A_TASK if not option.startswith("_")]
    close = get_close_matches(name, sorted(public), n=1)
    return close[0] if close and close[0] != name else ""


def _entry(key: str, attribute: str | None, why: str, origin: str, near: str) -> dict[str, Any]:
    return {"key": key, "attribute": attribute, "why": why, "origin": origin, "near": near}
