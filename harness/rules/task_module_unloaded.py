"""A file of tasks that nothing loads."""

from __future__ import annotations

from collections.abc import Iterator

from harness.configuration import Configuration
from harness.finding import Finding, Severity
from harness.rule import Rule


class TaskModuleUnloaded(Rule):
    """A file of the project declares tasks, the app does not load it, and no line of the project names it.

    A file that another one imports, or names in a string such as `imports`, is taken for another program's.
    """

    id = "TSK003"
    severity = Severity.HIGH
    why = "The task is unknown to every worker: its messages are logged as an error and thrown away."
    mend = "Name the module in imports or include, or let autodiscover_tasks find it."
    source = "celery/loaders/base.py: import_default_modules, autodiscover_tasks"
    proof = "scenarios/rules/test_publishing.py::test_a_name_that_no_worker_has_is_thrown_away"

    def check(self, app: Configuration) -> Iterator[Finding]:
        for file, line in app.strays.items():
            yield self.found(app, file, "it declares tasks, and nothing loads it", f"{file}:{line}")
