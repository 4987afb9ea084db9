"""on_failure as the only hook for failures."""

from __future__ import annotations

from collections.abc import Iterator

from harness.configuration import Configuration
from harness.finding import Finding, Severity
from harness.rule import Rule
from harness.rules._failures import hooks
from harness.rules._words import several


class OnFailureOnly(Rule):
    """A task's on_failure is the only thing that hears of its failures.

    Celery does not call it where the child is killed, or for `Reject`; before 5.7 not for the hard time
    limit either. If it raises, it is called again with its own error, which replaces the task's.
    """

    id = "DLQ003"
    severity = Severity.MEDIUM
    why = "Tasks whose process dies, out of memory for instance, leave no dead letter."
    mend = "Connect the task_failure signal, and write a record that is unique by task id."
    source = "celery/worker/request.py: on_failure; celery/app/trace.py; celery#4827, celery#10194, PR 10226"
    proof = "scenarios/rules/test_dead_letters.py::test_on_failure_does_not_hear_of_a_killed_child"

    def check(self, app: Configuration) -> Iterator[Finding]:
        if hooks(app) - {"on_failure", "link_error"}:
            return
        found: dict[str, list[str]] = {}
        for task in app.tasks:
            hook = (app.task(task).get("overrides") or {}).get("on_failure")
            if hook:
                found.setdefault(str(hook), []).append(task)
        for hook, tasks in found.items():
            what = f"{hook.partition(' in ')[0]} is all that hears of failures of {several(tasks)}"
            yield self.found(app, hook.partition(" in ")[0], what, hook)
