"""What a static rule sees: what Celery has in force, the contract, the worker commands and the source."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from harness.contract import Contract, Tier, WorkerLayout
from harness.settings import Setting, Settings, conf_setting, task_names, task_setting
from harness.sources import Function, Sources

DEFAULT = "Celery's default"
PLACE = re.compile(r"([^\s()'\"]+\.\w+:\d+|Procfile:\d+)")
BROKERS = {
    "redis": "redis", "rediss": "redis", "sentinel": "redis", "valkey": "redis", "valkeys": "redis",
    "amqp": "rabbitmq", "amqps": "rabbitmq", "pyamqp": "rabbitmq", "librabbitmq": "rabbitmq",
}  # fmt: skip
"""The kind of broker behind the scheme of a URL (kombu/transport/__init__.py)."""


@dataclass(frozen=True, slots=True)
class WorkerCommand:
    """One ``celery worker`` as a Procfile or compose file starts it: its words after ``worker``."""

    where: str
    words: tuple[str, ...]
    hostname: str = ""


@dataclass(frozen=True, slots=True)
class Suppression:
    """A finding that somebody keeps: by a comment on its line, or by an entry in ``pyproject.toml``.

    `rule` is an id; `subject` a glob over subjects, or empty for any; `used` tells whether it silenced one.
    """

    rule: str
    where: str
    reason: str
    subject: str = ""
    on_line: bool = False
    used: bool = False


@dataclass(frozen=True)
class Configuration:
    """Everything that a rule may ask; nothing here is run, and everything may be missing.

    `settings` is the snapshot (`harness.settings`). `commands` are the worker commands of the folder's
    Procfile or compose file, None where no file names any. `sources` are the modules that the app loads;
    `callers` these and the other files of the project that send tasks, its views for instance. `strays` are
    files of the project that declare tasks and that the app does not load, each with the line of the first.
    `folder` is the app's working directory: places are told from there.
    """

    settings: Settings
    contract: Contract | None = None
    commands: tuple[WorkerCommand, ...] | None = None
    sources: Sources = field(default_factory=Sources)
    suppressions: tuple[Suppression, ...] = ()
    callers: Sources = field(default_factory=Sources)
    strays: Mapping[str, int] = field(default_factory=dict)
    folder: str = ""

    def conf(self, name: str) -> Setting:
        """A setting in force, with its origin."""
        return conf_setting(self.settings, name)

    def value(self, name: str) -> Any:
        """The value of a setting in force; None where the installed Celery does not have it."""
        return self.conf(name).value

    def given(self, name: str) -> bool:
        """Whether somebody gave the setting, whatever its value."""
        origin = self.conf(name).origin
        return bool(origin) and origin != DEFAULT

    def option(self, task: str, name: str) -> Setting:
        """An option in force for a task, with its origin."""
        return task_setting(self.settings, task, name)

    def task(self, name: str) -> Mapping[str, Any]:
        """Everything that the snapshot has of a task."""
        found: Mapping[str, Any] = self.settings["tasks"][name]
        return found

    @cached_property
    def tasks(self) -> tuple[str, ...]:
        """The tasks that the project itself defines: those of installed packages are not its to mend."""
        return tuple(
            name
            for name in task_names(self.settings)
            if self.task(name).get("file", "") in self.sources.paths or not self.sources.paths
        )

    def place(self, task: str) -> str:
        """``file:line`` of a task, its decorator included."""
        described = self.task(task)
        return f"{described.get('file')}:{described.get('line')}"

    def function(self, task: str) -> Function | None:
        """The syntax tree of a task's own function."""
        described = self.task(task)
        return self.sources.function(str(described.get("file")), int(described.get("line") or 0))

    def functions(self) -> Iterator[tuple[str, Function]]:
        """Each task with the syntax tree of its own function, where it was found."""
        for task in self.tasks:
            function = self.function(task)
            if function is not None:
                yield task, function

    @property
    def queues(self) -> Mapping[str, Mapping[str, Any]]:
        """The queues declared, and those made for a route."""
        found: Mapping[str, Mapping[str, Any]] = self.settings.get("queues") or {}
        return found

    @property
    def declared(self) -> tuple[str, ...]:
        """The queues of ``task_queues``; empty where the setting is not given."""
        if not self.value("task_queues"):
            return ()
        return tuple(name for name, queue in self.queues.items() if queue.get("declared", True))

    @property
    def workers(self) -> tuple[WorkerLayout, ...] | None:
        """The workers of the contract; None where it names none."""
        return (self.contract.workers or None) if self.contract else None

    def consumed(self, worker: WorkerLayout) -> tuple[str, ...]:
        """The queues of a worker: ``-Q``, else all that are declared (celery/app/amqp.py)."""
        return worker.queues or self.declared or (str(self.settings.get("default_queue")),)

    def tier(self, task: str) -> Tier | None:
        """The tier that a task belongs to, where there is a contract."""
        return self.contract.tier_of(task) if self.contract else None

    @cached_property
    def brokers(self) -> frozenset[str]:
        """``redis``, ``rabbitmq``, or another scheme: the kinds of broker that ``broker_url`` names."""
        url = self.value("broker_url")
        urls = url if isinstance(url, list) else str(url or "amqp://").split(";")
        schemes = {str(each).partition("://")[0].partition("+")[0].lower() for each in urls}
        return frozenset(BROKERS.get(scheme, scheme) for scheme in schemes)

    @property
    def transport(self) -> Mapping[str, Any]:
        """``broker_transport_options``."""
        options = self.value("broker_transport_options")
        return options if isinstance(options, Mapping) else {}

    @property
    def visibility_timeout_s(self) -> float:
        """After how long Redis hands out again what was not acknowledged (kombu/transport/redis.py)."""
        given = self.transport.get("visibility_timeout")
        return float(given) if isinstance(given, int | float) and not isinstance(given, bool) else 3600.0

    @property
    def celery(self) -> tuple[int, int]:
        """Major and minor version of the installed Celery."""
        return version((self.settings.get("versions") or {}).get("celery", ""))

    @cached_property
    def anchor(self) -> str:
        """``file:line`` of the app itself: what a setting that nobody gave is missing from."""
        calls = [(file, call) for file, call in self.sources.calls("Celery") if _makes_app(call)]
        main = (self.settings.get("app") or {}).get("file")
        calls.sort(key=lambda found: (found[0] != main, found[0], found[1].lineno))
        return f"{calls[0][0]}:{calls[0][1].lineno}" if calls else ""

    def where(self, origin: str) -> str:
        """The ``file:line`` in an origin; the app's own for Celery's default; else the origin itself."""
        found = PLACE.search(origin)
        if found:
            return self._from_folder(found[1])
        return self.anchor or origin if not origin or DEFAULT in origin else origin

    def _from_folder(self, place: str) -> str:
        """A place in the contract, told from the folder as all others are."""
        path = self.contract.path if self.contract else ""
        if not path or not place.startswith(f"{path}:"):
            return place
        file = Path(path).resolve()
        inside = self.folder and file.is_relative_to(self.folder)
        return f"{file.relative_to(self.folder)}:{place.rpartition(':')[2]}" if inside else place

    def queue_place(self, name: str) -> str:
        """``file:line`` of the ``Queue(...)`` of that name; else what put ``task_queues`` there."""
        for file, call in self.sources.calls("Queue"):
            if call.args and isinstance(call.args[0], ast.Constant) and call.args[0].value == name:
                return f"{file}:{call.lineno}"
        return self.conf("task_queues").origin


def version(text: str) -> tuple[int, int]:
    """``(5, 7)`` of ``5.7.0``; ``(0, 0)`` where it says nothing of the kind."""
    found = re.match(r"(\d+)\.(\d+)", text)
    return (int(found[1]), int(found[2])) if found else (0, 0)


def _makes_app(call: ast.Call) -> bool:
    return isinstance(call.func, ast.Name | ast.Attribute)
