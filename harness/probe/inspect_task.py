"""What one task has in force, option by option, and which line put it there."""

from __future__ import annotations

import ast
import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from harness.probe.inspect_plain import plain, shown
from harness.probe.inspect_project import Project
from harness.probe.inspect_retry import covered, failure_classes, function_of, retry_calls
from harness.probe.inspect_source import Function, Module, last_name

OPTIONS = (
    "max_retries", "default_retry_delay", "autoretry_for", "dont_autoretry_for", "retry_kwargs",
    "retry_backoff", "retry_backoff_max", "retry_jitter", "acks_late", "acks_on_failure_or_timeout",
    "acks_on_failure", "acks_on_timeout", "reject_on_worker_lost", "retry_on_worker_lost", "time_limit",
    "soft_time_limit", "rate_limit", "ignore_result", "store_errors_even_if_ignored", "serializer",
    "compression", "track_started", "send_events", "expires", "throws",
)  # fmt: skip
"""What is reported of each task; options that a Celery version does not have are left out."""

DEFAULTS: dict[str, object] = {
    "autoretry_for": (),
    "dont_autoretry_for": (),
    "retry_kwargs": {},
    "retry_backoff": False,
    "retry_backoff_max": 600,
    "retry_jitter": True,
    "compression": None,
}
"""Options that Celery reads with a default of its own, not from `Task` (celery/app/autoretry.py)."""

AUTORETRY = frozenset(DEFAULTS) - {"compression"}

METHODS = (
    "retry",
    "apply_async",
    "__call__",
    "before_start",
    "on_success",
    "on_retry",
    "on_failure",
    "after_return",
)
"""What an app may replace of `celery.app.task.Task`, reported with the line that does."""

FROM_CELERY = "Celery's default"

OF_THE_WORKER = {"time_limit": "task_time_limit", "soft_time_limit": "task_soft_time_limit"}
"""Settings that a worker applies to tasks without their own (celery/apps/worker.py, before 5.7)."""

Finder = Callable[[str], str]


@dataclass(frozen=True, slots=True)
class Inspected:
    """A task with what its source says: the module, the function and the keywords of its decorator.

    `explicit` where the decorator was found and hides no keyword behind ``**``.
    """

    task: Any
    module: Module | None
    function: Function | None
    code: Any
    decorated: Mapping[str, str]
    explicit: bool = False


def look(task: Any, project: Project) -> Inspected:
    """Find the function of a task, below what Celery and the app have wrapped around it."""
    code = getattr(function_of(task), "__code__", None)
    found = project.function(code)
    if found is None:
        return Inspected(task, None, None, code, {})
    module, function = found
    decorated: dict[str, str] = {}
    hidden = False
    for call in function.decorator_list:
        if isinstance(call, ast.Call) and "task" in last_name(call.func).lower():
            decorated |= {keyword.arg: module.at(keyword) for keyword in call.keywords if keyword.arg}
            hidden = hidden or any(keyword.arg is None for keyword in call.keywords)
    return Inspected(task, module, function, code, decorated, explicit=not hidden)


def described(
    seen: Inspected, annotated: Mapping[str, str], project: Project, conf: Finder
) -> dict[str, Any]:
    """The options in force, and the task's place in the source.

    `annotated` maps attributes to the annotation key that set them; `conf` tells the origin of a setting.
    """
    task = seen.task
    closed = autoretry_in_force(task)
    options: dict[str, Any] = {}
    for name in OPTIONS:
        if not hasattr(task, name) and name not in DEFAULTS:
            continue
        value = closed.get(name, _attribute(task, name))
        options[name] = {
            "value": plain(value, name),
            "origin": origin(seen, name, annotated, project, conf, closed=name in closed),
        }
        if value is None and name in OF_THE_WORKER:
            setting = OF_THE_WORKER[name]
            options[name] = {"value": plain(task.app.conf.get(setting), name), "origin": conf(setting)}
    file = project.display(seen.code.co_filename) if seen.code is not None else ""
    classes = failure_classes()
    calls = retry_calls(function_of(task), seen.module, seen.function, classes)
    return {
        **options,
        "overrides": overrides(task, project),
        "covers": covered(closed.get("autoretry_for", ()), closed.get("dont_autoretry_for", ()), classes),
        "calls_retry": bool(calls),
        "retry_calls": calls,
        "bound": not isinstance(inspect.getattr_static(type(task), "run", None), staticmethod),
        "module": str(getattr(task, "__module__", "")),
        "file": file,
        "line": getattr(seen.code, "co_firstlineno", 0),
    }


