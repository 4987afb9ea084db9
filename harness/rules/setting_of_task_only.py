"""A setting that Celery has only as an option of a task."""

from __future__ import annotations

from collections.abc import Iterator

from harness.configuration import Configuration
from harness.finding import Finding, Severity
from harness.rule import Rule
from harness.rules._words import OF_A_TASK


class SettingOfTaskOnly(Rule):
    """A setting is given that Celery has as an option of tasks only, such as task_default_max_retries.

    Celery reads `task_default_retry_delay`, `task_max_retry_delay`, `task_retry_jitter` and the like
    nowhere: retries follow `max_retries`, `default_retry_delay` and `retry_*` of the task or of its base
    class.
    """

    id = "CFG002"
    severity = Severity.HIGH
    why = "Tasks keep 3 retries of 180 s, or none at all, whatever the setting says."
    mend = "Set the option on a base class (Celery(task_cls=...)), in the decorator, or in an annotation."
    source = "celery/app/task.py: Task.max_retries, Task.default_retry_delay; celery/app/defaults.py"
    proof = "scenarios/rules/test_settings.py::test_a_setting_that_only_tasks_have_changes_no_retry"

    def check(self, app: Configuration) -> Iterator[Finding]:
        for row in app.settings.get("unknown") or ():
            name = str(row["name"])
            if name in OF_A_TASK:
                what = f"{row.get('written') or name} is no setting; {OF_A_TASK[name]} is an option of tasks"
                yield self.found(app, name, what, str(row.get("origin", "")))
