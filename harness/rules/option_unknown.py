"""A decorator's option that Celery does not read."""

from __future__ import annotations

from collections.abc import Iterator

from harness.configuration import Configuration
from harness.finding import Finding, Severity
from harness.rule import Rule
from harness.rules._versions import OPTIONS_SINCE


class OptionUnknown(Rule):
    """A task's decorator is given an option that Celery does not read, such as max_retires.

    Celery's decorators take any keyword and make it an attribute of the task.
    """

    id = "TSK001"
    severity = Severity.HIGH
    why = "The option does nothing, and no error says so."
    mend = "Correct the name, or remove it."
    source = "celery/app/base.py: Celery.task and _task_from_fun, which pass every keyword on as an attribute"
    proof = "scenarios/rules/test_annotations.py::test_a_mistyped_option_changes_nothing"

    def check(self, app: Configuration) -> Iterator[Finding]:
        for row in app.settings.get("options_without_effect") or ():
            name, near = str(row.get("name")), row.get("near")
            if name in OPTIONS_SINCE:
                continue  # CFG006 says more of it
            hint = f"; the nearest is {near}" if near else ""
            yield self.found(
                app, str(row.get("task")), f"Celery reads no option {name}{hint}", str(row.get("origin"))
            )