def origin(
    seen: Inspected, name: str, annotated: Mapping[str, str], project: Project, conf: Finder, *, closed: bool
) -> str:
    """Where the value in force of an option comes from: the strongest source that names it."""
    task = seen.task
    if closed and name in seen.decorated:  # celery/app/autoretry.py: the decorator before annotations
        return f"decorator of {task.name} in {seen.decorated[name]}"
    if name in annotated:
        key = annotated[name]
        where = project.dict_key(key)
        return f"annotation {key!r}" + (f" in {where}" if where else "")
    if name in seen.decorated:
        return f"decorator of {task.name} in {seen.decorated[name]}"
    settings = dict(getattr(task, "from_config", ()))
    for kind in type(task).__mro__:
        if kind.__module__.startswith("celery.") or name not in vars(kind):
            continue
        made_here = kind is type(task) and getattr(kind, "_decorated", False)
        if (
            name in settings
            and made_here
            and (name in _DERIVED or _equals_setting(task, name, settings[name]))
        ):
            continue  # not the decorator: Celery itself, when it bound the task
        if made_here:
            return _made(seen, project)
        where = project.class_attribute(kind, name)
        if where or name not in settings:
            return f"class {kind.__qualname__}" + (f" in {where}" if where else f" of {kind.__module__}")
    return conf(settings[name]) if name in settings else FROM_CELERY


_DERIVED = ("acks_on_failure", "acks_on_timeout")
"""Options that Celery fills from another one when it binds a task (celery/app/task.py, `bind`)."""

_MAKERS = ("__init_subclass__", "on_bound", "bind", "__init__", "annotate")


def _made(seen: Inspected, project: Project) -> str:
    """Who set an attribute on a decorated task's own class: the decorator, or a base class's code."""
    place = f" in {seen.module.file}:{seen.code.co_firstlineno}" if seen.module else ""
    if not seen.explicit:
        return f"decorator of {seen.task.name}{place}"
    for maker in _MAKERS:
        kind = _overriding(seen.task, maker)
        if kind is not None:
            where = project.class_attribute(kind, maker)
            return f"{kind.__qualname__}.{maker}" + (f" in {where}" if where else f" of {kind.__module__}")
    return f"set on {seen.task.name} at run time"


def overrides(task: Any, project: Project) -> dict[str, str]:
    """The methods of Celery's `Task` that the app replaces, each with the class and line that does."""
    found = {}
    for method in METHODS:
        kind = _overriding(task, method)
        if kind is not None:
            where = project.class_attribute(kind, method) or kind.__module__
            found[method] = f"{kind.__qualname__}.{method} in {where}"
    return found


def _overriding(task: Any, method: str) -> type | None:
    for kind in type(task).__mro__:
        if kind.__module__.startswith("celery.") or kind is object:
            return None
        if method in vars(kind):
            return kind
    return None


def autoretry_in_force(task: Any) -> dict[str, Any]:
    """What Celery's autoretry wrapper has in force; empty where the task is not wrapped."""
    if not hasattr(task, "_orig_run"):
        return {}
    run = getattr(task.run, "__func__", task.run)
    while run is not None:
        try:
            cells = dict(zip(run.__code__.co_freevars, run.__closure__ or (), strict=False))
            found = {name: cells[name].cell_contents for name in AUTORETRY if name in cells}
        except (AttributeError, ValueError):
            return {}
        if "autoretry_for" in found:
            return found
        run = getattr(run, "__wrapped__", None)
    return {}


def _attribute(task: Any, name: str) -> Any:
    try:
        return getattr(task, name, DEFAULTS.get(name))
    except Exception as error:
        return f"unreadable: {shown(error)}"


def _equals_setting(task: Any, name: str, setting: str) -> bool:
    """Celery fills what is None from the settings when it binds a task (celery/app/task.py, `bind`)."""
    try:
        return bool(getattr(task, name) == task.app.conf[setting])
    except Exception:
        return False
