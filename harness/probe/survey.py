"""What could be changed about an app besides Celery's settings: variables that it reads, options of its own.

``celery-harness mutate`` asks for it; values go no further than its own process.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import Any

from harness.masking import is_secret

DEPTH_LIMIT, ITEM_LIMIT, FRAME_LIMIT = 4, 60, 14


class Reads:
    """Notes the environment variables that the project's own code reads while it is imported."""

    def __init__(self, folder: Path) -> None:
        self.folder = f"{folder.resolve()}{os.sep}"
        self.seen: dict[str, dict[str, Any]] = {}
        self._kind: Any = type(os.environ)
        self._original = self._kind.__getitem__

    def install(self) -> None:
        """From now on, until `remove`."""
        original, note = self._original, self._note

        def item(this: Any, key: Any) -> Any:
            note(key, None)
            return original(this, key)

        def get(this: Any, key: Any, default: Any = None) -> Any:
            note(key, default)
            try:
                return original(this, key)
            except KeyError:
                return default

        self._kind.__getitem__, self._kind.get = item, get

    def remove(self) -> None:
        """As it was."""
        self._kind.__getitem__ = self._original
        del self._kind.get

    def _note(self, key: Any, default: Any) -> None:
        at = self._reader()
        if not at or not isinstance(key, str):
            return
        try:
            given: str | None = self._original(os.environ, key)
        except KeyError:
            given = None
        known = default if isinstance(default, bool | int | float | str) else None
        self.seen.setdefault(key, {"given": given, "default": known, "at": at})

    def _reader(self) -> str:
        """The line of the project that asks, also through a package that reads for it."""
        frame: Any = sys._getframe(3)
        for _ in range(FRAME_LIMIT):
            if frame is None:
                return ""
            name = frame.f_code.co_filename
            if name.startswith(self.folder) and "site-packages" not in name:
                return f"{name.removeprefix(self.folder)}:{frame.f_lineno}"
            frame = frame.f_back
        return ""


def options(app: Any) -> dict[str, dict[str, Any]]:
    """Switches and numbers of the app's own that a task itself sets: Celery's `Task` does not have them."""
    from celery.app.task import Task

    found: dict[str, dict[str, Any]] = {}
    for name, task in sorted(app.tasks.items()):
        own: dict[str, Any] = {}
        for key, value in () if name.startswith("celery.") else vars(type(task)).items():
            if not key.startswith("_") and not hasattr(Task, key) and type(value) in (bool, int, float):
                own[key] = getattr(task, key)
        found[name] = {key: value for key, value in own.items() if key not in _AUTORETRY}
    return found


_AUTORETRY = frozenset({"retry_backoff", "retry_backoff_max", "retry_jitter"})
"""Read by Celery though `Task` has no such attribute (celery/app/autoretry.py)."""


def addresses() -> dict[str, list[str]]:
    """Django settings that are lists of mail addresses: who is told."""
    conf: Any = sys.modules.get("django.conf")
    if conf is None or not conf.settings.configured:
        return {}
    module = sys.modules.get(str(getattr(conf.settings, "SETTINGS_MODULE", "")))
    found = {}
    for name in sorted(vars(module)) if module else ():
        value = getattr(conf.settings, name, None) if name.isupper() else None
        if isinstance(value, list | tuple) and value and all(isinstance(v, str) and "@" in v for v in value):
            found[name] = list(value)
    return found


def constants(folder: Path) -> dict[str, Any]:
    """Plain values that the project's modules hold, by path: ``policy.TIERS[0].max_retries``."""
    found: dict[str, Any] = {}
    root = f"{folder.resolve()}{os.sep}"
    for name, module in sorted(sys.modules.items()):
        file = str(getattr(module, "__file__", None) or "")
        if file.startswith(root) and "site-packages" not in file:
            for key, value in sorted(vars(module).items()):
                if not key.startswith("__"):
                    found.update(_flat(f"{name}.{key}", value, 0))
    return found


def _flat(path: str, value: Any, depth: int) -> Iterator[tuple[str, Any]]:
    if is_secret(path):
        return
    if value is None or isinstance(value, bool | int | float | str):
        yield path, value if isinstance(value, bool | int | float) else str(value)
    elif depth >= DEPTH_LIMIT:
        return
    elif is_dataclass(value) and not isinstance(value, type):
        for field in fields(value):
            yield from _flat(f"{path}.{field.name}", getattr(value, field.name, None), depth + 1)
    elif isinstance(value, Mapping):
        for key, item in list(value.items())[:ITEM_LIMIT]:
            yield from _flat(f"{path}[{key!r}]", item, depth + 1)
    elif isinstance(value, Sequence) and not isinstance(value, bytes):
        for place, item in enumerate(value[:ITEM_LIMIT]):
            yield from _flat(f"{path}[{place}]", item, depth + 1)
