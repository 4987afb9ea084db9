"""An alert that looks for words in a task's id."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from harness.configuration import Configuration
from harness.finding import Finding, Severity
from harness.rule import Rule
from harness.sources import last_name

IDS = ("task_id", "original_task_id", "root_id", "parent_id")


class AlertByTaskId(Rule):
    """A task's id is searched for a word, such as "payroll" in task_id.

    The id is a UUID; the name is `sender.name`, `self.name` or `request.task`.
    """

    id = "OPS005"
    severity = Severity.HIGH
    why = "The condition is never true: the alert for what is critical is never sent."
    mend = "Look at the task's name."
    source = "celery/app/task.py: apply_async, uuid(); kombu/utils/uuid.py"
    proof = "scenarios/rules/test_rabbitmq.py::test_an_alert_by_task_id_is_never_sent"

    def check(self, app: Configuration) -> Iterator[Finding]:
        for file in app.sources.paths:
            for node in ast.walk(app.sources.tree(file)):
                if _searches(node):
                    what = f"{ast.unparse(node)[:80]} is never true of a UUID"
                    yield self.found(app, "task_id", what, f"{file}:{getattr(node, 'lineno', 0)}")


def _searches(node: ast.AST) -> bool:
    """``"word" in task_id``, ``name in request.id``, ``task_id.startswith("word")``."""
    if isinstance(node, ast.Compare) and isinstance(node.ops[0], ast.In | ast.NotIn):
        return _is_word(node.left) and _is_id(node.comparators[0])
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
        return node.func.attr in ("startswith", "endswith") and _is_id(node.func.value)
    return False


def _is_id(node: ast.expr) -> bool:
    if last_name(node) in IDS:
        return True
    return isinstance(node, ast.Attribute) and node.attr == "id" and last_name(node.value) == "request"


def _is_word(node: ast.expr) -> bool:
    return isinstance(node, ast.Name) or (isinstance(node, ast.Constant) and isinstance(node.value, str))
