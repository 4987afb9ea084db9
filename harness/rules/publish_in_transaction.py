"""A task that is sent before its data is committed."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from harness.configuration import Configuration
from harness.finding import Finding, Severity
from harness.rule import Rule
from harness.sources import last_name

SENDING = ("delay", "apply_async", "send_task")


class PublishInTransaction(Rule):
    """A task is sent inside transaction.atomic(), and not on commit.

    Seen where the call stands in the block itself, or in a function decorated with it; a transaction that a
    caller opens, or `ATOMIC_REQUESTS`, is not.
    """

    id = "PUB002"
    severity = Severity.HIGH
    why = "The worker looks for a row that is not there yet, or runs for one that was rolled back."
    mend = "Use delay_on_commit() (celery.contrib.django), or transaction.on_commit(lambda: task.delay(...))."
    source = "docs: Django, trigger tasks at the end of the transaction; celery PR 8491"
    proof = "scenarios/rules/test_publishing.py::test_a_task_in_a_transaction_runs_without_its_row"

    def check(self, app: Configuration) -> Iterator[Finding]:
        for file in app.callers.paths:
            for call in in_transactions(app.callers.tree(file)):
                what = f"{last_name(call.func)}() inside transaction.atomic()"
                yield self.found(app, ast.unparse(call.func), what, f"{file}:{call.lineno}")


def in_transactions(tree: ast.AST, *, inside: bool = False) -> Iterator[ast.Call]:
    """Each call that sends a task in a transaction; what is defined there, and runs later, is left out."""
    for node in ast.iter_child_nodes(tree):
        within = inside
        if isinstance(node, ast.With | ast.AsyncWith):
            within = inside or any(_atomic(item.context_expr) for item in node.items)
        elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            within = any(_atomic(decorator) for decorator in node.decorator_list)
        elif isinstance(node, ast.Lambda | ast.ClassDef):
            within = False
        elif inside and isinstance(node, ast.Call) and last_name(node.func) in SENDING:
            yield node
        yield from in_transactions(node, inside=within)


def _atomic(node: ast.expr) -> bool:
    return last_name(node.func if isinstance(node, ast.Call) else node) == "atomic"
