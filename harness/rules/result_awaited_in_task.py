"""A task that waits for another one."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from harness.configuration import Configuration
from harness.finding import Finding, Severity
from harness.rule import Rule
from harness.sources import last_name


class ResultAwaitedInTask(Rule):
    """A task calls get() on the result of a task that it has just sent.

    Celery refuses it with RuntimeError; `allow_join_result` or `disable_sync_subtasks=False` let it wait.
    """

    id = "RES004"
    severity = Severity.HIGH
    why = "The task fails; or, if it may wait, all children wait for tasks that no child is left to run."
    mend = "Make it a chain or a chord, or let the second task be sent by the first and go on from there."
    source = "celery/result.py: assert_will_not_block, AsyncResult.get"
    proof = "scenarios/rules/test_results.py::test_a_task_may_not_wait_for_another"

    def check(self, app: Configuration) -> Iterator[Finding]:
        for task, function in app.functions():
            file = str(app.task(task).get("file"))
            for node in ast.walk(function):
                if not isinstance(node, ast.Call) or last_name(node.func) not in ("get", "join"):
                    continue
                sent = node.func.value if isinstance(node.func, ast.Attribute) else None
                if isinstance(sent, ast.Call) and last_name(sent.func) in (
                    "delay",
                    "apply_async",
                    "send_task",
                ):
                    what = f"{last_name(sent.func)}(...).{last_name(node.func)}() waits inside a task"
                    yield self.found(app, task, what, f"{file}:{node.lineno}")
