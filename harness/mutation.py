"""The idea of a mutation: one way to change what carries a guarantee, so that the gate must notice."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from harness.contract import Contract, WorkerLayout
from harness.settings import Settings, conf_setting, task_names, task_setting

TAKEN_OVER = {
    "task_acks_late": "acks_late", "task_reject_on_worker_lost": "reject_on_worker_lost",
    "task_serializer": "serializer", "task_ignore_result": "ignore_result",
    "task_default_rate_limit": "rate_limit", "task_default_priority": "priority",
}  # fmt: skip
"""Options that a task takes over from a setting when it is bound (celery/app/task.py, `from_config`)."""


@dataclass(frozen=True, slots=True)
class Mutant:
    """One change, and how it is made in the memory of a copy of the app; nothing of the app's code changes.

    `edits` are orders for `harness.probe.edits`; `environment` are variables for the import; `workers` take
    the place of the contract's. `task` is empty for what concerns the whole app.
    """

    operator: str
    name: str
    before: Any
    after: Any
    task: str = ""
    edits: tuple[Mapping[str, Any], ...] = ()
    environment: Mapping[str, str] = field(default_factory=dict)
    workers: tuple[WorkerLayout, ...] | None = None

    @property
    def id(self) -> str:
        """``acknowledgement/acks_late/proj.tasks.pay/False``: what ``--only`` takes, as a glob."""
        return "/".join([self.operator, self.name, *([self.task] if self.task else []), str(self.after)])

    @property
    def text(self) -> str:
        """``acks_late of proj.tasks.pay: True, now False``."""
        of = f" of {self.task}" if self.task else ""
        return f"{self.name}{of}: {_shown(self.before)}, now {_shown(self.after)}"


@dataclass(frozen=True, slots=True)
class Target:
    """What operators see of an app: what is in force, what is promised, and what else could be changed.

    `reads` are environment variables by name: ``given``, ``default``, ``at``, and in ``shows`` pairs of the
    value that the app makes of it and the path where that lies (`harness.probe.survey`). `options` are the
    app's own options of tasks, `addresses` Django settings that name people.
    """

    snapshot: Settings
    contract: Contract
    broker: str = "redis"
    reads: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    options: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    addresses: Mapping[str, Sequence[str]] = field(default_factory=dict)

    @property
    def tasks(self) -> tuple[str, ...]:
        """The app's own tasks that a tier of the contract has."""
        return tuple(task for task in task_names(self.snapshot) if self.contract.tier_of(task) is not None)

    def conf(self, name: str) -> Any:
        """A setting in force."""
        return conf_setting(self.snapshot, name).value

    def option(self, task: str, name: str) -> Any:
        """An option of a task in force; None where this Celery has none of that name."""
        return task_setting(self.snapshot, task, name).value

    def decides_itself(self, task: str, method: str) -> bool:
        """Whether the app has replaced a method of `Task`: Celery's options say little then."""
        return method in (self.snapshot["tasks"][task].get("overrides") or {})

    def retries(self, task: str) -> bool:
        """Whether anything retries the task."""
        described = self.snapshot["tasks"][task]
        return bool(described.get("covers") or described.get("calls_retry"))


class Mutation(ABC):
    """One kind of change, found by walking the folder. The file name is its public name.

    `mutants` gives every change that can be made to an app, none where there is nothing to change; it is
    pure. A change that would make a guarantee stronger is no mutant.
    """

    @property
    def name(self) -> str:
        """The public name: the name of the file that defines the operator."""
        return type(self).__module__.rpartition(".")[2]

    @abstractmethod
    def mutants(self, target: Target) -> Iterator[Mutant]:
        """Every change of this kind, in a stable order."""

    def of_conf(self, target: Target, name: str, after: Any) -> Mutant:
        """A setting with another value, also in the tasks that took it over; None removes a dotted one."""
        table, _, inner = name.partition(".")
        before = target.conf(table)
        origin = conf_setting(target.snapshot, table).origin
        attribute = TAKEN_OVER.get(name, "")
        own = {origin, "Celery's default"}
        heirs = [t for t in target.tasks if task_setting(target.snapshot, t, attribute).origin in own]
        edit = {"do": "conf", "name": name, "value": after, "tasks": {attribute: heirs} if attribute else {}}
        return Mutant(self.name, name, (before or {}).get(inner) if inner else before, after, edits=(edit,))

    def of_task(self, target: Target, task: str, name: str, after: Any) -> Mutant:
        """An option of one task with another value."""
        table, _, inner = name.partition(".")
        before = target.option(task, table)
        edit = {"do": "task", "task": task, "name": name, "value": after}
        before = (before or {}).get(inner) if inner else before
        return Mutant(self.name, name, before, after, task=task, edits=(edit,))


def is_number(value: Any) -> bool:
    """Whether a value is a number, and not a switch."""
    return isinstance(value, int | float) and not isinstance(value, bool)


def scaled(value: float) -> tuple[float, float]:
    """A tenth and the tenfold; one for nothing."""
    if not value:
        return (1, 1)
    return (value // 10, value * 10) if isinstance(value, int) else (value / 10, value * 10)


def _shown(value: Any) -> str:
    text = (
        "nothing"
        if value is None
        else ", ".join(map(str, value))
        if isinstance(value, list | tuple)
        else str(value)
    )
    return text if len(text) <= 80 else f"{text[:77]}..."
