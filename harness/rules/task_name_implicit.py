"""A task whose name is where its file lies."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from harness.configuration import Configuration
from harness.finding import Finding, Severity
from harness.rule import Rule
from harness.rules._words import several
from harness.sources import Function, keyword


class TaskNameImplicit(Rule):
    """A task has no name of its own: its name is its module's and its function's."""

    id = "TSK002"
    severity = Severity.LOW
    why = "Moving the file renames the task; messages and schedules with the old name are thrown away."
    mend = "Give it name=... before the file is moved."
    source = "celery/app/base.py: gen_task_name; docs: Tasks, names"
    proof = "scenarios/rules/test_publishing.py::test_a_name_that_no_worker_has_is_thrown_away"

    def check(self, app: Configuration) -> Iterator[Finding]:
        tasks = [task for task, function in app.functions() if self._implicit(app, task, function)]
        if tasks:
            what = f"{several(tasks)}: named after the module"
            yield self.found(app, "name", what, app.place(tasks[0]))

    def _implicit(self, app: Configuration, task: str, function: Function) -> bool:
        named = any(
            isinstance(node, ast.Call) and keyword(node, "name") is not None
            for node in function.decorator_list
        )
        return not named and task == f"{app.task(task).get('module')}.{function.name}"
