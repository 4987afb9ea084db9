"""Children that are never replaced."""

from __future__ import annotations

from collections.abc import Iterator

from harness.configuration import Configuration
from harness.finding import Finding, Severity
from harness.rule import Rule


class ChildNeverReplaced(Rule):
    """Children are never replaced: no worker_max_tasks_per_child, no worker_max_memory_per_child."""

    id = "OPS003"
    severity = Severity.LOW
    why = "What a task leaks stays until the worker is restarted, or the kernel kills it with its task."
    mend = "Set worker_max_tasks_per_child, or worker_max_memory_per_child in KiB."
    source = "celery/app/defaults.py; docs: Workers, max tasks per child"
    proof = "scenarios/rules/test_operations.py::test_a_child_is_replaced_after_so_many_tasks"

    def check(self, app: Configuration) -> Iterator[Finding]:
        names = ("worker_max_tasks_per_child", "worker_max_memory_per_child")
        words = [word for command in app.commands or () for word in command.words]
        workers = [option for worker in app.workers or () for option in worker.options]
        if any(app.value(name) for name in names) or any("-per-child" in word for word in words + workers):
            return
        if app.value("worker_pool") in (None, "prefork"):
            yield self.found(app, names[0], "a child runs any number of tasks", app.conf(names[0]).origin)
