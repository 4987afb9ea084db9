"""Changes an app that has been loaded, before it works: one setting, option, route, queue, receiver or lock.

Nothing of the app's code or repository changes: this happens in the memory of a copy of its process
(`harness.mutate`).
"""

from __future__ import annotations

import builtins
import functools
from collections.abc import Iterable, Mapping
from contextlib import suppress
from typing import Any


def apply(app: Any, edits: Iterable[Mapping[str, Any]]) -> None:
    """Make all edits; each has ``do``, the name of a function of this module, and its arguments."""
    for edit in edits:
        rest = {name: value for name, value in edit.items() if name != "do"}
        _DO[edit["do"]](app, **rest)
    forget(app)


def conf(app: Any, name: str, value: Any, tasks: Mapping[str, Iterable[str]] | None = None) -> None:
    """A setting; a dotted name reaches into a dictionary. `tasks` have taken it over when they were bound.

    `tasks` are lists of task names by attribute (celery/app/task.py, `from_config`).
    """
    name, _, inner = name.partition(".")
    if inner:
        table = dict(app.conf.get(name) or {})
        if value is None:
            table.pop(inner, None)
        else:
            table[inner] = value
        value = table
    app.conf[name] = value
    for attribute, names in (tasks or {}).items():
        for each in names:
            task(app, each, attribute, value)


def task(app: Any, task: str, name: str, value: Any) -> None:
    """An option of one task, Celery's or the app's own; a dotted name reaches into a dictionary."""
    registered = app.tasks[task]
    name, _, inner = name.partition(".")
    if inner:
        value = {**(getattr(registered, name, None) or {}), inner: value}
    if name in ("autoretry_for", "dont_autoretry_for", "throws"):
        value = tuple(_class(each) for each in value)
    setattr(type(registered), name, value)
    registered.__dict__.pop(name, None)
    setattr(type(registered), "_exec_options", None)  # noqa: B010 - what is published, remembered (celery/app/task.py)
    registered.__dict__.pop("_exec_options", None)
    if name.startswith("retry_") or "autoretry" in name:
        _wrap_again(registered)


def _wrap_again(registered: Any) -> None:
    """Celery closes over these options when a task is made (celery/app/autoretry.py)."""
    from celery.app.autoretry import add_autoretry_behaviour

    original = getattr(registered, "_orig_run", None)
    if original is not None:
        registered.run = original
        del registered._orig_run
    add_autoretry_behaviour(registered)


def _class(name: str) -> Any:
    """An exception class by the name that the snapshot gives it (``smtplib.SMTPException``, ``OSError``)."""
    from celery.utils.imports import symbol_by_name

    return symbol_by_name(name) if "." in name else getattr(builtins, name)


def route(app: Any, task: str, queue: str) -> None:
    """A task goes to another queue, whatever other routes say."""
    given = app.conf.task_routes
    others = list(given) if isinstance(given, list | tuple) else [given] if given else []
    app.conf.task_routes = [{task: {"queue": queue}}, *others]
    registered = app.tasks[task]
    if getattr(registered, "queue", None) is not None:
        setattr(type(registered), "queue", queue)  # noqa: B010 - mypy knows no such attribute


def queue(app: Any, name: str, argument: str = "", value: Any = None) -> None:
    """A queue of ``task_queues`` is not declared; or one of its arguments has another value, or is gone."""
    kept = []
    for each in app.conf.task_queues or ():
        if each.name != name:
            kept.append(each)
        elif argument:
            arguments = {key: item for key, item in (each.queue_arguments or {}).items() if key != argument}
            each.queue_arguments = {**arguments, argument: value} if value is not None else arguments
            kept.append(each)
    app.conf.task_queues = tuple(kept)


def receiver(app: Any, signal: str, name: str) -> None:
    """A signal's receiver is not connected."""
    from celery import signals

    found = getattr(signals, signal)
    found.receivers = [each for each in found.receivers or () if _named(each[1]) != name]
    with suppress(AttributeError):
        found.sender_receivers_cache.clear()


def _named(receiver: Any) -> str:
    import weakref

    alive = receiver() if isinstance(receiver, weakref.ReferenceType) else receiver
    return str(getattr(alive, "__qualname__", ""))


def django(app: Any, name: str, value: Any) -> None:
    """A setting of Django, for code that reads it when it needs it."""
    from django.conf import settings

    setattr(settings, name, value)


def lock(app: Any, how: str) -> None:
    """Locks by ``SET ... NX``: ``granted`` to everybody, ``short``-lived, or ``kept`` when given back."""
    from redis import client

    kind: Any = client.Redis
    original = kind.execute_command
    taken: set[str] = set()

    @functools.wraps(original)
    def execute_command(this: Any, *words: Any, **options: Any) -> Any:
        upper = [str(word).upper() for word in words[:1]] + [str(word) for word in words[1:4]]
        if upper[0] == "SET" and "NX" in [str(word).upper() for word in words[3:]]:
            taken.add(upper[1])
            if how == "granted":
                words = tuple(word for word in words if str(word).upper() != "NX")
            if how == "short":
                words = _short(words)
        key = upper[3] if upper[0] in ("EVAL", "EVALSHA") and len(upper) > 3 else (upper[1:] or [""])[0]
        if how == "kept" and upper[0] in ("DEL", "UNLINK", "EVAL", "EVALSHA") and key in taken:
            return 1
        return original(this, *words, **options)

    kind.execute_command = execute_command


def _short(words: tuple[Any, ...]) -> tuple[Any, ...]:
    """The same command, with a life of a thousandth."""
    upper = [str(word).upper() for word in words]
    for unit in ("PX", "EX"):
        if unit in upper[3:]:
            place = upper.index(unit, 3) + 1
            return (*words[:place], max(1, int(words[place]) // 1000), *words[place + 1 :])
    return (*words, "PX", 1)


def forget(app: Any) -> None:
    """What Celery has made of the settings before is made anew (celery/app/base.py)."""
    app.__dict__.pop("amqp", None)
    app._pool = None
    app._backend_cache = None
    with suppress(AttributeError):
        del app._local.backend


_DO: dict[str, Any] = {
    each.__name__: each for each in (conf, task, route, queue, receiver, django, lock)
}  # fmt: skip
